"""The conditions on free sizes under which a graph holds, as torch.export noted them."""

from collections.abc import Iterator

import sympy
import torch
from torch import nn
from torch.export.graph_signature import InputKind
from torch.utils._sympy.functions import Max

from ..subject import Refused, Subject
from .exporting import Graph, tensors_of
from .numpy_recorded import arrays_as_tensors
from .results import opened


def guards(graph: Graph) -> list[sympy.Basic]:
    """The relations that branches of Python, and of torch, were taken by; without those that say
    only what a size is not."""
    found = [guard.expr for env in _environments(graph) for guard in env.guards]
    said = {_form(expr) for expr in found}
    kept = [
        expr
        for expr in found
        if not isinstance(expr, sympy.Ne)
        and expr.free_symbols
        # One of several that another relation says anyway.
        and not (isinstance(expr, sympy.Or) and not said.isdisjoint(map(_form, expr.args)))
    ]
    kept = [_without_max(expr) for expr in kept]
    return list({_form(expr): expr for expr in reversed(kept)}.values())[::-1]


def _without_max(expr: sympy.Basic) -> sympy.Basic:
    """`n >= 1` for `max(1, n) == n`, with which torch computes strides."""
    if not isinstance(expr, sympy.Eq):
        return expr
    maxima = [part for part in expr.atoms(Max) if part.args[0] == 1 and len(part.args) == 2]
    if len(maxima) == 1:
        inner = maxima[0].args[1]
        left, right = (side.xreplace({maxima[0]: inner}) for side in expr.args)
        if left == right:
            return sympy.Ge(inner, 1, evaluate=False)
    return expr


def _form(expr: sympy.Basic) -> object:
    """The same for `a == b` and `b == a`."""
    return frozenset(expr.args) if isinstance(expr, sympy.Eq) else expr


def excluded(graph: Graph, symbol: sympy.Symbol) -> set[int]:
    """The values that the graph was not recorded for: 1, and those that a relation excludes."""
    found = {1}
    for env in _environments(graph):
        for guard in env.guards:
            if isinstance(guard.expr, sympy.Ne) and symbol in guard.expr.args:
                found |= {int(value) for value in guard.expr.args if value.is_Integer}
    return found


def _environments(graph: Graph) -> Iterator[object]:
    seen = set()
    for node in graph.inputs:
        for size in node.meta["val"].shape:
            if isinstance(size, torch.SymInt) and id(size.node.shape_env) not in seen:
                seen.add(id(size.node.shape_env))
                yield size.node.shape_env


def holds_at(subject: Subject, model: nn.Module, graph: Graph, name: str, value: int) -> bool:
    """Whether the graph of evaluation gives what Python gives where a free size has a value that
    it was not recorded for."""
    at = subject.observed(0) | {name: value}
    torch.manual_seed(0)
    try:
        positional, named = subject.draw(at)
    except Refused:
        return False
    tensors = tensors_of((positional, named))
    model.eval()
    entry = model if subject.method == "forward" else getattr(model, subject.method)
    try:
        with torch.no_grad():
            torch.manual_seed(1)
            expected = tensors_of(arrays_as_tensors(opened(entry(*positional, **named))))
            torch.manual_seed(1)
            found = tensors_of(_run(graph, tensors))
    except Exception:
        return False
    return len(expected) == len(found) and all(map(torch.equal, expected, found))


def _run(graph: Graph, tensors: list[torch.Tensor]) -> object:
    program = graph.program
    inputs = iter(tensors)
    values: list[object] = []
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.USER_INPUT:
            values.append(next(inputs))
        elif spec.target in program.state_dict:
            values.append(program.state_dict[spec.target])
        else:
            values.append(program.constants[spec.target])
    return torch.fx.Interpreter(program.graph_module).run(*values)
