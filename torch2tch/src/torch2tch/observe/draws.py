"""The order in which constructors draw: a port makes each module as a whole."""

import itertools

from torch import nn

from ..subject import Refused
from .tape import Event, Tape
from .ties import CONTAINERS

TORCH = nn.__path__[0].removesuffix("/nn")


def check_draws_together(target: str, model: nn.Module, tape: Tape, paths: dict[int, str]) -> None:
    """Refuses a module to which something that draws was added after others had drawn."""
    drawing = [event for event in tape.events if event.draws]
    makers = [
        {frame.module for frame in event.frames if frame.function == "__init__"}
        for event in drawing
    ]
    for path, module in model.named_modules():
        # A list is made element by element where it has to be.
        if not path or type(module) in CONTAINERS or not module._modules:
            continue
        inside = {id(one) for one in module.modules()}
        places = [place for place, own in enumerate(makers) if not own.isdisjoint(inside)]
        gap = next((b for a, b in itertools.pairwise(places) if b - a > 1), None)
        if gap is None:
            continue
        late = next(paths[one] for one in reversed(_modules(drawing[gap])) if one in inside)
        raise Refused(
            f"{_place(drawing[gap]) or target}: {late} is added to {path} after other modules have "
            f"drawn their weights, which is not supported; make it in the constructor of "
            f"{type(module).__name__}"
        )


def _modules(event: Event) -> list[int | None]:
    return [frame.module for frame in event.frames if frame.function == "__init__"]


def _place(event: Event) -> str:
    own = [frame for frame in event.frames if not frame.file.startswith(TORCH)]
    return f"{own[-1].file}:{own[-1].line}" if own else ""
