"""Nodes of a graph and events of a tape as operations: all arguments by name, defaults among them."""

from collections.abc import Callable

import torch
from torch.fx import Node

from ..nodes import Constant, Expression, ListOf, Literal, Operation
from ..observe.tape import Ref
from ..tables.operations import REQUIRED, schema_of


def operation(function: torch._ops.OpOverload, positional: tuple, keywords: dict,
              value: Callable[[object], Expression], dtype: object) -> Operation:
    """The operation, each tensor and size of its arguments by `value`."""
    schema = schema_of(function)
    given = dict(zip(schema.arguments, positional)) | keywords
    arguments = []
    for name in schema.arguments:
        one = given.get(name, schema.default(name))
        arguments.append((name, expression(None if one is REQUIRED else one, name, value)))
    return Operation(schema, tuple(arguments), dtype)


def expression(value: object, hint: str, tensor: Callable[[object], Expression]) -> Expression:
    """An argument as a node; a tensor or a size by `tensor`."""
    if isinstance(value, (Node, Ref)):
        return tensor(value)
    if isinstance(value, (tuple, list)):
        return ListOf(tuple(expression(one, hint, tensor) for one in value))
    if isinstance(value, (bool, int, float)):
        return Constant(value, hint)
    return Literal(value)
