"""The proof of a port: what records the class in Python, and what builds and records it in Rust.

The imports are made where they are needed, as most comparisons are of networks of this project.
"""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from torch2tch.reference.common import ERRORS, fail, one_line

from .build import DoesNotCompile

if TYPE_CHECKING:
    from .subject import Subject

__all__ = ["DoesNotCompile", "executable", "subject_of"]


def subject_of(file: str, name: str, options: Namespace) -> "Subject":
    """The class `name` of `file`, to be recorded; or the end of the program, in a line."""
    from torch2tch.port.refusals import Refused, Wrong
    from torch2tch.port.source import Source

    from .subject import Subject

    try:
        return Subject(
            Source(file),
            name,
            args=options.args,
            inputs=options.inputs,
            targets=options.targets,
            loss=options.loss,
        )
    except Refused as error:
        fail(error.lines[0])
    except (Wrong, *ERRORS) as error:
        fail(one_line(error))


def executable(subject: "Subject", options: Namespace, folder: Path) -> tuple[Path, dict[str, str]]:
    """The executable that records it in Rust, and the environment that it needs; or the end of the
    program, in a line. A port that does not compile is the caller's to report."""
    from torch2tch.port.refusals import Refused, Wrong

    from .prepare import prepare

    settings = {name: vars(options)[name] for name in ("seed", "device", "threads", "batch_size")}
    try:
        return prepare(subject, options.rust, folder, **settings)
    except Refused as error:
        fail(
            f"{error.lines[0]}; with a `pub fn loss(output: &Tensor, target: &Tensor) -> Tensor` "
            f"in {options.rust} it need not be translated"
        )
    except (Wrong, *ERRORS) as error:
        fail(one_line(error))
