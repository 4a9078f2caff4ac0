"""How the tests run torch2tch: as a user does, or in this process, which has imported torch."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from torch2tch import checkout, cli, options, work
from torch2tch.compare import command


class Done(NamedTuple):
    """The exit code of a command and what it printed."""

    code: int
    out: str
    err: str

    def refusal(self) -> str:
        """The one line with which a command refuses, notes aside."""
        lines = [line for line in self.err.splitlines() if not line.startswith("note: ")]
        assert (self.code, len(lines), self.out) == (1, 1, ""), self
        assert lines[0].startswith("error: "), self
        return lines[0]

    def verdict(self) -> str:
        """The last line that a command prints."""
        assert self.out, self
        return self.out.splitlines()[-1]


Run = Callable[..., Done]


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return checkout.ROOT


@pytest.fixture
def script() -> Run:
    """Runs a script of the checkout, with the system's Python, as a user starts it."""

    def run(name: str, *arguments: object, cwd: Path = checkout.ROOT) -> Done:
        command = ["python3", str(checkout.ROOT / name), *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def torch2tch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command of torch2tch in this process, where the checkout is the folder. The modules
    that it imports of a user's are forgotten at the end of the test."""
    finders = list(sys.meta_path)
    folder = str(tmp_path.parent)

    def run(*arguments: object, cwd: Path = checkout.ROOT) -> Done:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["torch2tch", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            if arguments and arguments[0] == "compare":
                monkeypatch.setattr(sys, "argv", ["torch2tch compare", *map(str, arguments[1:])])
                code = command.run()
            elif arguments and arguments[0] == "compare-traces":
                cli.main()
            else:
                code = work.run(options.parse(list(map(str, arguments))))
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        # As Python ends a program that has a message instead of a code.
        if not isinstance(code, int):
            code, err = 1, f"{err}{code}\n"
        return Done(code, out, err)

    yield run
    sys.meta_path[:] = finders
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(folder):
            del sys.modules[name]
