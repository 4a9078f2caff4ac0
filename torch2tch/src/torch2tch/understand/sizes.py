"""Sizes that stay free, as expressions over the sizes of a method's inputs."""

from collections.abc import Mapping

import sympy
import torch
from torch.fx import Node

from ..nodes import Arithmetic, Constant, Expression, Name, SizeOf


class UnknownSize(Exception):
    """A size that no input of the method has."""


def size(node: Node, names: Mapping[Node, Expression]) -> Expression:
    """The size that a node computes; `names` are the tensors at hand."""
    value = node.meta["val"]
    if not isinstance(value, torch.SymInt):
        if isinstance(value, (int, float, bool)):
            return Constant(value)
        raise UnknownSize(f"{node.name}: a size that is not an integer")
    known: dict[object, Expression] = {}
    for tensor, held in names.items():
        if not isinstance(held, Name):
            continue
        for dimension, length in enumerate(getattr(tensor.meta.get("val"), "shape", ())):
            if isinstance(length, torch.SymInt):
                known.setdefault(length.node.expr, SizeOf(held, dimension))
    return expression(value.node.expr, known)


def expression(expr: object, known: Mapping[object, Expression]) -> Expression:
    """A sum, product or quotient of sizes; raises `UnknownSize`."""
    if expr in known:
        return known[expr]
    if getattr(expr, "is_Integer", False):
        return Constant(int(expr))
    name = type(expr).__name__
    if name in ("FloorDiv", "PythonMod", "Mod", "CleanDiv"):
        left, right = (expression(part, known) for part in expr.args)
        return Arithmetic("%" if "Mod" in name else "//", left, right)
    if isinstance(expr, (sympy.Add, sympy.Mul)):
        # Numbers stand behind: `2 * x.size()[0]` is `x.size()[0] * 2`.
        parts = sorted(expr.args, key=lambda part: bool(getattr(part, "is_Integer", False)))
        total = expression(parts[0], known)
        for part in parts[1:]:
            total = (
                _sum(total, part, known)
                if isinstance(expr, sympy.Add)
                else Arithmetic("*", total, expression(part, known))
            )
        return total
    if isinstance(expr, sympy.Pow) and expr.args[1] == 2:
        one = expression(expr.args[0], known)
        return Arithmetic("*", one, one)
    raise UnknownSize(str(expr))


def _sum(total: Expression, part: object, known: Mapping[object, Expression]) -> Expression:
    """`total + part`, with a difference for what is negative."""
    if part.could_extract_minus_sign():
        return Arithmetic("-", total, expression(-part, known))
    return Arithmetic("+", total, expression(part, known))
