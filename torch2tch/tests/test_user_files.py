"""Files of users, by whatever name: none of ours, of Python's or of a package stands in their
place, and they stand in nobody's."""

from pathlib import Path

import pytest

from .conftest import Run

NET = """import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(x)
"""
SHORT = ("--prove", "--steps=2", "--optimizer=adam")
INPUT = ("--input", "randn(batch_size, 4)")

# Names of modules of this package, of Python's own, and of packages.
NAMES = [
    "compare",
    "train",
    "data",
    "network",
    "copy",
    "random",
    "string",
    "numbers",
    "code",
    "torch",
]


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_ported(name: str, tmp_path: Path, torch2tch: Run) -> None:
    file = write(tmp_path, **{name: NET}) / f"{name}.py"
    done = torch2tch(f"{file}:Net", *INPUT, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "x.apply(&self.fc)" in done.out


@pytest.mark.parametrize("name", ["common", "port", "types"])
def test_a_file_of_any_name_is_proven(name: str, tmp_path: Path, script: Run) -> None:
    """By the real executable, in the folder where Python would find the file first."""
    file = write(tmp_path, **{name: NET}) / f"{name}.py"
    done = script("scripts/port.py", f"{file}:Net", *INPUT, *SHORT, cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.verdict().endswith("all equal to the bit")


def test_a_sibling_named_as_a_package_hides_it_from_nobody(tmp_path: Path, script: Run) -> None:
    """torch imports triton where an optimizer is made."""
    file = write(tmp_path, net=NET, triton="") / "net.py"
    done = script("scripts/port.py", f"{file}:Net", *INPUT, *SHORT)
    assert done.code == 0, done.err
    assert done.verdict().endswith("all equal to the bit")


@pytest.mark.parametrize("name", ["common", "data", "train", "blocks"])
def test_a_sibling_is_the_users_own(name: str, tmp_path: Path, torch2tch: Run) -> None:
    """A class of another file is that file's, and not one of ours by the same name."""
    block = NET.replace("Net", "Block")
    net = f"import torch.nn as nn\nfrom {name} import Block\n" + NET.partition("\n")[2].replace(
        "nn.Linear(4, 3)", "Block()"
    )
    file = write(tmp_path, net=net, **{name: block}) / "net.py"
    done = torch2tch(f"{file}:Net", *INPUT, *SHORT)
    assert done.code == 0, done.err
    assert "pub struct Block" in done.out or "struct Block" in done.out
    assert done.verdict().endswith("all equal to the bit")


LOST = NET.replace("import torch.nn as nn\n", "from .parts import *\n")


def import_error(file: Path) -> str:
    """The folder is taken for the package that the import asks for."""
    missing = f"ModuleNotFoundError: No module named '{file.parent.name}.parts'"
    return f"error: {file}:1: `from .parts import *`: {missing}"


def test_a_failed_import_is_named_before_what_it_leads_to(tmp_path: Path, script: Run) -> None:
    file = write(tmp_path, net=LOST) / "net.py"
    done = script("scripts/port.py", f"{file}:Net", *INPUT)
    assert done.code == 1
    assert done.err.splitlines() == [
        import_error(file),
        f"error: {file}:4: `class Net`: NameError: name 'nn' is not defined",
    ]


def test_the_comparison_names_a_failed_import(tmp_path: Path, script: Run) -> None:
    file = write(tmp_path, net=LOST) / "net.py"
    done = script("scripts/compare.py", f"{file}:Net", "--rust=net.rs", *INPUT)
    assert done.refusal() == import_error(file)


@pytest.mark.parametrize("door", ["port.py", "compare.py"])
def test_a_missing_package_is_no_fault_of_the_venv(door: str, tmp_path: Path, script: Run) -> None:
    text = NET.replace("import", "from no_such_package import layer\nimport", 1)
    text = text.replace("nn.Linear(4, 3)", "layer(4, 3)")
    file = write(tmp_path, net=text) / "net.py"
    more = ["--rust=net.rs"] if door == "compare.py" else []
    done = script(f"scripts/{door}", f"{file}:Net", *INPUT, *more)
    assert done.code == 1
    assert f"{file}:1: `from no_such_package import layer`: ModuleNotFoundError" in done.err
    assert ".venv" not in done.err
