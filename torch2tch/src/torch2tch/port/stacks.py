"""Stacks of Transformer layers: copies of one layer that is drawn apart."""

from torch import nn

from . import build, spellings
from .refusals import Refuse
from .render import render
from .specs import Path, Spec
from .values import Built, Known, known

# What a stack takes: the layer, how often, the normalization behind them, and more.
ARGUMENTS = {
    nn.TransformerEncoder: [
        "encoder_layer",
        "num_layers",
        "norm",
        "enable_nested_tensor",
        "mask_check",
    ],
    nn.TransformerDecoder: ["decoder_layer", "num_layers", "norm"],
}


def stack(context, node, cls, positional, keywords):
    """`nn.TransformerEncoder(layer, n)` or `nn.TransformerDecoder(layer, n)`."""
    first, *_ = names = ARGUMENTS[cls]
    values = dict(zip(names, positional)) | keywords
    for name in values:
        if name not in names:
            raise Refuse(node, f"the argument {name} has no Rust counterpart")
    layer = values.get(first)
    if (
        not isinstance(layer, Built)
        or layer.spec.type != f"{cls.__name__}Layer"
        or context.field_of(layer) is not None
        or "num_layers" not in values
    ):
        raise Refuse(node, "such a stack of layers has no Rust")
    count = render(values["num_layers"], "int", context)
    norm = normalization(node, values.get("norm", Known(None)))
    settings = encoder_settings(context, values, norm) if cls is nn.TransformerEncoder else norm
    row = next(r for r in spellings.layers() if r.name == cls.__name__)
    function = {"encoder_layer": "transformer_encoder", "decoder_layer": "transformer_decoder"}[
        first
    ]

    def emit(path):
        made = layer.emit(Path((), "scratch.root()"))
        return (
            f"{{\n    let scratch = VarStore::new(vs.device());\n    let layer = {made};\n"
            f"    {function}({path.owned}, &layer, {count}, {settings})\n}}"
        )

    return Built(Spec("row", cls.__name__, True, row), emit, layer.order)


def normalization(node, norm):
    """The configuration of the normalization behind the layers, which has no path of its own
    yet."""
    if (
        isinstance(norm, Built)
        and norm.spec.type == "LayerNorm"
        and norm.emit(Path()).endswith("Default::default())")
    ):
        return "Some(Default::default())"
    if isinstance(norm, Known) and norm.value is None:
        return "None"
    raise Refuse(node, "such a normalization behind a stack has no Rust")


def encoder_settings(context, values, norm):
    fields = [] if norm == "None" else [f"norm: {norm}"]
    for name in ARGUMENTS[nn.TransformerEncoder][3:]:
        if name in values and known(values[name]) is not True:
            fields.append(f"{name}: {render(values[name], 'bool', context)}")
    return build.config("TransformerEncoderConfig", fields)
