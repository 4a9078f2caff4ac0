"""Nodes of a graph and events of a tape as operations: all arguments by name, defaults among
them."""

from collections.abc import Callable

import torch
from torch.fx import Node

from ..nodes import Constant, Expression, ListOf, Literal, Operation
from ..observe.tape import Ref
from ..tables.operations import REQUIRED, schema_of


def operation(
    function: torch._ops.OpOverload,
    positional: tuple,
    keywords: dict,
    value: Callable[[object], Expression],
    dtype: object,
) -> Operation:
    """The operation, each tensor and size of its arguments by `value`."""
    schema = schema_of(_with_number(function, positional))
    given = dict(zip(schema.arguments, positional)) | keywords
    arguments = []
    for name in schema.arguments:
        one = given.get(name, schema.default(name))
        arguments.append((name, expression(None if one is REQUIRED else one, name, value)))
    return Operation(schema, tuple(arguments), dtype)


def _with_number(function: torch._ops.OpOverload, positional: tuple) -> torch._ops.OpOverload:
    """The overload for a number where a number stands for a tensor, as in `x += 1`."""
    schema = function._schema
    is_number = any(
        str(a.type) == "Tensor" and isinstance(v, (int, float))
        for a, v in zip(schema.arguments, positional)
    )
    if (
        is_number
        and schema.overload_name == "Tensor"
        and "Scalar" in function.overloadpacket.overloads()
    ):
        return function.overloadpacket.Scalar
    return function


def expression(value: object, hint: str, tensor: Callable[[object], Expression]) -> Expression:
    """An argument as a node; a tensor or a size by `tensor`."""
    if isinstance(value, (Node, Ref)):
        return tensor(value)
    if isinstance(value, (tuple, list)):
        return ListOf(tuple(expression(one, hint, tensor) for one in value))
    if isinstance(value, (bool, int, float)):
        return Constant(value, hint)
    return Literal(value)
