"""Where the source of a class or function stands."""

import inspect
from collections.abc import Callable
from pathlib import Path

from ..subject import Place


def place_of(subject: type | Callable) -> Place | None:
    """The file and the lines, or `None` where there is no source, as for what C++ gives."""
    try:
        file = inspect.getsourcefile(subject)
        lines, first = inspect.getsourcelines(subject)
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    return Place(Path(file), max(first, 1), max(first, 1) + len(lines) - 1) if file else None
