"""Values as the arguments of a Rust function, by the kind that the table of spellings names."""

import itertools

import torch

from .values import (
    ATOM,
    PRODUCT,
    SUM,
    Items,
    Known,
    Rust,
    float_text,
    is_known,
    is_number,
    is_tensor,
    known,
    parenthesized,
    string_text,
)


class Unfit(Exception):
    """The value is not of that kind."""


KINDS = {
    torch.float32: "Kind::Float",
    torch.float64: "Kind::Double",
    torch.int64: "Kind::Int64",
    torch.int32: "Kind::Int",
    torch.bool: "Kind::Bool",
    torch.float16: "Kind::Half",
    torch.bfloat16: "Kind::BFloat16",
    torch.uint8: "Kind::Uint8",
}

# Texts that are a variant of an enumeration in Rust.
VARIANTS = {
    "Reduction": {"mean": "Reduction::Mean", "sum": "Reduction::Sum", "none": "Reduction::None"},
    "PaddingMode": {
        "zeros": "PaddingMode::Zeros",
        "reflect": "PaddingMode::Reflect",
        "replicate": "PaddingMode::Replicate",
        "circular": "PaddingMode::Circular",
    },
    "FanInOut": {"fan_in": "init::FanInOut::FanIn", "fan_out": "init::FanInOut::FanOut"},
    "NonLinearity": {
        "relu": "init::NonLinearity::ReLU",
        "tanh": "init::NonLinearity::Tanh",
        "linear": "init::NonLinearity::Linear",
        "sigmoid": "init::NonLinearity::Sigmoid",
    },
    "EmbeddingBagMode": {
        "mean": "functional::EmbeddingBagMode::Mean",
        "sum": "functional::EmbeddingBagMode::Sum",
        "max": "functional::EmbeddingBagMode::Max",
    },
    "AutoPad": {"same": "Some(AutoPad::Same)", "valid": "Some(AutoPad::Valid)"},
    "Nonlinearity": {"tanh": "Nonlinearity::Tanh", "relu": "Nonlinearity::Relu"},
    "Activation": {"relu": "Activation::Relu", "gelu": "Activation::Gelu"},
    "InterpolateMode": {
        "nearest": "functional::InterpolateMode::Nearest",
        "nearest-exact": "functional::InterpolateMode::NearestExact",
        "linear": "functional::InterpolateMode::Linear",
        "bilinear": "functional::InterpolateMode::Bilinear",
        "bicubic": "functional::InterpolateMode::Bicubic",
        "trilinear": "functional::InterpolateMode::Trilinear",
        "area": "functional::InterpolateMode::Area",
    },
}


def render(value, kind, context):
    """The text of a value as an argument of `kind`; raises Unfit."""
    if kind in VARIANTS:
        try:
            return VARIANTS[kind][known(value)]
        except (LookupError, TypeError):
            raise Unfit from None
    if kind.startswith("option_"):
        return option(value, kind.removeprefix("option_"), context)
    return RENDERERS[kind](value, context)


def option(value, kind, context):
    none = isinstance(value, Known) and value.value is None
    if kind == "ref":
        if isinstance(value, Rust) and value.type == "option":
            return f"{value.text}.as_ref()" if value.form == "place" else value.text
        return "None::<&Tensor>" if none else f"Some({reference(value, context)})"
    if none:
        typed = {"int": "None::<i64>", "float": "None::<f64>"}
        return typed.get(kind, "None") if context.calls_tch else "None"
    if kind == "slice":
        return f"Some(&{int_list(value, context)})"
    if kind == "floats":
        return f"Some(&{float_list(value, context)})"
    if kind == "vec":
        return f"Some(vec!{int_list(value, context)})"
    if kind == "vec_float":
        return f"Some(vec!{float_list(value, context)})"
    text = render(value, kind, context)
    return text if context.calls_tch else f"Some({text})"


def receiver(value, context):
    if not is_tensor(value):
        raise Unfit
    context.use(value)
    return parenthesized(value, ATOM)


def reference(value, context):
    if not is_tensor(value):
        raise Unfit
    context.use(value)
    return value.text if value.form == "ref" else f"&{parenthesized(value, ATOM)}"


