"""Calls of layers that take or give more than a tensor."""

from .refusals import Refuse
from .render import render
from .values import Items, Known, Rust, is_known, is_tensor, known

ATTENTION = [
    "query",
    "key",
    "value",
    "key_padding_mask",
    "need_weights",
    "attn_mask",
    "average_attn_weights",
    "is_causal",
]
MASKS = {
    "TransformerEncoderLayer": ["src", "src_mask", "src_key_padding_mask", "is_causal"],
    "TransformerEncoder": ["src", "mask", "src_key_padding_mask", "is_causal"],
}
# The masks of a decoder: field, kind, default.
DECODER_MASKS = {
    "tgt_mask": ("tgt_mask", "option_ref", None),
    "memory_mask": ("memory_mask", "option_ref", None),
    "tgt_key_padding_mask": ("tgt_key_padding_mask", "option_ref", None),
    "memory_key_padding_mask": ("memory_key_padding_mask", "option_ref", None),
    "tgt_is_causal": ("tgt_is_causal", "option_bool", None),
    "memory_is_causal": ("memory_is_causal", "bool", False),
}
# The state of a recurrent layer: its type here, and the struct in Rust.
STATES = {
    "LSTM": ("lstm_state", "LSTMState"),
    "GRU": ("gru_state", "GRUState"),
    "RNN": ("elman_state", "RNNState"),
}


def bound(node, names, positional, keywords):
    values = dict(zip(names, positional))
    for name, value in keywords.items():
        if name not in names:
            raise Refuse(node, f"the layer has no argument {name}")
        values[name] = value
    if len(positional) > len(names) or names[0] not in values:
        raise Refuse(node, "the arguments do not fit the layer")
    return values


def call(network, context, node, layer, positional, keywords):
    name = layer.spec.row.name
    if name in STATES:
        return recurrent(context, node, layer, name, positional, keywords)
    if name in ("LSTMCell", "GRUCell", "RNNCell"):
        return cell(context, node, layer, name, positional, keywords)
    if name == "MultiheadAttention":
        return attention(context, node, layer, positional, keywords)
    if name in MASKS:
        return encoder(network, context, node, layer, name, positional, keywords)
    if name in ("TransformerDecoderLayer", "TransformerDecoder"):
        return decoder(context, node, layer, name, positional, keywords)
    if name == "Transformer":
        return transformer(context, node, layer, positional, keywords)
    if name == "Bilinear":
        texts = [render(v, "ref", context) for v in positional]
        return Rust(f"{layer.text}.forward({', '.join(texts)})", "tensor")
    raise Refuse(node, f"a call of {name} has no Rust")


def recurrent(context, node, layer, name, positional, keywords):
    values = bound(node, ["input", "hx"], positional, keywords)
    kind, struct = STATES[name]
    state = state_text(context, node, values.get("hx", Known(None)), kind, struct)
    if isinstance(values["input"], Rust) and values["input"].type == "packed":
        packed = render(values["input"], "packed", context)
        return Rust(
            f"{layer.text}.forward_packed_t({packed}, {state}, {context.train()})", ("packed", kind)
        )
    input = render(values["input"], "ref", context)
    text = f"{layer.text}.forward_t({input}, {state}, {context.train()})"
    return Rust(text, ("tensor", kind))


def state_text(context, node, value, kind, struct):
    if isinstance(value, Known) and value.value is None:
        return "None"
    if isinstance(value, Rust) and value.type == kind:
        context.use(value)
        return f"Some({value.text if value.form == 'ref' else '&' + value.text})"
    if kind == "lstm_state":
        return f"Some(&LSTMState({pair(context, node, value)}))"
    if is_tensor(value):
        return f"Some(&{struct}({render(value, 'owned', context)}))"
    raise Refuse(node, "the state is of another type")


def pair(context, node, value):
    """The two tensors of a state."""
    if isinstance(value, Items) and len(value.values) == 2:
        return "(" + ", ".join(render(v, "owned", context) for v in value.values) + ")"
    if isinstance(value, Rust) and value.type == ("tensor", "tensor"):
        context.use(value)
        return f"({value.text}.0.shallow_clone(), {value.text}.1.shallow_clone())"
    raise Refuse(node, "the state is of another type")


