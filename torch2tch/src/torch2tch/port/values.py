"""What a Python expression is at port time: a value that is known, or Rust text of a type.

Types are texts: tensor, int, float, bool, shape (`Vec<i64>`), tensors (`Vec<Tensor>`), none,
lstm_state, rnn_state, or a tuple of types.
"""

from dataclasses import dataclass, field

ATOM, UNARY, PRODUCT, SUM, COMPARISON, LOGIC = range(6)


@dataclass
class Known:
    """A Python object that is the same whenever the network runs."""

    value: object


@dataclass
class Rust:
    """Rust text. `form` is `owned` for a new value, `place` for a variable or field that owns it,
    `ref` for a reference; `level` is how tightly its operator binds."""

    text: str
    type: object
    form: str = "owned"
    level: int = ATOM
    local: object = None  # the variable, if it is one
    # A list of layers: what each is.
    item: object = None


@dataclass
class Items:
    """A tuple or list of which the elements are known one by one."""

    values: list
    kind: str = "tuple"
    local: object = None
    depth: int = 0  # of the block that made it


@dataclass
class Layer:
    """A layer that is there, in `forward`: what it is, and the text that names it."""

    spec: object
    text: str
    form: str = "place"


@dataclass
class Method:
    """A method of the class that is ported, or a function of its file."""

    owner: object
    name: str
    receiver: object = None


@dataclass
class TensorMethod:
    receiver: object
    name: str


@dataclass
class Parameters:
    """What `parameters()` gives: its first, a tensor."""

    first: Rust


class Poison:
    """What was refused."""


class SelfValue:
    """`self`."""


SELF = SelfValue()


@dataclass
class Built:
    """A layer, parameter or buffer under construction.

    `emit(path)` is its Rust text once it has a path; `spec` says what it is; `order` when it was
    made, among those that draw.
    """

    spec: object
    emit: object
    order: int | None = None
    children: list = field(default_factory=list)  # (name, Built) of a container
    lines: list = field(default_factory=list)  # the Python lines that made it
    arguments: list = field(
        default_factory=list
    )  # layers that it is given, which are made before it
    given: bool = False  # whether it is such an argument


def known(value):
    """The Python value, or raises LookupError."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Items) and value.local is None:
        elements = [known(v) for v in value.values]
        return tuple(elements) if value.kind == "tuple" else elements
    raise LookupError


def is_known(value):
    try:
        known(value)
        return True
    except LookupError:
        return False


def is_tensor(value):
    return isinstance(value, Rust) and value.type == "tensor"


def is_number(value):
    if isinstance(value, Known):
        return isinstance(value.value, (int, float)) and not isinstance(value.value, bool)
    return isinstance(value, Rust) and value.type in ("int", "float")


def parenthesized(value, level):
    """The text, in brackets where an operator of `level` would tear it apart."""
    return value.text if value.level <= level else f"({value.text})"


def float_text(number):
    """A Rust literal of an f64."""
    number = float(number)
    if number != number:
        return "f64::NAN"
    if number in (float("inf"), float("-inf")):
        return "f64::INFINITY" if number > 0 else "f64::NEG_INFINITY"
    text = repr(number)
    if "e" in text:
        return text.replace("e+", "e").replace("e-0", "e-").replace("e0", "e")
    return text[:-1] if text.endswith(".0") else text


def string_text(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
