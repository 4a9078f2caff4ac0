"""Errors of the user's code, in a line: where, the text of the line, the error."""

import linecache
import traceback
from pathlib import Path

from ..subject import Refused


class Usage(Refused):
    """Wrong usage: a target or an option that is not there or not Python."""


def one_line(error: BaseException) -> str:
    """`TypeError: message`; of a message of several lines the first, as C++ adds its frames."""
    if isinstance(error, SystemExit):
        return f"the code calls sys.exit({'' if error.code is None else repr(error.code)})"
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    name = type(error).__name__
    return f"{name}: {first}"[:300] if first else name


def place_in(error: BaseException, roots: tuple[Path, ...]) -> str:
    """`FILE:LINE: \\`text\\`: ` of the innermost frame in the user's own code, or nothing."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{shown(Path(error.filename))}:{error.lineno}: "
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if is_below(path, roots) and frame.lineno:
            text = " ".join(linecache.getline(frame.filename, frame.lineno).split())
            return f"{shown(path)}:{frame.lineno}: " + (f"`{text[:90]}`: " if text else "")
    return ""


def is_below(path: Path, roots: tuple[Path, ...]) -> bool:
    if "site-packages" in path.parts or not path.is_absolute():
        return any(path == root for root in roots)
    return any(root == path or root in path.parents for root in roots)


def shown(path: Path) -> str:
    """The path as the user would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def located(error: BaseException, roots: tuple[Path, ...]) -> str:
    return place_in(error, roots) + one_line(error)
