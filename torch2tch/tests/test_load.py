"""Targets as Python loads them."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from torch2tch.load import Options, Target, load
from torch2tch.load.errors import Usage
from torch2tch.subject import Refused

HEAD = "import torch\nimport torch.nn as nn\n\n"
NET = """
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.fc = nn.Linear(WIDTH, 2)

    def forward(self, x):
        return self.fc(x)
"""


def write(folder: Path, text: str, name: str = "net.py") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def made(file: Path, name: str = "Net", **options: Any) -> Any:
    return load(
        f"{file}:{name}", Options(inputs=("randn(batch_size, 4)",), **options)
    ).subject.make()


def width_of(target: Target) -> int:
    made: Any = target.subject.make()
    return made.fc.in_features


def width(file: Path, **options: Any) -> int:
    return made(file, **options).fc.in_features


def test_module_level_code_runs_that_the_class_depends_on(tmp_path: Path) -> None:
    text = HEAD + "WIDTHS = [1]\nfor i in range(3):\n    WIDTHS.append(i + 4)\n"
    text += "WIDTH = WIDTHS[-1]\nWIDTH += 1\n"
    assert width(write(tmp_path, text + NET)) == 7


def test_a_table_that_a_call_updates(tmp_path: Path) -> None:
    text = HEAD + 'SIZES = {}\nSIZES["a"] = 3\nSIZES.update(a=9)\nWIDTH = SIZES["a"]\n'
    assert width(write(tmp_path, text + NET)) == 9


def test_a_function_that_changes_what_it_is_given(tmp_path: Path) -> None:
    text = HEAD + "SIZES = []\ndef fill(to):\n    to.append(5)\nfill(SIZES)\nWIDTH = SIZES[0]\n"
    assert width(write(tmp_path, text + NET)) == 5


def test_the_default_dtype_of_a_file_holds(tmp_path: Path) -> None:
    file = write(tmp_path, HEAD + "torch.set_default_dtype(torch.float64)\nWIDTH = 4\n" + NET)
    try:
        assert made(file).fc.weight.dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_training_is_left_out_and_said(tmp_path: Path) -> None:
    training = "\nmodel = Net()\nfor epoch in range(3):\n    raise SystemExit('trains')\n"
    target = load(f"{write(tmp_path, HEAD + 'WIDTH = 4' + NET + training)}:Net", Options())
    assert width_of(target) == 4
    assert any("not run: the script" in note for note in target.notes)


@pytest.mark.parametrize("indented", [False, True])
def test_the_loss_of_a_training_loop_is_not_the_file_s(tmp_path: Path, indented: bool) -> None:
    training = ["for epoch in range(3):", "    output = loss = 1", "    raise SystemExit('trains')"]
    if indented:
        training = ["if __name__ == '__main__':", *(f"    {line}" for line in training)]
    text = HEAD + "WIDTH = 4\n" + NET + "\n" + "\n".join(training) + "\n"
    assert width(write(tmp_path, text), loss="output.sum() + target") == 4


def test_a_script_s_folder_is_not_made(tmp_path: Path) -> None:
    side_effect = f"import os\nos.makedirs({str(tmp_path / 'images')!r})\nWIDTH = 4\n"
    width(write(tmp_path, HEAD + side_effect + NET))
    assert not (tmp_path / "images").exists()


def test_argparse_at_the_top_reads_argv(tmp_path: Path) -> None:
    text = HEAD + (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--nz', type=int, default=6)\nopt = parser.parse_args()\n"
        "WIDTH = opt.nz\n"
    )
    file = write(tmp_path, text + NET)
    assert width(file) == 6
    assert width(file, argv=("--nz", "100")) == 100


def test_an_argument_that_the_script_requires_is_named(tmp_path: Path) -> None:
    text = HEAD + (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--nz', type=int, required=True)\nopt = parser.parse_args()\n"
        "WIDTH = opt.nz\n"
    )
    with pytest.raises(Refused, match=r"net.py:7: .*--nz \(--argv gives"):
        width(write(tmp_path, text + NET))


def test_names_below_the_guard_that_the_class_reads(tmp_path: Path) -> None:
    text = (
        HEAD + NET + "\nif __name__ == '__main__':\n    WIDTH = 8\n    raise SystemExit('trains')\n"
    )
    target = load(f"{write(tmp_path, text)}:Net", Options())
    assert width_of(target) == 8
    assert any("below" in note for note in target.notes)


def test_future_annotations_hold_for_each_statement(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        + HEAD
        + "@dataclass\nclass Sizes:\n    width: Union[int, str] = 4\nWIDTH = Sizes().width\n"
    )
    assert width(write(tmp_path, text + NET)) == 4


def test_relative_imports_in_a_package(tmp_path: Path) -> None:
    write(tmp_path, "", "pack_a/__init__.py")
    write(tmp_path, "WIDTH = 11\n", "pack_a/parts.py")
    file = write(tmp_path, HEAD + "from .parts import WIDTH\n" + NET, "pack_a/net.py")
    assert width(file) == 11


def test_relative_imports_in_folders_without_an_init_file(tmp_path: Path) -> None:
    write(tmp_path, "WIDTH = 13\n", "folder_b/sizes.py")
    file = write(tmp_path, HEAD + "from ..sizes import WIDTH\n" + NET, "folder_b/nets/net.py")
    assert width(file) == 13


def test_a_failed_import_is_named_first(tmp_path: Path) -> None:
    file = write(tmp_path, "from .parts import *\n" + NET)
    with pytest.raises(Refused) as caught:
        width(file)
    assert "net.py:1: `from .parts import *`: ModuleNotFoundError" in caught.value.lines[0]


def test_a_package_that_is_missing_matters_to_those_who_need_it(tmp_path: Path) -> None:
    text = HEAD + "import no_such_package\nWIDTH = 4\n" + NET
    assert width(write(tmp_path, text)) == 4
    needs = text.replace("self.fc =", "no_such_package.f()\n        self.fc =")
    with pytest.raises(Refused) as caught:
        width(write(tmp_path, needs, "needs.py"))
    assert "needs.py:4: `import no_such_package`: ModuleNotFoundError" in caught.value.lines[0]


def test_a_sibling_named_as_a_package_hides_it_from_nobody_else(tmp_path: Path) -> None:
    write(tmp_path, "broken = True\n", "triton.py")
    write(tmp_path, "WIDTH = 3\n", "sibling_of_net.py")
    file = write(tmp_path, HEAD + "from sibling_of_net import WIDTH\n" + NET)
    assert width(file) == 3
    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1).step()
    assert not hasattr(sys.modules.get("triton"), "broken")


@pytest.mark.parametrize("name", ["random", "types", "common", "code", "port", "torch", "string"])
def test_files_with_the_names_of_others(tmp_path: Path, name: str) -> None:
    before = sys.modules.get(name)
    assert width(write(tmp_path, HEAD + "WIDTH = 4\n" + NET, f"{name}.py")) == 4
    assert name == "port" or name == "common" or sys.modules.get(name) is before


def test_a_function_that_gives_a_module(tmp_path: Path) -> None:
    file = write(tmp_path, HEAD + "def build(width):\n    return nn.Linear(width, 1)\n")
    assert made(file, "build", args="7").in_features == 7


def test_a_module_of_a_package() -> None:
    target = load(
        "torch.nn:Linear",
        Options(args="3, 2", inputs=("x=randn(batch_size, length, 3)",), sizes=("length=12,7",)),
    )
    assert next(iter(target.subject.make().parameters())).shape[1] == 3
    assert [size.observed for size in target.subject.sizes] == [(3, 5), (12, 7)]
    assert target.subject.inputs[0].argument == "x"


def test_a_size_without_values_is_refused() -> None:
    with pytest.raises(Usage, match="--size length=12,7"):
        load("torch.nn:Linear", Options(args="3, 2", inputs=("randn(batch_size, length, 3)",)))


def test_a_literal_input_is_a_fixed_argument(tmp_path: Path) -> None:
    text = HEAD + "WIDTH = 4\n" + NET.replace("forward(self, x)", "forward(self, x, flag)")
    target = load(f"{write(tmp_path, text)}:Net", Options(inputs=("randn(batch_size, 4)", "True")))
    assert dict(target.subject.call) == {"flag": True} and len(target.subject.inputs) == 1


@pytest.mark.parametrize("ending", ["import sys; sys.exit(0)", "exit()", "raise SystemExit"])
def test_a_class_that_ends_the_process_is_refused(tmp_path: Path, ending: str) -> None:
    text = HEAD + "WIDTH = 4\n" + NET.replace("self.fc =", f"{ending}\n        self.fc =")
    with pytest.raises(Refused, match=r"net.py:\d+: .*the code calls sys.exit"):
        made(write(tmp_path, text))


def test_an_error_of_the_constructor_stands_at_its_line(tmp_path: Path) -> None:
    text = HEAD + "WIDTH = 'four'\n" + NET
    with pytest.raises(Refused, match=r"net.py:9: `self.fc = nn.Linear\(WIDTH, 2\)`: TypeError"):
        made(write(tmp_path, text))


@pytest.mark.parametrize(
    "target, text",
    [
        ("nowhere.py:Net", "nowhere.py: No such file"),
        ("no_such_module:Net", "there is no module no_such_module"),
        ("torch.nn:Nothing", "there is no class or function Nothing"),
        ("torch.nn", "expected FILE.py:NAME"),
    ],
)
def test_targets_that_are_not_there(target: str, text: str) -> None:
    with pytest.raises(Refused, match=text):
        load(target, Options())
