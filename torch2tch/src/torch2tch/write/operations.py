"""Operations of libtorch in tch's spelling, by the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..nodes import (
    Arithmetic,
    Choice,
    Constant,
    Expression,
    Held,
    ListOf,
    Literal,
    Operation,
    SizeOf,
)
from ..subject import Refused
from ..tables.operations import IGNORED, OperationRow
from .syntax import Group, Infix, Level, Prefixed, Syntax, Text, at_most, method
from .values import KINDS, string

if TYPE_CHECKING:
    from .expressions import Expressions

# libtorch's numbers of them.
REDUCTIONS = ("None", "Mean", "Sum")

# An end of a slice that is beyond every tensor's.
BEYOND = 2**62


class Unfit(Exception):
    """An argument cannot be written as the row wants it."""


def operation(write: Expressions, node: Operation) -> Syntax:
    """The operation, by the first row that has a place for each argument."""
    for row in node.schema.rows():
        if _leaves_out_defaults_only(row, node):
            try:
                return _written(write, row, node)
            except Unfit:
                continue
    raise Refused(
        f"{node.schema} has no counterpart in tch for these arguments; "
        "a row in tables/exceptions.txt adds one"
    )


def _leaves_out_defaults_only(row: OperationRow, node: Operation) -> bool:
    written = {name for name, _ in row.parameters}
    for name, value in node.arguments:
        if name in written or name in IGNORED:
            continue
        default = node.schema.default(name)
        if (
            isinstance(value, (Constant, Literal))
            and value.value == default
            and type(value.value) is type(default)
        ):
            continue
        if isinstance(value, Constant) and value.value == default and name == "alpha":
            continue
        if (
            isinstance(value, ListOf)
            and tuple(getattr(i, "value", None) for i in value.items) == default
        ):
            continue
        return False
    return True


def _written(write: Expressions, row: OperationRow, node: Operation) -> Syntax:
    if row.is_operator:
        (left, _), (right, word) = row.parameters
        level = Level.SUM if row.method in "+-" else Level.PRODUCT
        return Infix(
            at_most(write.operand(node[left]), level),
            row.method,
            at_most(argument(write, node, right, word), Level(level - 1)),
            level,
        )
    receiver = next((name for name, word in row.parameters if word == "receiver"), None)
    items = tuple(
        argument(write, node, name, word) for name, word in row.parameters if word != "receiver"
    )
    if receiver is None:
        name = row.method if "::" in row.method else f"Tensor::{row.method}"
        return Group(name, "()", items)
    if node.schema.changes and node.schema.is_in_place:
        return method(write.mutable(node[receiver]), row.method, *items)
    return method(write.receiver(node[receiver]), row.method, *items)


def argument(write: Expressions, node: Operation, name: str, word: str) -> Syntax:
    """An argument as the table's word says."""
    value = node[name] if word != "options" else None
    is_none = isinstance(value, Literal) and value.value is None
    match word:
        case "tensor":
            if is_none or isinstance(value, Constant):
                raise Unfit
            return write.reference(value)
        case "option_tensor":
            return (
                Text("None::<&Tensor>")
                if is_none
                else Group("Some", "()", (write.reference(value),))
            )
        case "tensors":
            return Prefixed(
                "&", Group("", "[]", tuple(write.reference(item) for item in _items(value)))
            )
        case "option_tensors":
            return Prefixed(
                "&",
                Group(
                    "",
                    "[]",
                    tuple(
                        Text("None::<&Tensor>")
                        if item == Literal(None)
                        else Group("Some", "()", (write.reference(item),))
                        for item in _items(value)
                    ),
                ),
            )
        case "operand":
            return write.operand(value)
        case "int":
            return _integer(write, value)
        case "option_int":
            beyond = isinstance(value, Constant) and name == "end" and value.value > BEYOND
            return Text("None::<i64>") if is_none or beyond else _integer(write, value)
        case "float":
            return write.floating(value)
        case "option_float":
            return Text("None::<f64>") if is_none else write.floating(value)
        case "scalar":
            if is_none:
                raise Unfit
            return write.number(value)
        case "bool":
            return Text("false") if is_none else write.expression(value)
        case "ints":
            return _ints(write, value)
        case "array":
            array = Group("", "[]", tuple(write.number(item) for item in _items(value)))
            # tch takes arrays of up to six sizes.
            return array if len(array.items) <= 6 else method(array, "as_slice")
        case "option_ints":
            if is_none:
                return Text("None::<i64>")
            items = _items(value)
            return (
                write.number(items[0])
                if len(items) == 1
                else Prefixed(
                    "&", Group("", "[]", tuple(map(write.number, items)), Level.ATOM), "[..]"
                )
            )
        case "floats":
            items = () if is_none else tuple(write.floating(item) for item in _items(value))
            return Group("", "[]", items) if items else Text("[0f64; 0]")
        case "options":
            return Group("", "()", (Text(_kind(node.dtype)), Text(write.scope.device)))
        case "kind":
            if is_none:
                raise Unfit
            return Text(_kind(value.value))
        case "option_kind":
            return Text("None::<Kind>" if is_none else _kind(value.value))
        case "str" if isinstance(value, Literal) and isinstance(value.value, str):
            return Text(string(value.value))
        case "str":
            return Text('""')
        case "device":
            return Text(write.scope.device)
        case "reduction":
            return Text(f"Reduction::{REDUCTIONS[value.value]}")
    raise Unfit


def _items(value: Expression | None) -> tuple[Expression, ...]:
    if isinstance(value, ListOf):
        return value.items
    if value is None or value == Literal(None):
        raise Unfit
    return (value,)


def _integer(write: Expressions, value: Expression | None) -> Syntax:
    if isinstance(value, Constant) and isinstance(value.value, float):
        raise Unfit
    if not isinstance(value, (Constant, Held, SizeOf, Arithmetic, Choice)) and not write.is_size(
        value
    ):
        raise Unfit
    return write.number(value)


def _ints(write: Expressions, value: Expression | None) -> Syntax:
    items = tuple(map(write.number, _items(value)))
    return Group("", "[]", items) if items else Text("[0i64; 0]")


def _kind(dtype: object) -> str:
    if dtype not in KINDS:
        raise Refused(f"{dtype} has no counterpart in tch")
    return KINDS[dtype]
