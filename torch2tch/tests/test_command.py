"""The command as a user starts it: what ends its process proves nothing, and writes are whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Done

PROGRAM = Path(__file__).parents[1] / "bin" / "torch2tch"

NET = """
import os
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
        {}

    def forward(self, x):
        {}
        return self.fc(x)
"""


def write(folder: Path, made: str = "", called: str = "") -> Path:
    file = folder / "net.py"
    file.write_text(NET.format(made or "pass", called or "pass"))
    return file


def command(*arguments: object) -> Done:
    started = [sys.executable, str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(started, capture_output=True, text=True)
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_port_is_printed_and_notes_are_not(tmp_path: Path) -> None:
    done = command(f"{write(tmp_path, 'print(1)')}:Net", "--input", "randn(batch_size, 4)")
    assert done.code == 0
    assert done.out.startswith("use ")
    assert "1" in done.err


@pytest.mark.parametrize(
    ("made", "called"),
    [("os._exit(0)", ""), ("", "os._exit(0)"), ("os.kill(os.getpid(), 9)", "")],
)
def test_a_class_that_ends_the_process(tmp_path: Path, made: str, called: str) -> None:
    done = command(f"{write(tmp_path, made, called)}:Net", "--input", "randn(batch_size, 4)")
    assert (done.code, done.out) == (1, "")
    assert "before torch2tch was done" in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "text"), [("--args", "exit()"), ("--input", "__import__('sys').exit(0)")]
)
def test_options_that_end_the_process(tmp_path: Path, option: str, text: str) -> None:
    options = [option, text, *([] if option == "--input" else ["--input", "randn(batch_size, 4)"])]
    done = command(f"{write(tmp_path)}:Net", *options)
    assert done.code != 0
    assert done.out == ""
    assert done.err.startswith("error: ")


def test_a_port_does_not_overwrite_its_source(tmp_path: Path) -> None:
    file = write(tmp_path)
    before = file.read_text()
    done = command(f"{file}:Net", "--input", "randn(batch_size, 4)", "--output", file)
    assert done.code == 2
    assert "would overwrite" in done.err
    assert file.read_text() == before


@pytest.mark.parametrize(
    "arguments", [(), ("net.py:Net", "--steps", "0"), ("net.py:Net", "--git", "x"), ("net.py",)]
)
def test_wrong_usage_has_exit_code_2_and_one_line(arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1


def test_every_cause_is_named_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, called="print(x)\n        x.tolist()")
    done = command(f"{file}:Net", "--input", "randn(batch_size, 4)", "--as", "written")
    assert done.code == 1
    assert [line.split(": `")[0] for line in done.err.splitlines()[-2:]] == [
        f"error: as written: {file}:13",
        f"error: as written: {file}:14",
    ]
