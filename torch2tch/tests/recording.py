"""What the tests of recording share: a class to Rust, and the Rust without its frame."""

import textwrap

from torch import nn

from torch2tch.record import port_as_recorded
from torch2tch.subject import Input, Size, Subject


def subject(make, *inputs: str, sizes: tuple[Size, ...] = (Size("batch_size"),), **call) -> Subject:
    name = make.__name__ if isinstance(make, type) else "Net"
    return Subject(
        name, f"tests:{name}", make, tuple(Input(None, text) for text in inputs), call, sizes
    )


def rust(make, *inputs: str, library_names: frozenset[str] = frozenset(), **more) -> str:
    """The file, without the column of Python."""
    text = port_as_recorded(subject(make, *inputs, **more), library_names).rust
    return (
        "\n".join(
            line.split("//")[0].rstrip() if not line.startswith("///") else line
            for line in text.splitlines()
        )
        + "\n"
    )


def method(text: str, head: str) -> str:
    """The body of the first function whose head begins so, its check of the inputs left out."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip().startswith(head))
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = next(n for n in range(start + 1, len(lines)) if lines[n] == " " * indent + "}")
    body = textwrap.dedent("\n".join(lines[start + 1 : end]))
    while body.startswith("assert!("):
        body = body.split("\n);\n", 1)[1]
    return body


class Linear(nn.Module):
    """A linear layer, to be derived from."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.fc = nn.Linear(4, width)
