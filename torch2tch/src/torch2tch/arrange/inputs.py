"""What the recording has fixed of the model's inputs: checked when `forward` is called."""

import dataclasses
from collections.abc import Iterator, Mapping

import sympy
import torch
from torch.fx import Node

from ..nodes import Comparison, Constant, Expect, Expression, Method, Require, SizeOf, Statement
from ..observe import EVALUATION, TRAINING, Observed
from ..observe.exporting import Graph, draw, tensors_of
from ..observe.guards import excluded, guards, holds_at
from ..subject import Refused
from ..understand.sizes import UnknownSize, expression

SIGNS = {
    sympy.Eq: "==",
    sympy.Ne: "!=",
    sympy.Lt: "<",
    sympy.Le: "<=",
    sympy.Gt: ">",
    sympy.Ge: ">=",
}


def expect_inputs(observed: Observed, forward: Method) -> Method:
    """`forward` of the model, with a check of the sizes and dtypes for which it was recorded."""
    nodes = observed.calls[TRAINING].ordered_inputs()
    others = {node.name: node for node in observed.graphs[EVALUATION].inputs}
    names = {
        node.name: _names(observed, place)
        for place, node in enumerate(observed.graphs[TRAINING].inputs)
    }
    checks: list[Statement] = []
    for argument, node in zip(forward.arguments, nodes):
        value, other = node.meta["val"], others[node.name].meta["val"]
        shape = tuple(_fixed(a) or _fixed(b) for a, b in zip(value.shape, other.shape))
        words = tuple(
            name if size is None else str(size) for size, name in zip(shape, names[node.name])
        )
        checks.append(Expect(argument, shape, value.dtype, words))
    arguments = dict(zip([node.name for node in nodes], forward.arguments))
    conditions: dict[str, Statement] = {}
    for graph in observed.graphs.values():
        for condition in _conditions(observed, graph, arguments, names):
            conditions.setdefault(condition.words, condition)
    return dataclasses.replace(forward, body=(*checks, *conditions.values(), *forward.body))


def _fixed(size: int | torch.SymInt) -> int | None:
    """The size, if the graph holds for no other."""
    if isinstance(size, int):
        return size
    return int(size.node.expr) if size.node.expr.is_Integer else None


def _names(observed: Observed, place: int) -> list[str]:
    """The dimensions of an input by the names of the free sizes, where they are just that."""
    first, second = (tensors_of(draw(observed.subject, turn)[1])[place].shape for turn in (0, 1))
    by_values = {size.observed: size.name for size in observed.subject.sizes}
    return [by_values.get(pair, "_") for pair in zip(first, second)]


def _conditions(
    observed: Observed,
    graph: Graph,
    arguments: Mapping[str, Expression],
    names: Mapping[str, list[str]],
) -> Iterator[Require]:
    """What a graph asks of the free sizes beside what their dimensions show."""
    known: dict[object, Expression] = {}
    words: dict[object, str] = {}
    free = set()
    for node, dimension, symbol, is_free in _symbols(graph):
        size = SizeOf(arguments[node.name], dimension)
        free |= {symbol} if is_free and symbol not in known else set()
        known.setdefault(symbol, size)
        name = names[node.name][dimension]
        if name in words.values() and symbol not in words:
            name = f"{name} of {arguments[node.name].hint}"
        words.setdefault(symbol, name)
    for guard in guards(graph):
        if type(guard) not in SIGNS:
            raise Refused(
                f"{observed.subject.target}: the recording holds only where {guard}, which is no "
                "comparison of sizes; fix the size"
            )
        try:
            left, right = (expression(side, known) for side in guard.args)
        except UnknownSize as error:
            raise Refused(
                f"{observed.subject.target}: the recording holds only where {guard}: the size "
                f"{error} is unknown; fix it"
            ) from None
        sign = SIGNS[type(guard)]
        text = " ".join([str(guard.args[0]), sign, str(guard.args[1])])
        for symbol, name in words.items():
            text = text.replace(str(symbol), name)
        yield Require(Comparison(sign, left, right), text)
    for symbol, size in known.items():
        if symbol not in free:
            continue
        for value in sorted(excluded(graph, symbol)):
            if not _may_be(observed, words[symbol].split(" of ")[0], value):
                yield Require(
                    Comparison("!=", size, Constant(value)), f"{words[symbol]} != {value}"
                )


def _symbols(graph: Graph) -> Iterator[tuple[Node, int, object, bool]]:
    """The symbol of each size, as the relations have it, and whether it is free."""
    for node in graph.inputs:
        for dimension, size in enumerate(node.meta["val"].shape):
            if isinstance(size, torch.SymInt):
                yield node, dimension, size.node._expr, size.node._expr == size.node.expr


def _may_be(observed: Observed, name: str, value: int) -> bool:
    """The graph gives what Python gives where a size has a value that it was not recorded for."""
    if name not in {size.name for size in observed.subject.sizes}:
        return False
    return holds_at(observed.subject, observed.model, observed.graphs[EVALUATION], name, value)
