"""Constructors: layers of the library by their rows, ported classes, chains and lists; and the
functions that initialize parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..nodes import (
    Constant,
    Earlier,
    Expression,
    Index,
    Initialize,
    ListOf,
    Literal,
    NewClass,
    NewLayer,
    NewList,
    NewSequential,
    Optional,
    Rolled,
    Root,
)
from ..nodes.expressions import Dropped, Shared
from ..subject import Refused
from ..tables.layers import PLACEHOLDER, VARIANTS
from .syntax import Group, Level, Prefixed, Syntax, Text, at_most, method, one_line
from .values import floating, number, string

if TYPE_CHECKING:
    from .expressions import Expressions

# Where an enumeration stands.
MODULES = {"EmbeddingBagMode": "functional::", "InterpolateMode": "functional::"}

FANS = {"fan_in": "FanIn", "fan_out": "FanOut"}
GAINS = {"relu": "ReLU", "tanh": "Tanh", "linear": "Linear", "sigmoid": "Sigmoid"}


def new(write: Expressions, node: Expression) -> Syntax:
    match node:
        case NewLayer(path=root):
            return layer(write, node, path(root))
        case NewClass(number=number_, path=root, arguments=arguments):
            title, class_ = write.scope.titles[number_], write.scope.classes[number_]
            if class_.is_unit:
                return Text(title)
            place = (borrowed(root),) if class_.takes_path else ()
            return Group(f"{title}::new", "()", (*place, *map(write.expression, arguments)))
        case NewSequential(items=items):
            name = "seq_t" if _trains(write, node) else "seq"
            start: Syntax = Text(f"{_unshadowed(write, name)}()")
            for item in items:
                start = method(start, "add", new(write, item))
            return start
        case NewList(items=items):
            return Group("vec!", "[]", tuple(new(write, item) for item in items))
        case Earlier(target=target):
            return Text(write.scope.names[target])
        case Rolled(count=count, item=item):
            numbers = Text(f"(0..{one_line(write.expression(count))})")
            return method(method(numbers, "map", Prefixed("|i| ", new(write, item))), "collect")
        case Optional(present=present, layer=inner):
            there = at_most(write.expression(present), Level.ATOM)
            return method(there, "then", Prefixed("|| ", new(write, inner)))
        case Dropped(layer=inner) | Shared(layer=inner):
            return layer(write, inner, Text(SCRATCH))
    raise AssertionError(node)


# The path of a layer whose parameters are dropped.
SCRATCH = "VarStore::new(vs.device()).root()"


def _trains(write: Expressions, node: NewSequential) -> bool:
    for item in node.items:
        if isinstance(item, NewLayer) and item.row.trains:
            return True
        if isinstance(item, NewClass) and write.scope.classes[item.number].forward.trains:
            return True
        if isinstance(item, NewSequential) and _trains(write, item):
            return True
    return False


def path(root: Root) -> Syntax:
    """A place in the variable store: `vs / "layers" / 0`."""
    parts = [
        "i" if isinstance(p, Index) else str(p) if isinstance(p, int) else string(p)
        for p in root.parts
    ]
    return Text(" / ".join(["vs", *parts]), Level.PRODUCT if parts else Level.ATOM)


def borrowed(root: Root) -> Syntax:
    """The same for what takes `&Path`."""
    return Prefixed("&", at_most(path(root), Level.ATOM)) if root.parts else Text("vs")


def layer(write: Expressions, node: NewLayer, place: Syntax) -> Syntax:
    row, written = node.row, dict(node.arguments)
    of_new = {name for name, _ in row.kinds}
    configured = [
        (rust, kind, written[python])
        for python, rust, kind in row.fields
        if python in written and python not in of_new and not _is_default(node, python, kind)
    ]
    head, _, rest = row.new.partition("(")
    head = _unshadowed(write, head)
    if not rest:
        return _with_fields(write, Text(head), row.type, configured)
    items: list[Syntax] = []
    for piece in rest.removesuffix(")").split(", "):
        found = PLACEHOLDER.fullmatch(piece)
        if piece == "{path}":
            items.append(place)
        elif piece == "{config}":
            items.append(_with_fields(write, Text("Default::default()"), row.config, configured))
        elif found:
            items.append(argument(write, written[found[1]], found[2]))
        elif piece:
            items.append(Text(piece))
    made = Group(head, "()", tuple(items))
    return made if row.config else _with_fields(write, made, row.type, configured)


def _unshadowed(write: Expressions, function: str) -> str:
    """A function of the library, by its path where a local has its name."""
    return f"torch_parity::nn::{function}" if function in write.scope.shadowed else function


def _is_default(node: NewLayer, argument_: str, kind: str) -> bool:
    """Whether the layer has the value without being told."""
    written = dict(node.arguments)
    value = written[argument_]
    if kind.startswith("stride") and _value(value) == _value(written["kernel_size"]):
        return True
    return _value(value) == node.row.default(argument_)


def _value(node: Expression) -> object:
    """The value of Python; the node itself where it depends on the instance."""
    try:
        return _plain(node)
    except TypeError:
        return node


def _plain(value: Expression) -> object:
    """The value of Python; raises TypeError where it depends on the instance."""
    if isinstance(value, (Constant, Literal)):
        return value.value
    if isinstance(value, ListOf):
        return tuple(map(_plain, value.items))
    raise TypeError


def _with_fields(
    write: Expressions, default: Syntax, type_: str, fields: list[tuple[str, str, Expression]]
) -> Syntax:
    """A struct that has other values than `default` in these fields."""
    if not fields:
        return default
    items = tuple(_field(name, argument(write, value, kind)) for name, kind, value in fields)
    return Group(type_, "{}", (*items, Prefixed("..", default)))


def _field(name: str, value: Syntax) -> Syntax:
    return value if value == Text(name) else Prefixed(f"{name}: ", value)


def argument(write: Expressions, value: Expression, kind: str) -> Syntax:
    """An argument of a layer, as its row's kind says."""
    if kind in VARIANTS:
        name = "".join(part.capitalize() for part in re.split(r"[-_]", value.value))
        variant = Text(f"{MODULES.get(kind, '')}{kind}::{name}")
        return Group("Some", "()", (variant,)) if kind == "AutoPad" else variant
    if kind.startswith("option_"):
        if value == Literal(None):
            return Text("None")
        return Group("Some", "()", (argument(write, value, kind.removeprefix("option_")),))
    items = value.items if isinstance(value, ListOf) else None
    match kind:
        case "int" | "row":
            return write.number(value)
        case "float":
            return (
                Text(floating(value.value)) if isinstance(value, Constant) else write.number(value)
            )
        case "bool":
            return Text(number(value.value)) if isinstance(value, Literal) else write.number(value)
        case "str":
            return Text(string(value.value))
        case "same":
            return write.number(items[0] if items else value)
        case "vec":
            return Group("vec!", "[]", tuple(map(write.number, items or (value,))))
        case "vec_float":
            return Group("vec!", "[]", tuple(map(write.floating, items)))
        case "array":
            return Group("", "[]", tuple(map(write.number, items)))
    found = re.fullmatch(r"(int|sizes|stride)(\d)", kind)
    if found is None:
        raise Refused(f"an argument of the kind {kind} has no Rust")
    if items is None and found[1] == "sizes":
        return write.number(value)
    if items is not None and found[1] == "sizes" and len(set(items)) == 1:
        return write.number(items[0])
    array = (
        Text(f"[{one_line(write.number(value))}; {found[2]}]")
        if items is None
        else Group("", "[]", tuple(map(write.number, items)))
    )
    return Group("Some", "()", (array,)) if found[1] == "stride" else array


def initialize(write: Expressions, node: Initialize) -> Syntax:
    """A function of `torch.nn.init`."""
    arguments = dict(node.arguments)
    tensor = Prefixed("&mut ", write.mutable(node.tensor))
    if not node.function.startswith("kaiming_"):
        items = tuple(
            write.floating(value) if name not in ("groups",) else write.number(value)
            for name, value in arguments.items()
        )
        return Group(f"init::{node.function}", "()", (tensor, *items))
    nonlinearity = arguments["nonlinearity"].value
    if nonlinearity == "leaky_relu":
        gain = Group("init::leaky_relu", "()", (write.floating(arguments["a"]),))
    elif nonlinearity in GAINS:
        gain = Text(f"init::NonLinearity::{GAINS[nonlinearity]}")
    else:
        raise Refused(
            f"{node.function} with nonlinearity={nonlinearity!r} has no Rust; give a gain"
        )
    fan = Text(f"init::FanInOut::{FANS[arguments['mode'].value]}")
    return Group(f"init::{node.function}", "()", (tensor, fan, gain))
