"""Sizes under a name of their own, where they are used more than once."""

from ..nodes import Let, Name, SizeOf, Statement, everything, names_in, replace
from .bodies import Body

NAMES = {0: "batch_size"}


def name_sizes(body: Body) -> Body:
    """The body with a `let` for each size of an argument, before its first use."""
    found: dict[SizeOf, int] = {}
    for part in everything(body):
        if isinstance(part, SizeOf):
            found[part] = found.get(part, 0) + 1
    repeated = [size for size, count in found.items() if count > 1]
    number = max((name.number for name in names_in(body)), default=0)
    names = {}
    for size in repeated:
        number += 1
        names[size] = Name(number, NAMES.get(size.dimension, f"size{size.dimension}"))
    if not names:
        return body
    first: list[Statement] = []
    done: set[SizeOf] = set()
    for statement in body:
        for size in [
            part for part in everything(statement) if part in names and isinstance(part, SizeOf)
        ]:
            if size not in done:
                done.add(size)
                first.append(Let(names[size], size, getattr(statement, "line", None)))
        first.append(replace(statement, names))
    return tuple(first)
