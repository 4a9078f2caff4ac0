"""What the recording has fixed of the model's inputs: checked when `forward` is called."""

import dataclasses

from ..nodes import Expect, Method
from ..observe import TRAINING, Observed


def expect_inputs(observed: Observed, forward: Method) -> Method:
    """`forward` of the model, with a check of the sizes and dtypes for which it was recorded."""
    checks = []
    nodes = observed.calls[TRAINING].ordered_inputs()
    others = {node.name: node for graph in observed.graphs.values() for node in graph.inputs
              if graph is not observed.graphs[TRAINING]}
    for argument, node in zip(forward.arguments, nodes):
        value, other = node.meta["val"], others[node.name].meta["val"]
        shape = tuple(a if isinstance(a, int) else b if isinstance(b, int) else None
                      for a, b in zip(value.shape, other.shape))
        checks.append(Expect(argument, shape, value.dtype, words(shape, observed)))
    return dataclasses.replace(forward, body=(*checks, *forward.body))


def words(shape: tuple[int | None, ...], observed: Observed) -> tuple[str, ...]:
    """The sizes for a person to read: `N` is the batch's."""
    free = iter([size.name for size in observed.subject.sizes])
    return tuple(str(size) if size is not None else next(free, "_") for size in shape)


