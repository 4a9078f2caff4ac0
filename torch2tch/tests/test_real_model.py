"""`docs/a-real-model.md`: every command of the page, in a new environment and an empty folder.

What it installs comes from the package index. Where that cannot be had the test is skipped and says
so; nothing is then shown.
"""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from .conftest import Done
from .reader import Reader

PAGE = "docs/a-real-model.md"

pytestmark = pytest.mark.slow


def test_every_command_of_the_page(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = Reader(tmp_path, root)
    page = (root / PAGE).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks].count("sh") >= 6
    printed: Done | None = None
    for kind, text in blocks:
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
                reader.borrow_packages()
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
        ("lite0.pth coffee.png >/dev/full", "standard output: No space left"),
    ]:
        assert expected in reader.run(f"bin/lite0 {arguments}").refusal()
    assert reader.run("bin/lite0 lite0.pth").code == 2
