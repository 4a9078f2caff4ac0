"""Numbers, dtypes and texts of Python as literals of Rust."""

import math

import torch

KINDS = {
    torch.float32: "Kind::Float",
    torch.float64: "Kind::Double",
    torch.float16: "Kind::Half",
    torch.bfloat16: "Kind::BFloat16",
    torch.int64: "Kind::Int64",
    torch.int32: "Kind::Int",
    torch.int16: "Kind::Int16",
    torch.int8: "Kind::Int8",
    torch.uint8: "Kind::Uint8",
    torch.bool: "Kind::Bool",
    torch.complex64: "Kind::ComplexFloat",
}

# Rust's type of an element of a tensor that is written out.
ELEMENTS = {
    torch.float32: "f32",
    torch.float64: "f64",
    torch.int64: "i64",
    torch.int32: "i32",
    torch.bool: "bool",
}


def number(value: int | float | bool) -> str:
    """A literal, which is a float if the value is one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "i64::MAX" if value >= 2**63 - 1 else str(value)
    return floating(value)


def floating(value: float, type_: str = "f64") -> str:
    value = float(value)
    if math.isnan(value):
        return f"{type_}::NAN"
    if math.isinf(value):
        return f"{type_}::INFINITY" if value > 0 else f"{type_}::NEG_INFINITY"
    if type_ == "f32" and abs(value) >= 3.4028234e38:
        return "f32::MAX" if value > 0 else "f32::MIN"
    text = repr(value)
    if "e" in text:
        return text.replace("e+", "e")
    return text.removesuffix("0") if text.endswith(".0") else text


def element(value: int | float | bool, type_: str) -> str:
    """An element of a slice; the first of them says the type."""
    if type_ in ("f32", "f64"):
        return floating(value, type_)
    return number(value)


def string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
