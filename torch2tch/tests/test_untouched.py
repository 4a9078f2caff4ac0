"""What a file replaces in torch, or sets in a class from outside, is in the port or refused."""

from pathlib import Path

import pytest

from .conftest import Run

NET = """import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return F.relu(self.fc(x))


def other(self, x):
    return x * 2


"""


@pytest.mark.parametrize(
    ("line", "name", "found"),
    [
        ("Net.forward = other", "Net.forward is set outside", "x * 2"),
        ("F.relu = lambda x: x + 1", "functional.relu is replaced", "x.apply(&self.fc) + 1"),
        ("nn.Linear.forward = other", "Linear.forward is replaced", "x * 2"),
    ],
)
def test_what_is_replaced(line: str, name: str, found: str, tmp_path: Path, script: Run) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET + line + "\n")
    done = script("scripts/port.py", f"{file}:Net", "--input", "randn(batch_size, 4)")
    assert done.code == 0, done.err
    assert name in done.err and found in done.out


def test_what_set_attribute_makes_of_it(tmp_path: Path, script: Run) -> None:
    file = tmp_path / "net.py"
    setter = (
        "    def __setattr__(self, name, value):\n"
        "        super().__setattr__(name, nn.Linear(4, 5) if name == 'fc' else value)\n\n"
    )
    file.write_text(NET.replace("    def forward", setter + "    def forward", 1))
    done = script("scripts/port.py", f"{file}:Net", "--input", "randn(batch_size, 4)")
    assert 'linear(vs / "fc", 4, 5, Default::default())' in done.out, done.err
