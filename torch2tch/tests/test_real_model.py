"""`docs/a-real-model.md`: every command of the page, in a new environment and an empty folder.

What it installs comes from the package index. Where that cannot be had the test is skipped and says
so; nothing is then shown.
"""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from .conftest import Done

PAGE = "docs/a-real-model.md"

pytestmark = pytest.mark.slow


class Reader:
    """A reader of the page: a folder beside the checkout, and the page's blocks in their order."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder / "real", root
        self.folder.mkdir()
        (folder / "final-layer").symlink_to(root)
        text = (root / PAGE).read_text(encoding="utf-8")
        self.blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    def run(self, command: str) -> Done:
        environment = {
            **os.environ,
            # With the crate in dependent.rs, so that torch-sys is compiled once for both.
            "CARGO_TARGET_DIR": str(self.root / "target/tmp/dependent/target"),
        }
        for name in ("LIBTORCH", "PYTHONPATH", "RUST_BACKTRACE"):
            environment.pop(name, None)
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def timed(self, command: str) -> float:
        """The least of three wall times, in seconds."""
        times = []
        for _ in range(3):
            start = time.perf_counter()
            assert self.run(command).code == 0
            times.append(time.perf_counter() - start)
        return min(times)


def borrow_packages(venv: Path) -> None:
    """Lets a new environment see torch and its like in this one, so that pip fetches only what is
    not there."""
    (folder,) = venv.glob("lib/python3*/site-packages")
    (folder / "borrowed.pth").write_text(f"{Path(torch.__file__).resolve().parents[1]}\n")


def test_every_command_of_the_page(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = Reader(tmp_path, root)
    assert [kind for kind, _ in reader.blocks].count("sh") >= 6
    printed: Done | None = None
    for kind, text in reader.blocks:
        if kind == "python":
            (reader.folder / "answer.py").write_text(text)
        elif kind == "text":
            assert printed is not None and printed.out == text
        else:
            printed = reader.run(text)
            if "pip install" in text and printed.code:
                last = printed.err.strip().splitlines()[-1:]
                pytest.skip(f"the packages of {PAGE} cannot be installed here: {last}")
            assert printed.code == 0, (text, printed)
            if "-m venv" in text:
                borrow_packages(reader.folder / "venv")
    check_answer(reader)
    rust = reader.timed("bin/lite0 lite0.pth coffee.png")
    python = reader.timed("venv/bin/python answer.py")
    with capsys.disabled():
        print(f"\nstart to first answer: Rust {rust:.2f} s, Python {python:.2f} s")


def check_answer(reader: Reader) -> None:
    """The comparison that the page prints can fail, and the program refuses bad input in a
    line."""
    output = load_file(reader.folder / "rust.safetensors")
    assert output["output"].shape == (1, 1000)
    bits = output["output"].view(torch.int32)
    bits[0, 0] += 1
    save_file(output, reader.folder / "rust.safetensors")
    assert "equal to the bit: False" in reader.run("venv/bin/python answer.py").out

    save_file({"inputs": torch.zeros(1, 3, 8, 8)}, reader.folder / "small.safetensors")
    save_file({"other": torch.zeros(1, 3, 8, 8)}, reader.folder / "other.safetensors")
    for arguments, expected in [
        ("lite0.pth small.safetensors", "small.safetensors: inputs: expected [batch_size, 3, 224"),
        ("lite0.pth other.safetensors", "other.safetensors: expected a tensor inputs"),
        ("lite0.pth labels.txt", "labels.txt: expected a PNG or JPEG picture"),
        ("lite0.pth missing.png", "missing.png: No such file"),
        ("coffee.png coffee.png", "coffee.png: expected weights"),
    ]:
        assert expected in reader.run(f"bin/lite0 {arguments}").refusal()
    assert reader.run("bin/lite0 lite0.pth").code == 2
