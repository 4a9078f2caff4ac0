"""The sizes of the inputs that stay free in a graph."""

from collections.abc import Callable, Sequence

import torch
from torch.fx import Node

from ..subject import Refused, Subject

# For each input the dimensions that differ between the two draws.
Free = tuple[dict[int, object], ...]


def by_names(subject: Subject, first: list[torch.Tensor], second: list[torch.Tensor]) -> Free:
    """A dimension that is a free size by that name: the same one in every input."""
    names = {size.observed: size.name for size in subject.sizes}
    dims = {name: torch.export.Dim(name, min=2) for name in names.values()}

    def dim(sizes: tuple[int, int]) -> object:
        return dims[names[sizes]] if sizes in names else torch.export.Dim.DYNAMIC

    return _differing(first, second, dim)


def each(subject: Subject, first: list[torch.Tensor], second: list[torch.Tensor]) -> Free:
    """Each for itself."""
    return _differing(first, second, lambda sizes: torch.export.Dim.DYNAMIC)


def as_it_comes(subject: Subject, first: list[torch.Tensor], second: list[torch.Tensor]) -> Free:
    """Each for itself, where the code does not fix it."""
    return _differing(first, second, lambda sizes: torch.export.Dim.AUTO)


def _differing(
    first: list[torch.Tensor],
    second: list[torch.Tensor],
    dim: Callable[[tuple[int, int]], object],
) -> Free:
    return tuple(
        {
            place: dim(sizes)
            for place, sizes in enumerate(zip(one.shape, other.shape))
            if sizes[0] != sizes[1]
        }
        for one, other in zip(first, second)
    )


class FixedSize(Refused):
    """A graph that holds for one value of a free size only."""


def check_free(
    subject: Subject,
    inputs: Sequence[Node],
    first: list[torch.Tensor],
    second: list[torch.Tensor],
) -> None:
    """Refuses a graph, by the placeholders of its inputs, that holds for one value alone."""
    names = {size.observed: size.name for size in subject.sizes}
    for node, one, other in zip(inputs, first, second):
        for size, a, b in zip(node.meta["val"].shape, one.shape, other.shape):
            if a != b and (isinstance(size, int) or size.node.expr.is_Integer):
                name = names.get((a, b), f"a size of {node.name}")
                raise FixedSize(
                    f"{_fixing(node, a) or subject.target}: {name} is fixed at {a} here, so that "
                    "the port would hold for no other; compute with the size itself"
                )


def _fixing(node: Node, value: int) -> str | None:
    """The place, outside of torch, where a size was taken as the number that it is."""
    env = node.meta["val"].fake_mode.shape_env
    for symbol, number in env.replacements.items():
        where = env.replacements_slocs.get(symbol)
        frame = where and where.framework_loc
        if number == value and frame and not frame.filename.startswith(torch.__path__[0]):
            return f"{frame.filename}:{frame.lineno}"
    return None