def owned(value, context):
    if not is_tensor(value):
        raise Unfit
    context.use(value)
    return value.text if value.form == "owned" else f"{value.text}.shallow_clone()"


def operand(value, context, level=PRODUCT):
    """An operand of `+`: a number, or a tensor that the operator does not use up."""
    if is_number(value):
        text = number(value, context)
        return text if isinstance(value, Known) or value.level <= level else f"({text})"
    if not is_tensor(value):
        raise Unfit
    context.use(value)
    text = parenthesized(value, level)
    return f"&{text}" if value.form == "place" else text


def integer(value, context):
    if (
        isinstance(value, Known)
        and isinstance(value.value, int)
        and value.value is not True
        and value.value is not False
    ):
        return str(value.value)
    if isinstance(value, Rust) and value.type == "int":
        context.use(value)
        return value.text
    raise Unfit


def floating(value, context):
    if isinstance(value, Known) and is_number(value):
        return float_text(value.value)
    if isinstance(value, Rust) and value.type == "float":
        context.use(value)
        return value.text
    if isinstance(value, Rust) and value.type == "int":
        context.use(value)
        return f"{parenthesized(value, ATOM)} as f64"
    raise Unfit


def number(value, context):
    """An integer as an integer, so that a tensor of integers stays one."""
    if isinstance(value, Known) and isinstance(value.value, int):
        return integer(value, context)
    if isinstance(value, Rust) and value.type == "int":
        return integer(value, context)
    return floating(value, context)


def boolean(value, context):
    if isinstance(value, Known) and value.value is None:
        return "false"
    if isinstance(value, Known) and isinstance(value.value, bool):
        return "true" if value.value else "false"
    if isinstance(value, Rust) and value.type == "bool":
        context.use(value)
        return value.text
    raise Unfit


def string(value, context):
    if isinstance(value, Known) and isinstance(value.value, str):
        return string_text(value.value)
    raise Unfit


def elements(value):
    if isinstance(value, Known) and isinstance(value.value, (tuple, list)):
        return [Known(v) for v in value.value]
    if isinstance(value, Items):
        # `view(*shape)` and `view(shape)` are one.
        if len(value.values) == 1 and not is_number(value.values[0]):
            return elements(value.values[0])
        return value.values
    raise Unfit


def int_list(value, context):
    return "[" + ", ".join(integer(v, context) for v in elements(value)) + "]"


def float_list(value, context):
    values = elements(value) if not is_number(value) else [value]
    return "[" + ", ".join(floating(v, context) for v in values) + "]"


def ints(value, context):
    """What `tch` takes as a list of numbers."""
    if is_number(value):
        return integer(value, context)
    shape = value.values[0] if isinstance(value, Items) and len(value.values) == 1 else value
    if isinstance(shape, Rust) and shape.type == "shape":
        context.use(shape)
        return shape.text if shape.form == "owned" else f"&{shape.text}[..]"
    return joined(value, context) or int_list(value, context)


def joined(value, context):
    """`*shape, -1`: parts of a shape and numbers, one behind the other; or None."""
    values = value.values if isinstance(value, Items) else []
    spread = [isinstance(v, Rust) and v.type == "spread" for v in values]
    if not any(spread):
        return None
    parts = []
    for is_spread, group in itertools.groupby(zip(spread, values), key=lambda pair: pair[0]):
        if is_spread:
            parts += [f"&{v.text}" if v.form == "slice" else f"&{v.text}[..]" for _, v in group]
        else:
            parts.append("&[" + ", ".join(integer(v, context) for _, v in group) + "][..]")
    return f"[{', '.join(parts)}].concat()"


def array(value, context):
    """What `view` takes: numbers, or a slice."""
    shape = value.values[0] if isinstance(value, Items) and len(value.values) == 1 else value
    if isinstance(shape, Rust) and shape.type == "shape":
        context.use(shape)
        return f"&{shape.text}[..]"
    parts = joined(value, context)
    return f"&{parts}[..]" if parts else int_list(value, context)


