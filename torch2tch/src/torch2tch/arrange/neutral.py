"""Sums and products that change nothing: `+ 0` and `* 1` of integers."""

import functools

import torch

from ..nodes import Constant, Operation, transform
from .bodies import Body

NEUTRAL = {"add": 0, "sub": 0, "mul": 1}

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def drop_neutral(body: Body) -> Body:
    """The body without them. Of a float, `+ 0` makes a zero of a negative zero; of a tensor that
    has a name, it makes another tensor."""
    return transform(body, lambda part: part["self"] if _is_neutral(part) else part)


def _is_neutral(part: object) -> bool:
    if not isinstance(part, Operation) or part.schema.base not in NEUTRAL:
        return False
    inner, other = part["self"], part["other"]
    return (
        isinstance(other, Constant)
        and type(other.value) is int
        and other.value == NEUTRAL[part.schema.base]
        and isinstance(inner, Operation)
        and inner.dtype == part.dtype
        and part.dtype in INTEGERS
        and _is_new(inner.schema.operation)
    )


@functools.cache
def _is_new(operation: str) -> bool:
    """Whether the operation makes a tensor, and no view of another."""
    base, _, overload = operation.partition(".")
    schema = getattr(getattr(torch.ops.aten, base), overload or "default")._schema
    return all(result.alias_info is None for result in schema.returns)
