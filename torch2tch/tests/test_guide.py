"""The guide *Port your own network*: what it shows is what the commands print."""

import subprocess
import sys
from pathlib import Path

import pytest

from torch2tch import checkout
from torch2tch.compare.command import find_examples

from .conftest import Run

GUIDE = (checkout.ROOT / "docs/port-your-own-network.md").read_text()

WINE = (
    "docs/wine.py:Wine",
    "--input=randn(batch_size, 13)",
    "--target=randint(3, (batch_size,))",
    "--loss=F.cross_entropy(output, target)",
)

NETWORK = "clothing_classifier"


def shows(language: str, text: str) -> None:
    """Fails unless the guide has the text as a block of its own."""
    block = f"```{language}\n{text.rstrip()}\n```\n"
    assert block in GUIDE, f"the guide does not show {block}"


def test_shows_a_port_its_proof_and_a_mistake(tmp_path: Path, root: Path, torch2tch: Run) -> None:
    rust = tmp_path / "wine.rs"
    done = torch2tch(*WINE, "--prove", "--output", rust)
    assert done.code == 0, done
    shows("python", (root / "docs/wine.py").read_text())
    shows("rust", rust.read_text())
    shows("text", done.verdict())

    right = "leaky_relu(&x.apply(&self.fc1), 0.2)"
    assert right in rust.read_text()
    rust.write_text(rust.read_text().replace(right, right.replace("0.2", "0.3")))
    done = torch2tch("compare", *WINE, "--rust", rust, "--steps=20", "--optimizer=adam")
    assert done.code == 1, done
    shows("text", done.verdict())


def test_shows_a_refusal(tmp_path: Path, torch2tch: Run) -> None:
    start = GUIDE.index("import torch\n")
    (tmp_path / "spectrum.py").write_text(GUIDE[start : GUIDE.index("```", start)])
    done = torch2tch("spectrum.py:Spectrum", "--input=randn(batch_size, 16)", cwd=tmp_path)
    assert done.code == 1, done
    shows("text", done.err)


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        (["--steps=20"], "120 tensors, all equal to the bit"),
        (
            ["--train=data/sample/digits", "--epochs=1"],
            "78 tensors, all equal to the bit, 4 metrics equal to 1e-12",
        ),
    ],
)
def test_shows_the_comparison_of_a_further_network(
    options: list[str], verdict: str, torch2tch: Run
) -> None:
    done = torch2tch("compare", NETWORK, *options)
    assert done.code == 0, done
    assert done.verdict() == verdict
    assert "note:" not in done.out, "the settings differ"
    assert f"\n{verdict}\n" in GUIDE


def test_the_further_network_prints_what_python_prints(root: Path) -> None:
    arguments = ["--seed=3", "--threads=1"]
    rust = [find_examples([NETWORK], None)[NETWORK], *arguments]
    python = [sys.executable, "-m", "torch2tch.reference.demonstrate", NETWORK, *arguments]
    printed = [
        subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
        for command in (rust, python)
    ]
    assert printed[0] == printed[1] != b""


def test_the_further_network_takes_some_forty_lines(root: Path) -> None:
    lines = (root / f"examples/{NETWORK}.rs").read_text().splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 110
