"""The command as a user starts it: what ends its process proves nothing, and writes are whole."""

import os
import signal
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


INPUT = ("--input", "randn(batch_size, 4)")


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_is_no_port_is_not_replaced(tmp_path: Path, link: bool) -> None:
    file, other = write(tmp_path), tmp_path / "notes.rs"
    other.write_text("fn main() {}\n")
    output = tmp_path / "link.rs" if link else other
    if link:
        output.symlink_to(other)
    done = command(f"{file}:Net", *INPUT, "--output", output)
    assert done.code == 2
    assert "is no port that torch2tch wrote" in done.err
    assert other.read_text() == "fn main() {}\n"


@pytest.mark.parametrize("as_", ["written", "recorded"])
def test_a_port_is_replaced_by_a_port_and_a_link_stays(tmp_path: Path, as_: str) -> None:
    file, output = write(tmp_path), tmp_path / "net.rs"
    (tmp_path / "link.rs").symlink_to(output)
    for _ in range(2):
        done = command(f"{file}:Net", *INPUT, "--output", tmp_path / "link.rs", "--as", as_)
        assert done.code == 0, done.err
    assert (tmp_path / "link.rs").is_symlink() and "pub struct Net" in output.read_text()


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "net.py"
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    done = command(f"{file}:Net", *INPUT)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "expected a file of Python" in done.err


def test_an_output_without_space_is_told_in_a_line(tmp_path: Path) -> None:
    started = [sys.executable, str(PROGRAM), f"{write(tmp_path)}:Net", *INPUT]
    with open("/dev/full", "w") as full:
        done = subprocess.run(started, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: standard output: No space left on device"


def test_a_device_is_no_output(tmp_path: Path) -> None:
    done = command(f"{write(tmp_path)}:Net", *INPUT, "--output", "/dev/full")
    assert (done.code, Path("/dev/full").is_char_device()) == (2, True)


def test_a_mark_of_the_byte_order_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert command(f"{file}:Net", *INPUT).code == 0


def test_a_sum_of_many_terms(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_text(file.read_text().replace("self.fc(x)", f"self.fc({' + '.join(['x'] * 3000)})"))
    done = command(f"{file}:Net", *INPUT)
    assert done.code == 0, done.err


def test_a_size_that_no_number_holds_is_told_in_a_line(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_text(file.read_text().replace("nn.Linear(4, 2)", "nn.Linear(4, 10**30)"))
    done = command(f"{file}:Net", *INPUT)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "10**30" in done.err and ".cpp" not in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_in_a_line_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    file = write(tmp_path, "open('here', 'w').close(); import time; time.sleep(60)")
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), f"{file}:Net", *INPUT],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "here").exists():
        assert process.poll() is None, process.communicate()[1]
    process.send_signal(number)
    said = process.communicate()[1]
    assert (process.returncode, said) == (128 + number, "error: interrupted\n")
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("ending", ["os._exit(0)", "exit(0)"])
@pytest.mark.parametrize("where", ["class", "forward", "args", "input", "loss"])
def test_a_comparison_that_user_code_ends_is_none(tmp_path: Path, where: str, ending: str) -> None:
    port = tmp_path / "net.rs"
    write(tmp_path)
    assert command(f"{tmp_path}/net.py:Net", *INPUT, "--output", port).code == 0
    end = "__import__('os')._exit(0)" if "os" in ending else ending
    file = write(tmp_path, end if where == "class" else "", end if where == "forward" else "")
    options = {
        "args": ["--args", end, *INPUT],
        "input": ["--input", end],
        "loss": ["--loss", end, *INPUT],
    }
    done = command("compare", f"{file}:Net", "--rust", port, *options.get(where, INPUT))
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("error: ")


def test_an_executable_is_found_from_here(tmp_path: Path) -> None:
    file, executable = write(tmp_path), tmp_path / "exe"
    executable.write_text("#!/bin/sh\nexit 3\n")
    executable.chmod(0o755)
    started = [sys.executable, str(PROGRAM), "compare", f"{file}:Net", "--rust", "./exe", *INPUT]
    done = subprocess.run(started, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "error: Net trace: Rust: exit code 3\n")