def dims(value, context):
    if isinstance(value, Known) and value.value is None:
        return "None::<i64>"
    if is_number(value):
        return integer(value, context)
    return f"&{int_list(value, context)}[..]"


def fixed(length):
    """`[i64; length]`; one number stands for all."""

    def text(value, context):
        if is_number(value):
            one = integer(value, context)
            return f"[{one}]" if length == 1 else f"[{one}; {length}]"
        if len(elements(value)) != length:
            raise Unfit
        return int_list(value, context)

    return text


def sizes(length):
    """`impl Sizes<length>`."""

    def text(value, context):
        return integer(value, context) if is_number(value) else fixed(length)(value, context)

    return text


def stride(length):
    return lambda value, context: f"Some({fixed(length)(value, context)})"


def same(value, context):
    """One number for all dimensions."""
    if is_number(value):
        return integer(value, context)
    texts = {integer(v, context) for v in elements(value)}
    if len(texts) != 1:
        raise Unfit
    return texts.pop()


def vector(value, context):
    if is_number(value):
        return f"vec![{integer(value, context)}]"
    if isinstance(value, Rust) and value.type == "shape":
        return value.text
    return f"vec!{int_list(value, context)}"


def row(value, context):
    text = integer(value, context)
    if text.startswith("-"):
        raise Unfit
    return text


def index(value, context):
    """Into a slice: `usize`."""
    text = integer(value, context)
    if isinstance(value, Known):
        if value.value < 0:
            raise Unfit
        return text
    return f"{parenthesized(value, ATOM)} as usize"


def tensors(value, context):
    if isinstance(value, Rust) and value.type == "tensors":
        context.use(value)
        return value.text if value.form == "ref" else f"&{value.text}"
    if isinstance(value, Items):
        if len(value.values) == 1 and not is_tensor(value.values[0]):
            return tensors(value.values[0], context)
        return "&[" + ", ".join(reference(v, context) for v in value.values) + "]"
    raise Unfit


def kind(value, context):
    if isinstance(value, Known):
        if value.value is None:
            return "Kind::Float"
        if value.value is float:
            return "Kind::Float"
        if value.value in KINDS:
            return KINDS[value.value]
    if isinstance(value, Rust) and value.type == "kind":
        context.use(value)
        return value.text
    raise Unfit


def device(value, context):
    if isinstance(value, Known):
        if value.value is None or str(value.value) == "cpu":
            return context.device()
        raise Unfit
    if isinstance(value, Rust) and value.type == "device":
        context.use(value)
        return value.text
    raise Unfit


def mutable(value, context):
    if isinstance(value, Rust) and value.type == "mutable":
        return value.text
    raise Unfit


def packed(value, context):
    if isinstance(value, Rust) and value.type == "packed":
        context.use(value)
        return value.text if value.form == "ref" else f"&{value.text}"
    raise Unfit


def lengths(value, context):
    """How long each sequence is: a list, or a tensor on the CPU."""
    if is_tensor(value):
        context.use(value)
        text = value.text if value.form == "ref" else f"&{parenthesized(value, ATOM)}"
        return f"&Vec::<i64>::try_from({text}).unwrap()"
    return f"&{int_list(value, context)}"


RENDERERS = {
    "packed": packed,
    "lengths": lengths,
    "mut": mutable,
    "receiver": receiver,
    "ref": reference,
    "owned": owned,
    "operand": operand,
    "int": integer,
    "float": floating,
    "number": number,
    "bool": boolean,
    "str": string,
    "ints": ints,
    "slice": lambda value, context: f"&{int_list(value, context)}",
    "array": array,
    "dims": dims,
    "same": same,
    "vec": vector,
    "row": row,
    "index": index,
    "tensors": tensors,
    "kind": kind,
    "device": device,
    **{f"int{n}": fixed(n) for n in range(1, 7)},
    **{f"sizes{n}": sizes(n) for n in range(1, 7)},
    **{f"stride{n}": stride(n) for n in (1, 2, 3)},
    "sum_operand": lambda value, context: operand(value, context, SUM),
}


def rendered_known(value):
    """Whether the value is known, and what it is."""
    return known(value) if is_known(value) else None
