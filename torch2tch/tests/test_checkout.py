"""The commands in a checkout where something is wrong with `.venv`, with a network's module or with
what they are given: one line that says what."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from torch2tch import checkout
from torch2tch.compare.command import find_examples

from .conftest import Done, Run


class Project:
    """The scripts and the package in a checkout of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("scripts", "torch2tch"):
            shutil.copytree(checkout.ROOT / part, folder / part, symlinks=True)
        self.module = folder / "torch2tch/src/torch2tch/reference/my_network.py"

    def use_packages(self) -> None:
        """Takes the packages of the true checkout, and the package torch2tch of this one."""
        (self.folder / ".venv").symlink_to(checkout.ROOT / ".venv")

    def run(self, *command: object) -> Done:
        words = [str(word) for word in command]
        environment = {k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"}
        done = subprocess.run(
            words, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def script(self, name: str, *arguments: object) -> Done:
        return self.run("python3", f"scripts/{name}", *arguments)

    def record(self, *arguments: object) -> Done:
        python = self.folder / ".venv/bin/python"
        return self.run(python, "-m", "torch2tch.reference.record_trace", *arguments)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def empty_venv(folder: Path) -> None:
    subprocess.run(["python3", "-m", "venv", "--without-pip", folder / ".venv"], check=True)


def no_venv(folder: Path) -> None:
    pass


def venv_without_configuration(folder: Path) -> None:
    empty_venv(folder)
    (folder / ".venv/pyvenv.cfg").unlink()


def venv_with_an_empty_torch(folder: Path) -> None:
    empty_venv(folder)
    packages = next(folder.glob(".venv/lib/python*/site-packages"))
    (packages / "torch").mkdir()
    (packages / "torch2tch.pth").write_text("../../../../torch2tch/src\n")


def venv_without_a_program(folder: Path) -> None:
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").write_text("no program")


def venv_that_is_cut_off(folder: Path) -> None:
    venv_without_a_program(folder)
    (folder / ".venv/bin/python").write_bytes(b"\x7fELF cut off")
    (folder / ".venv/bin/python").chmod(0o755)


@pytest.mark.parametrize("script", ["compare.py", "train_distributed.py"])
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (no_venv, "there is no .venv yet; run scripts/setup first"),
        (venv_without_configuration, "is no Python of its own); run scripts/setup, which repairs"),
        (empty_venv, "No module named 'torch"),
        (venv_with_an_empty_torch, "scripts/setup"),
        (venv_without_a_program, "Permission denied); run scripts/setup, which repairs it"),
        (venv_that_is_cut_off, "run scripts/setup, which repairs it"),
    ],
)
def test_an_incomplete_venv_is_reported_with_the_remedy(
    make: Callable[[Path], None], expected: str, script: str, project: Project
) -> None:
    make(project.folder)
    line = project.script(script).refusal()
    assert expected in line
    assert "scripts/setup" in line


# A class as the guide has it, without functions yet.
CLASS = """import torch.nn as nn
class MyNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 10)
    def forward(self, x):
        return self.fc2(self.fc1(x).relu())
"""

FUNCTIONS = """from torch2tch.reference.digit_classifier import (
    draw_input, draw_target, loss, readings)
"""

DATA = "--data=data/sample/digits"


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("train", ["../compare", DATA]),
        ("record_trace", ["no_such_network", "--output=target/never.safetensors"]),
        # A module of the standard library is not a network.
        ("demonstrate", ["os"]),
    ],
)
def test_a_missing_network_is_told_with_those_that_are_there(
    module: str, arguments: list[str]
) -> None:
    command = [sys.executable, "-m", f"torch2tch.reference.{module}", *arguments]
    done = subprocess.run(command, cwd=checkout.ROOT, capture_output=True, text=True)
    assert done.returncode == 2, done
    assert done.stderr == (
        f"error: there is no network '{arguments[0]}'; expected one of digit_classifier, "
        "house_price_predictor, binary_classifier, character_model, clothing_classifier, "
        "convolutional_classifier, dropout_classifier, recurrent_classifier, "
        "variational_autoencoder\n"
    )


@pytest.mark.parametrize("name", ["compare.py", "train_distributed.py"])
def test_a_missing_network_is_told_by_the_scripts(name: str, script: Run) -> None:
    more = [DATA] if name == "train_distributed.py" else []
    done = script(f"scripts/{name}", "no_such_network", *more)
    assert done.code == 2, done
    assert done.err.startswith("error: there is no network 'no_such_network'; expected one of ")