def cell(context, node, layer, name, positional, keywords):
    values = bound(node, ["input", "hx"], positional, keywords)
    state, input = values.get("hx", Known(None)), render(values["input"], "ref", context)
    if name == "LSTMCell":
        text = state_text(context, node, state, "lstm_state", "LSTMState")
        return Rust(f"{layer.text}.forward({input}, {text})", "lstm_state")
    text = "None" if is_known(state) else f"Some({render(state, 'ref', context)})"
    return Rust(f"{layer.text}.forward({input}, {text})", "tensor")


def options(context, node, values, skipped, kinds):
    """The fields of a struct of options that are not at their defaults."""
    fields = []
    for name, (field, kind, default) in kinds.items():
        value = values.get(name)
        if value is None or name in skipped or (is_known(value) and known(value) == default):
            continue
        context.calls_tch = False
        try:
            text = render(value, kind, context)
        finally:
            context.calls_tch = True
        fields.append(field if text == field else f"{field}: {text}")
    return fields


def with_defaults(struct, fields):
    if not fields:
        return "Default::default()"
    return f"{struct} {{ {', '.join(fields)}, ..Default::default() }}"


def attention(context, node, layer, positional, keywords):
    values = bound(node, ATTENTION, positional, keywords)
    tensors = ", ".join(render(values[n], "ref", context) for n in ATTENTION[:3])
    fields = options(
        context,
        node,
        values,
        ATTENTION[:3],
        {
            "key_padding_mask": ("key_padding_mask", "option_ref", None),
            "need_weights": ("need_weights", "bool", True),
            "attn_mask": ("attn_mask", "option_ref", None),
            "average_attn_weights": ("average_attn_weights", "bool", True),
            "is_causal": ("is_causal", "bool", False),
        },
    )
    text = with_defaults("AttentionOptions", fields)
    return Rust(
        f"{layer.text}.forward_t({tensors}, {text}, {context.train()})", ("tensor", "option")
    )


def encoder(network, context, node, layer, name, positional, keywords):
    names = MASKS[name]
    values = bound(node, names, positional, keywords)
    fields = options(
        context,
        node,
        values,
        names[:1],
        {
            names[1]: ("src_mask", "option_ref", None),
            "src_key_padding_mask": ("src_key_padding_mask", "option_ref", None),
            "is_causal": (
                "is_causal",
                "option_bool",
                None if name == "TransformerEncoder" else False,
            ),
        },
    )
    if not fields:
        return network.apply(context, layer, values["src"])
    source = render(values["src"], "ref", context)
    text = with_defaults("EncoderMasks", fields)
    return Rust(f"{layer.text}.forward_masked_t({source}, {text}, {context.train()})", "tensor")


def decoder(context, node, layer, name, positional, keywords):
    names = ["tgt", "memory", *DECODER_MASKS]
    values = bound(node, names, positional, keywords)
    # A layer takes causality as it is told; a stack of them looks for it where it is not told.
    kinds = DECODER_MASKS | {
        "tgt_is_causal": (
            "tgt_is_causal",
            "option_bool",
            None if name == "TransformerDecoder" else False,
        )
    }
    masks = with_defaults("DecoderMasks", options(context, node, values, names[:2], kinds))
    tensors = ", ".join(required(context, node, values, n) for n in names[:2])
    return Rust(f"{layer.text}.forward_t({tensors}, {masks}, {context.train()})", "tensor")


def transformer(context, node, layer, positional, keywords):
    names = [
        "src",
        "tgt",
        "src_mask",
        "tgt_mask",
        "memory_mask",
        "src_key_padding_mask",
        "tgt_key_padding_mask",
        "memory_key_padding_mask",
        "src_is_causal",
        "tgt_is_causal",
        "memory_is_causal",
    ]
    values = bound(node, names, positional, keywords)
    tensors = ", ".join(required(context, node, values, n) for n in names[:2])
    source = with_defaults(
        "EncoderMasks",
        options(
            context,
            node,
            values,
            names[:2],
            {
                "src_mask": ("src_mask", "option_ref", None),
                "src_key_padding_mask": ("src_key_padding_mask", "option_ref", None),
                "src_is_causal": ("is_causal", "option_bool", None),
            },
        ),
    )
    target = with_defaults("DecoderMasks", options(context, node, values, names[:2], DECODER_MASKS))
    return Rust(
        f"{layer.text}.forward_t({tensors}, {source}, {target}, {context.train()})", "tensor"
    )


def required(context, node, values, name):
    if name not in values:
        raise Refuse(node, f"the argument {name} is missing")
    return render(values[name], "ref", context)
