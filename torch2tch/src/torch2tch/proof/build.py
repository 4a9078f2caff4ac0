"""Compiles one file of Rust against the library as `library` has built it.

The compiler is called as cargo would call it for a package that depends on this one. Cargo itself
would compile the whole library once more for such a package, as it is another workspace.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from torch2tch import library


class DoesNotCompile(Exception):
    """The compiler's first error, `FILE.rs:LINE: MESSAGE`, and where all that it said is."""

    def __init__(self, first: str, log: Path) -> None:
        super().__init__(f"{first} (all that the compiler says: {log})")
        self.first, self.log = first, log


def compile_program(main: Path, executable: Path, log: Path) -> None:
    """Compiles `main` to `executable`; what the compiler says goes to `log`."""
    command = [
        rustc(),
        "--edition=2024",
        "--crate-name=port",
        "--error-format=json",
        *library.arguments(),
        "-o",
        str(executable),
        str(main),
    ]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    log.write_text("".join(message.get("rendered") or "" for message in messages))
    if done.returncode:
        raise DoesNotCompile(first_error(messages), log)


def first_error(messages: list[dict[str, Any]]) -> str:
    for message in messages:
        if message.get("level") != "error":
            continue
        places = [span for span in message["spans"] if span["is_primary"]]
        place = f"{places[0]['file_name']}:{places[0]['line_start']}: " if places else ""
        return place + " ".join(message["message"].split())
    return "the compiler ended without an error message"


def rustc() -> str:
    return os.environ.get("RUSTC", "rustc")
