"""Functions of Python itself: those that are known at port time, and those that have Rust."""

import math

import torch

from .refusals import Refuse
from .render import render
from .values import (
    ATOM,
    UNARY,
    Items,
    Known,
    Layer,
    Parameters,
    Rust,
    SelfValue,
    is_known,
    is_number,
    is_tensor,
    known,
    parenthesized,
)


class PythonFunctions:
    def call_len(self, node, positional, keywords):
        (value,) = positional
        if is_tensor(value):
            return Rust(f"{render(value, 'receiver', self)}.size()[0]", "int")
        if isinstance(value, Rust) and value.type in ("tensors", "shape"):
            self.use(value)
            return Rust(f"{value.text}.len() as i64", "int", level=UNARY)
        if isinstance(value, Items):
            return Known(len(value.values))
        if isinstance(value, Layer):
            return self.port.layer_length(self, node, value)
        return None

    def call_int(self, node, positional, keywords):
        return self.whole(positional, "")

    def call_round(self, node, positional, keywords):
        """Python rounds to the even of two neighbours."""
        return self.whole(positional, ".round_ties_even()")

    def whole(self, positional, rounded):
        """A number as a whole one, after `rounded` has been called where it is a float."""
        if len(positional) != 1 or not isinstance(positional[0], Rust):
            return None
        value = positional[0]
        if value.type == "int":
            return value
        if value.type != "float":
            return None
        self.use(value)
        return Rust(f"{parenthesized(value, ATOM)}{rounded} as i64", "int", level=UNARY)

    def call_next(self, node, positional, keywords):
        (value,) = positional
        return value.first if isinstance(value, Parameters) else None

    def call_float(self, node, positional, keywords):
        if (
            len(positional) == 1
            and isinstance(positional[0], Rust)
            and positional[0].type in ("int", "float")
        ):
            value = positional[0]
            return (
                value
                if value.type == "float"
                else Rust(f"{parenthesized(value, ATOM)} as f64", "float", level=UNARY)
            )
        return None

    def call_hasattr(self, node, positional, keywords):
        value, name = positional
        if not isinstance(value, SelfValue):
            return None
        found = {hasattr(o, known(name)) for o in self.port.facts.of(self.owner.name).objects}
        return Known(found.pop()) if len(found) == 1 else self.has_option(known(name))

    def has_option(self, name):
        field = self.owner.fields.get(name)
        if field is None or field.spec.kind != "option":
            return None
        return Rust(f"self.{field.name}.is_some()", "bool")

    def call_isinstance(self, node, positional, keywords):
        value, cls = positional
        classes = known(cls)
        classes = classes if isinstance(classes, tuple) else (classes,)
        if is_tensor(value):
            return Known(torch.Tensor in classes)
        if isinstance(value, Items):
            return Known({"tuple": tuple, "list": list}[value.kind] in classes)
        if isinstance(value, Rust) and (value.type == "tensors" or isinstance(value.type, tuple)):
            return Known((list if value.type == "tensors" else tuple) in classes)
        if isinstance(value, Rust) and value.type in ("int", "float"):
            return Known({"int": int, "float": float}[value.type] in classes)
        return None

    def call_tensor(self, node, positional, keywords):
        (value,) = positional
        if set(keywords) - {"dtype", "device", "requires_grad"} or not is_known(value):
            return None
        try:
            example = torch.tensor(
                known(value), **{k: known(v) for k, v in keywords.items() if k == "dtype"}
            )
        except Exception as error:
            raise Refuse(node, str(error)) from None
        kinds = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}
        if example.dtype not in kinds or example.numel() > 64:
            raise Refuse(node, "a tensor of such numbers has no Rust")
        suffix, numbers = kinds[example.dtype], example.flatten().tolist()
        texts = [render(Known(n), "number", self) for n in numbers]
        if suffix != "f64" and texts:
            texts[0] += "_" + suffix if not texts[0].endswith(".") else "0_" + suffix
        text = f"Tensor::from_slice(&[{', '.join(texts)}])"
        if example.dim() != 1:
            text += f".view({list(example.shape)})" if example.dim() else ".view(())"
        return Rust(text, "tensor")

    def call_max(self, node, positional, keywords):
        return self.extremum("max", positional)

    def call_min(self, node, positional, keywords):
        return self.extremum("min", positional)

    def extremum(self, name, positional):
        if len(positional) == 2 and all(is_number(v) for v in positional):
            integer = all(self.is_int(v) for v in positional)
            texts = [self.number(v, integer) for v in positional]
            first = parenthesized(texts[0], ATOM)
            if isinstance(positional[0], Known):
                first, texts[1] = parenthesized(texts[1], ATOM), texts[0]
            return Rust(f"{first}.{name}({texts[1].text})", "int" if integer else "float")
        return None

    def call_list(self, node, positional, keywords):
        if len(positional) == 1 and isinstance(positional[0], Items):
            return Items(list(positional[0].values), "list")
        if len(positional) == 1 and isinstance(positional[0], (Rust, Layer)):
            return positional[0]
        return None

    def call_tuple(self, node, positional, keywords):
        if len(positional) == 1 and isinstance(positional[0], Items):
            return Items(list(positional[0].values), "tuple")
        if len(positional) == 1 and isinstance(positional[0], Rust):
            return positional[0]
        return None

    def call_abs(self, node, positional, keywords):
        if is_tensor(positional[0]):
            return Rust(f"{render(positional[0], 'receiver', self)}.abs()", "tensor")
        return None


# Functions of `math`, which call the same library of C in both languages.
MATH = {"sqrt": "sqrt", "exp": "exp", "log": "ln", "sin": "sin", "cos": "cos"}

SPECIAL = {
    name.removeprefix("call_"): getattr(PythonFunctions, name)
    for name in (
        "call_hasattr",
        "call_len",
        "call_int",
        "call_float",
        "call_isinstance",
        "call_tensor",
        "call_max",
        "call_min",
        "call_list",
        "call_tuple",
        "call_abs",
        "call_round",
        "call_next",
    )
}

PURE = {
    len,
    range,
    int,
    float,
    bool,
    str,
    min,
    max,
    sum,
    abs,
    round,
    sorted,
    list,
    tuple,
    dict,
    zip,
    enumerate,
    reversed,
    isinstance,
    issubclass,
    getattr,
    hasattr,
    type,
    any,
    all,
    set,
    divmod,
    pow,
    repr,
    map,
}


def is_pure(function):
    """Whether a call with known arguments can be made at port time."""
    try:
        if function in PURE:
            return True
    except TypeError:
        return False
    if function in (torch.cuda.is_available, torch.accelerator.is_available):
        return True
    owner = getattr(function, "__self__", None)
    if isinstance(owner, torch.Tensor):
        return getattr(function, "__name__", "") in ("dim", "size", "numel", "ndimension")
    if isinstance(owner, (str, list, dict, tuple, int, float)) and not isinstance(owner, type):
        return True
    return (
        getattr(function, "__module__", None)
        in ("math", "collections", "itertools", "functools", "numpy")
        or function is math.sqrt
        or function in (torch.device, torch.Size)
    )
