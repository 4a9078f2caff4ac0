"""What the command does, in a process of its own: load, port, prove, write.

`cli` watches this process: code of the user's may end it, and then nothing was proven.
"""

import argparse
import contextlib
import logging
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from .compare.traces import Row, print_rows, summarize
from .crate import program, write_crate
from .load import Options, Target, load
from .load.errors import Usage
from .prove import Candidate, DoesNotCompile, NotEqual, Settings, check, prove, record
from .subject import Refused

# The exit codes: a port that is refused or not equal, and wrong usage.
REFUSED, WRONG = 1, 2


def run(arguments: argparse.Namespace) -> int:
    """The exit code."""
    printed = sys.stdout
    quiet()
    # What the user's code prints is not what this program prints.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return Work(arguments, printed).run()
        except Usage as error:
            return told(error, WRONG)
        except Refused as error:
            return told(error, REFUSED)
        except RecursionError:
            return told(
                Refused(f"{arguments.target}: nested too deeply for Python's recursion limit"),
                REFUSED,
            )


def quiet() -> None:
    """What torch logs of a graph that it cannot make is told in a line, as a refusal."""
    for name in ("torch._subclasses.fake_tensor", "torch._dynamo", "torch.export", "torch.fx"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")


def told(error: Refused, code: int) -> int:
    for line in dict.fromkeys(error.lines):
        print(f"error: {line}", file=sys.stderr)
    return code


class Work:
    def __init__(self, arguments: argparse.Namespace, printed) -> None:
        self.arguments, self.printed = arguments, printed
        self.settings = Settings(
            arguments.seed,
            arguments.steps,
            arguments.lr,
            tuple(arguments.optimizers or Settings.optimizers),
        )

    def run(self) -> int:
        check_output(self.arguments)
        self.program = program(self.arguments)
        target = load(self.arguments.target, options(self.arguments))
        for note in target.notes:
            self.say(f"note: {note}")
        if self.arguments.prove and not target.subject.inputs and takes_inputs(target):
            raise Usage(
                f"{target.subject.target}: --input is needed, once for each argument of "
                f"{target.subject.method}{parameters(target)}"
            )
        # What fails in Python is told before anything is made of it.
        recording = record(target, self.settings) if self.arguments.prove else None
        if recording is None and target.subject.inputs:
            check(target, self.settings)
        refused: list[str] = []
        for kind in ("written", "recorded"):
            if self.arguments.as_ and self.arguments.as_ != kind:
                continue
            try:
                candidate = ported(kind, target)
                rows = prove(target, candidate, recording, self.settings) if recording else []
                first = next((row for row in rows if not row.equal), None)
                if first:
                    raise NotEqual(f"{first.name}: {first.verdict}")
            except Refused as error:
                refused += [f"as {kind}: {line}" for line in error.lines]
                continue
            except NotEqual as error:
                refused.append(
                    f"as {kind}: the port is not equal, which is a mistake of torch2tch: {error}"
                )
                continue
            except DoesNotCompile as error:
                refused.append(
                    f"as {kind}: the port does not compile, which is a mistake of torch2tch: "
                    f"{error}"
                )
                continue
            return self.done(target, candidate, kind, refused, rows)
        raise Refused(*refused)

    def done(
        self, target: Target, candidate: Candidate, kind: str, refused: list[str], rows: list[Row]
    ) -> int:
        for line in refused if kind == "recorded" else ():
            self.say(f"note: not {line}")
        if kind == "recorded":
            self.say(f"note: {target.subject.target} is ported as recorded")
        if target.pretrained:
            self.say(
                f"note: {', '.join(target.pretrained)}: weights that the constructor loads are "
                "left out; the port draws them, and loads a file of weights like any other network"
            )
        self.write(target, candidate)
        if not rows:
            return 0
        with printing(), contextlib.redirect_stdout(self.printed):
            print_rows(rows)
            return summarize(rows)

    def write(self, target: Target, candidate: Candidate) -> None:
        if self.arguments.output:
            write_whole(Path(self.arguments.output), candidate.rust)
        elif not self.arguments.crate:
            with printing():
                print(candidate.rust, end="", file=self.printed, flush=True)
        if self.arguments.crate:
            write_crate(Path(self.arguments.crate), target, candidate, self.program)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr)


@contextlib.contextmanager
def printing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"standard output: {error.strerror}") from error


def ported(kind: str, target: Target) -> Candidate:
    if kind == "written":
        from .written import port_as_written

        found = port_as_written(target)
        return Candidate(found.rust, found.struct, f"port::{found.constructor}", False, found)
    from .recorded import port_recorded

    recorded = port_recorded(target)
    return Candidate(recorded.rust, recorded.struct, f"port::{recorded.struct}::new(vs)", True)


def options(arguments: argparse.Namespace) -> Options:
    sizes = list(arguments.sizes)
    if arguments.batch_size:
        other = 2 if arguments.batch_size != 2 else 3
        sizes.append(f"batch_size={arguments.batch_size},{other}")
    try:
        argv = tuple(shlex.split(arguments.argv))
    except ValueError as error:
        raise Usage(f"--argv {arguments.argv!r}: {error}") from error
    return Options(
        arguments.args,
        tuple(arguments.inputs),
        tuple(arguments.targets),
        arguments.loss,
        arguments.call,
        tuple(sizes),
        argv,
        arguments.method,
    )


def check_output(arguments: argparse.Namespace) -> None:
    """Refuses to write onto what is no port, and onto what cannot be written, before anything
    runs."""
    if not arguments.output:
        return
    output, source = Path(arguments.output), arguments.target.rpartition(":")[0] or arguments.target
    if Path(source).exists() and output.exists() and output.samefile(source):
        raise Usage(f"--output {output}: the port would overwrite the file that it is made from")
    if not output.resolve().parent.is_dir() or (output.exists() and not output.is_file()):
        raise Usage(f"--output {output}: expected a file in a folder that is there")
    if output.exists() and not is_port(output):
        raise Usage(
            f"--output {output}: the file is there and is no port that torch2tch wrote; name "
            "another, or remove it"
        )


def is_port(file: Path) -> bool:
    """The file is empty, or has what every port has."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return not text.strip() or (
        text.lstrip().startswith(("use ", "//")) and "#[rustfmt::skip]" in text and "::nn::" in text
    )


def takes_inputs(target: Target) -> bool:
    return bool(parameters(target).strip("()"))


def parameters(target: Target) -> str:
    import inspect

    entry = (
        getattr(target.made, target.subject.method, None) if isinstance(target.made, type) else None
    )
    names = list(inspect.signature(entry).parameters)[1:] if entry else ["…"]
    return f"({', '.join(names)})"


def write_whole(output: Path, text: str) -> None:
    """Writes the file whole or not at all; of a link, the file that it leads to."""
    place = output.resolve()
    try:
        file = tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False, encoding="utf-8")
        try:
            with file:
                file.write(text)
            os.chmod(file.name, 0o644)
            os.replace(file.name, place)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Refused(f"{output}: {error.strerror}") from error
