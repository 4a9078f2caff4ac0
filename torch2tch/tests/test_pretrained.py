"""Constructors that load published weights: the port draws, and loads them from their file."""

from pathlib import Path

import torch
from torch import nn

from torch2tch.load.pretrained import left_out

from .conftest import Run

NET = """import pathlib

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        file = pathlib.Path(__file__).with_name("net.pt")
        self.load_state_dict(torch.load(file)["model"], strict=False)

    def forward(self, x):
        return self.fc(x)


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(4, 3)
        self.second.load_state_dict(self.first.state_dict())

    def forward(self, x):
        return self.first(x) + self.second(x)
"""
SHORT = ("--prove", "--steps=2", "--optimizer=adam", "--input", "randn(batch_size, 4)")


def test_loaded_weights_are_left_out_and_others_are_not(tmp_path: Path) -> None:
    file = tmp_path / "net.pt"
    given, net, twin = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(4, 3)
    torch.save({"model": given.state_dict()}, file)
    drawn = net.weight.clone()
    load, load_state_dict = torch.load, nn.Module.load_state_dict
    classes: list[str] = []
    with left_out(classes):
        net.load_state_dict(torch.load(file)["model"])
        twin.load_state_dict(given.state_dict())
    assert torch.equal(net.weight, drawn) and not torch.equal(net.weight, given.weight)
    assert torch.equal(twin.weight, given.weight)
    assert classes == ["Linear"]
    assert (torch.load, nn.Module.load_state_dict) == (load, load_state_dict)


def test_a_constructor_that_loads_weights_is_ported_and_says_so(
    tmp_path: Path, torch2tch: Run
) -> None:
    (tmp_path / "net.py").write_text(NET)
    torch.save({"model": nn.ModuleDict({"fc": nn.Linear(4, 3)}).state_dict()}, tmp_path / "net.pt")
    done = torch2tch(f"{tmp_path / 'net.py'}:Net", *SHORT, "--output", tmp_path / "net.rs")
    assert done.code == 0 and done.verdict().endswith("all equal to the bit"), done
    assert "note: Net: weights that the constructor loads are left out" in done.err
    # Weights of another module are a part of how the network is made.
    done = torch2tch(f"{tmp_path / 'net.py'}:Twins", *SHORT, "--output", tmp_path / "twins.rs")
    assert done.code == 0 and done.verdict().endswith("all equal to the bit"), done
    assert "left out" not in done.err
