"""What the recording has fixed of the model's inputs: checked when `forward` is called."""

import dataclasses

import torch

from ..nodes import Expect, Method
from ..observe import EVALUATION, TRAINING, Observed
from ..observe.exporting import draw, tensors_of


def expect_inputs(observed: Observed, forward: Method) -> Method:
    """`forward` of the model, with a check of the sizes and dtypes for which it was recorded."""
    checks = []
    nodes = observed.calls[TRAINING].ordered_inputs()
    others = {node.name: node for node in observed.graphs[EVALUATION].inputs}
    names = {node.name: _names(observed, place) for place, node in enumerate(observed.graphs[TRAINING].inputs)}
    for argument, node in zip(forward.arguments, nodes):
        value, other = node.meta["val"], others[node.name].meta["val"]
        shape = tuple(_fixed(a) or _fixed(b) for a, b in zip(value.shape, other.shape))
        words = tuple(name if size is None else str(size) for size, name in zip(shape, names[node.name]))
        checks.append(Expect(argument, shape, value.dtype, words))
    return dataclasses.replace(forward, body=(*checks, *forward.body))


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
