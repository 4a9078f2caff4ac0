"""The command in a process of its own, so that user code that ends its process proves nothing."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Where the process writes its exit code as its last deed.
VERDICT = "TORCH2TCH_VERDICT"


def main() -> None:
    """Runs `torch2tch TARGET …` and believes only the verdict that it leaves."""
    from . import options

    parsed = options.parse(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="torch2tch-") as folder:
        verdict = Path(folder) / "verdict"
        command = [sys.executable, "-m", "torch2tch.guarded", *sys.argv[1:]]
        try:
            code = subprocess.run(command, env=environment(verdict)).returncode
        except KeyboardInterrupt:
            sys.exit(130)
        said = verdict.read_text() if verdict.exists() else ""
    if said != f"done {code}":
        ending = f"signal {-code}" if code < 0 else f"exit code {code}"
        print(
            f"error: {parsed.target}: the process ended with {ending} before torch2tch was "
            "done; its class, "
            "arguments, inputs or loss end the process (os._exit, a crash)",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(code)


def environment(verdict: Path) -> dict[str, str]:
    """The package is found as it was found here, and no folder of the user's is put before."""
    package = str(Path(__file__).resolve().parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        VERDICT: str(verdict),
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def inner() -> None:
    """The process itself."""
    verdict = Path(os.environ.pop(VERDICT))
    # `-m` puts the current folder on the path of Python 3.10, which does not know PYTHONSAFEPATH.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    from . import options, work

    code = work.run(options.parse(sys.argv[1:]))
    sys.stdout.flush()
    sys.stderr.flush()
    verdict.write_text(f"done {code}")
    # Threads and `atexit` functions of the user's have no say in it any more.
    os._exit(code)


if __name__ == "__main__":
    inner()
