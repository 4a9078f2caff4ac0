"""Rows of a file: Rust on the left, the statement of Python that it stands for on the right."""

from dataclasses import dataclass, field

from ..nodes import Line
from .syntax import Syntax, Text, layout

# The column in which the Python begins, where no line of Rust is longer, and the last that it may
# begin in: behind a longer line it stands further right.
COLUMN, LAST = 68, 88

# The longest text of Python that is shown whole.
LONGEST = 110


@dataclass
class Rows:
    """Pairs of Rust and Python. A statement of Python stands beside the first line of what it
    became."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    last: Line | None = None

    def add(self, indent: int, syntax: Syntax | str, line: Line | None = None) -> None:
        syntax = Text(syntax) if isinstance(syntax, str) else syntax
        python = line.text if line is not None and line != self.last else ""
        if len(python) > LONGEST:
            python = f"{python[:LONGEST]}…"
        self.last = line or self.last
        for text in layout(syntax, 4 * indent):
            self.pairs.append((text, python))
            python = ""

    def column(self) -> int:
        return max([COLUMN, *(min(len(left) + 2, LAST) for left, right in self.pairs if right)])

    def text(self, column: int) -> list[str]:
        return [
            f"{left:<{max(column, len(left) + 2)}}// {right}" if right else left
            for left, right in self.pairs
        ]
