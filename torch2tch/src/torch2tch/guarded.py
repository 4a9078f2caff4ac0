"""The commands in a process of their own, so that user code that ends its process proves nothing,
and so that what a command leaves in the folder for temporary files is gone with it."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

# Where the process writes its exit code as its last deed.
VERDICT = "TORCH2TCH_VERDICT"

# The signals that end a command.
ENDS = (signal.SIGINT, signal.SIGTERM)

# The depth to which expressions may be nested, in calls of Python, and the bytes of stack for it.
DEPTH, STACK = 20_000, 512 << 20

# The seconds that the process has to end before it is killed.
PATIENCE = 5


class Interrupted(BaseException):
    """A signal that ends the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str]) -> NoReturn:
    """Runs `torch2tch ARGUMENTS` and believes only the verdict that it leaves."""
    on_ends(interrupted)
    try:
        with tempfile.TemporaryDirectory(prefix="torch2tch-") as folder:
            code, said = watched(arguments, Path(folder))
    except Interrupted as error:
        print("error: interrupted", file=sys.stderr)
        sys.exit(128 + error.number)
    if said != f"done {code}":
        ending = f"signal {-code}" if code < 0 else f"exit code {code}"
        print(
            f"error: {subject(arguments)}: the process ended with {ending} before torch2tch was "
            "done; its class, arguments, inputs or loss end the process (os._exit, a crash)",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(code)


def watched(arguments: list[str], folder: Path) -> tuple[int, str]:
    """The exit code of the process, and its verdict."""
    verdict = folder / "verdict"
    command = [sys.executable, "-m", "torch2tch.guarded", *arguments]
    process = subprocess.Popen(
        command, env=environment(folder, verdict), preexec_fn=allow_deep_recursion
    )
    try:
        code = process.wait()
    except BaseException:
        on_ends(signal.SIG_IGN)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    return code, verdict.read_text() if verdict.exists() else ""


def allow_deep_recursion() -> None:
    """Gives the process a stack for `DEPTH`, if the system lets it."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    wanted = STACK if hard == resource.RLIM_INFINITY else min(STACK, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))


def environment(folder: Path, verdict: Path) -> dict[str, str]:
    """The package is found as it was found here, and no folder of the user's is put before.
    Temporary files, torch's among them, lie in a folder that is removed."""
    package = str(Path(__file__).resolve().parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        VERDICT: str(verdict),
        "TMPDIR": str(folder),
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def subject(arguments: list[str]) -> str:
    """The target, for a message."""
    return next((one for one in arguments if ":" in one), "torch2tch")


def on_ends(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Handles what ends a command; a signal that is ignored, as in the background of a shell,
    stays so."""
    for number in ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def interrupted(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupted(number)


def end(number: int, _: FrameType | None) -> NoReturn:
    """Ends the process itself as Ctrl-C does, once."""
    on_ends(signal.SIG_IGN)
    raise KeyboardInterrupt


def inner() -> NoReturn:
    """The process itself."""
    on_ends(end)
    sys.setrecursionlimit(DEPTH)
    verdict = Path(os.environ.pop(VERDICT))
    # `-m` puts the current folder on the path of Python 3.10, which does not know PYTHONSAFEPATH.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    try:
        code = compare() if sys.argv[1] == "compare" else port()
        sys.stdout.flush()
    except KeyboardInterrupt:
        os._exit(130)
    except OSError as error:
        print(f"error: standard output: {error.strerror}", file=sys.stderr)
        code = 1
    sys.stderr.flush()
    verdict.write_text(f"done {code}")
    # Threads and `atexit` functions of the user's have no say in it any more.
    os._exit(code)


def port() -> int:
    from . import options, work

    return work.run(options.parse(sys.argv[1:]))


def compare() -> int:
    """A comparison, whose end is its own: code of the user's that ends it with success has proven
    nothing."""
    from .compare import command

    sys.argv[:2] = ["torch2tch compare"]
    try:
        return command.run()
    except SystemExit as error:
        if error.code in (None, 0):
            print(
                f"error: {subject(sys.argv)}: its class, arguments, inputs or loss call sys.exit; "
                "nothing was compared",
                file=sys.stderr,
            )
            return 1
        if isinstance(error.code, int):
            return error.code
        print(error.code, file=sys.stderr)
        return 1


if __name__ == "__main__":
    inner()
