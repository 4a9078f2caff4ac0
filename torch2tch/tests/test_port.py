"""The porter: what it writes, and what it refuses."""

import re
from pathlib import Path

import pytest

from torch2tch.port import Refused, port
from torch2tch.reference.common import NETWORKS, class_name

from .conftest import Run

REFUSED = "torch2tch/tests/classes/refused.py"


@pytest.mark.parametrize("network", NETWORKS)
def test_writes_the_networks_of_the_article(network: str, root: Path) -> None:
    path = root / f"torch2tch/src/torch2tch/reference/{network}.py"
    written = port(path, class_name(network), nn_path="crate::torch::nn").rust
    assert written == (root / f"src/networks/{network}.rs").read_text()


def refusals(path: str) -> list[str]:
    """What the porter refuses of every class of a file: `CLASS LINE REASON`."""
    found = []
    for name in re.findall(r"^class (\w+)", Path(path).read_text(), re.MULTILINE):
        try:
            port(path, name)
        except Refused as error:
            for line in error.lines:
                place = re.fullmatch(rf"{re.escape(path)}:(\d+): `.*?`: (.*)", line)
                assert place, line
                found.append(f"{name} {place[1]} {place[2]}")
        else:
            found.append(f"{name} is not refused")
    return found


def test_names_every_place_that_it_refuses_and_no_other(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    name, expected = "", []
    for number, line in enumerate(Path(REFUSED).read_text().splitlines(), 1):
        if line.startswith("class "):
            name = line.removeprefix("class ").partition("(")[0]
        _, found, reason = line.partition("# refused: ")
        if found:
            expected.append(f"{name} {number} {reason.partition('  # noqa')[0]}")
    assert len(expected) >= 30
    assert refusals(REFUSED) == expected


def test_a_refusal_writes_nothing(tmp_path: Path, torch2tch: Run) -> None:
    """A file that is there stays as it is."""
    output = tmp_path / "port.rs"
    output.write_text("")
    done = torch2tch(f"{REFUSED}:Prints", "--output", output)
    assert done.code == 1
    assert done.err.startswith(f"error: as written: {REFUSED}:")
    assert all(line.startswith("error: as ") for line in done.err.splitlines())
    assert output.read_text() == ""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (f"{REFUSED}:Nobody", "there is no class or function Nobody"),
        ("torch2tch/tests/classes/nowhere.py:Net", "No such file or directory"),
        (REFUSED, "expected FILE.py:NAME"),
        ("Cargo.toml:Net", "Cargo.toml:"),
    ],
)
def test_wrong_usage_is_one_line(target: str, expected: str, torch2tch: Run) -> None:
    done = torch2tch(target)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert expected in done.err
    assert done.err.count("\n") == 1


def test_the_door_has_the_command_line_of_the_package(script: Run, torch2tch: Run) -> None:
    target = f"{REFUSED}:Prints"
    assert script("scripts/port.py", target) == torch2tch(target)


def test_the_guide_has_the_table_of_spellings(root: Path, script: Run) -> None:
    """`scripts/generate/spellings_table.py >src/guide/spellings.md` writes it there."""
    found = script("scripts/generate/spellings_table.py").out
    assert "| `F.relu(input)`, `torch.relu(input)`, `x.relu()` | `x.relu()` |" in found
    assert found == (root / "src/guide/spellings.md").read_text()