def test_what_a_networks_module_lacks_is_named(project: Project) -> None:
    project.use_packages()
    file, text = "torch2tch/src/torch2tch/reference/my_network.py", ""
    for more, expected in [
        ("x = 1\n", f"{file}: there is no MyNetwork"),
        (CLASS, f"{file}: there is no draw_input"),
        (
            "from torch2tch.reference.digit_classifier import lss\n",
            f"{file}, line 10: ImportError: cannot import name 'lss'",
        ),
        ("def loss(:\n", f"{file}, line 11: SyntaxError: "),
    ]:
        text += more
        project.module.write_text(text)
        line = project.record("my_network", "--output=trace.safetensors").refusal()
        assert expected in line
    assert f"{file}, line 11" in project.script("compare.py", "my_network").refusal()


def test_another_name_in_rust_is_a_difference(project: Project) -> None:
    """The tensors are equal here; that the example is another network's is not."""
    project.use_packages()
    project.module.write_text(CLASS + FUNCTIONS)
    examples = project.folder / "examples"
    examples.mkdir()
    built = find_examples(["digit_classifier"], None)
    (examples / "my_network").symlink_to(built["digit_classifier"])
    settings = ("--examples=examples", "--steps=2", "--optimizer=sgd")
    done = project.script("compare.py", "my_network", *settings)
    assert done.code == 1, done
    assert "my_network in Python, digit_classifier in Rust" in done.out
    assert done.verdict() == "1 of 23 rows differ, the first: my_network sgd network"


def test_buffers_stand_beside_the_parameters_of_their_layer(project: Project) -> None:
    project.use_packages()
    layer = CLASS.replace("nn.Linear(128, 10)", "nn.BatchNorm1d(128)")
    project.module.write_text(layer + FUNCTIONS)
    recorded = project.record("my_network", "--steps=2", "--output=trace.safetensors")
    assert recorded.code == 0, recorded
    done = project.script("compare_traces.py", "trace.safetensors", "trace.safetensors")
    names = [word for word in done.out.split() if word.startswith("step2.")]
    parameters = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    buffers = ["fc2.running_mean", "fc2.running_var", "fc2.num_batches_tracked"]
    assert names == [f"step2.{name}" for name in parameters + buffers]
    assert "grad.fc2.running_mean" not in done.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--train=/nowhere"], "/nowhere: there is no such file"),
        # A .csv is not houses by its name.
        (["--train={flowers}"], "flowers.csv: expected the IDX files of digits"),
        (["--train=data/sample"], "found house_price_predictor and binary"),
        (["--keep=README.md", "--steps=1"], "--keep README.md: File exists"),
        (["--examples=/nowhere"], "/nowhere/digit_classifier does not"),
    ],
)
def test_what_the_comparison_is_given(
    arguments: list[str], expected: str, tmp_path: Path, torch2tch: Run
) -> None:
    flowers = tmp_path / "flowers.csv"
    flowers.write_text("length,width\n1,2\n")
    given = [argument.format(flowers=flowers) for argument in arguments]
    assert expected in torch2tch("compare", *given).refusal()


@pytest.mark.parametrize("threads", ["0", "1025"])
def test_a_number_of_threads_out_of_range_is_wrong_usage(threads: str, torch2tch: Run) -> None:
    done = torch2tch("compare", f"--threads={threads}")
    assert done.code == 2
    assert "error: argument --threads: expected" in done.err.splitlines()[-1]


def test_a_build_that_fails_says_what_the_compiler_says(project: Project) -> None:
    project.use_packages()
    manifest = '[package]\nname = "mine"\nedition = "2024"\n'
    (project.folder / "Cargo.toml").write_text(manifest)
    for folder in ("src", "examples"):
        (project.folder / folder).mkdir()
    (project.folder / "src/lib.rs").write_text("")
    example = project.folder / "examples/digit_classifier.rs"
    example.write_text("fn main() { undefined_name }\n")
    done = project.script("compare.py", "digit_classifier")
    assert done.code == 1, done
    assert "cannot find value `undefined_name`" in done.err
    last = "error: cannot build the examples digit_classifier; cargo says why above"
    assert done.err.splitlines()[-1] == last
