"""Rows of a file: Rust on the left, the statement of Python that it stands for on the right."""

from dataclasses import dataclass, field

from ..nodes import Line
from .syntax import Syntax, Text, layout

# The column in which the Python begins, where no line of Rust is longer.
COLUMN = 68


@dataclass
class Rows:
    """Pairs of Rust and Python. A statement of Python stands beside the first line of what it
    became."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    last: Line | None = None

    def add(self, indent: int, syntax: Syntax | str, line: Line | None = None) -> None:
        syntax = Text(syntax) if isinstance(syntax, str) else syntax
        python = line.text if line is not None and line != self.last else ""
        self.last = line or self.last
        for text in layout(syntax, 4 * indent):
            self.pairs.append((text, python))
            python = ""

    def column(self) -> int:
        return max([COLUMN, *(len(left) + 2 for left, right in self.pairs if right)])

    def text(self, column: int) -> list[str]:
        return [f"{left:<{column}}// {right}" if right else left for left, right in self.pairs]
