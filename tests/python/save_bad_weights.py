"""Saves weights that the digit classifier has to refuse, and good ones to be cut short."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from torch2tch.reference import common

folder = Path(sys.argv[1])
model = common.build(common.task("digit_classifier"), seed=0)
good = model.state_dict()


def save(name, weights):
    save_file(weights, folder / f"{name}.safetensors")
    torch.save(weights, folder / f"{name}.pt")


save("good", good)
save("missing", {name: w for name, w in good.items() if name != "fc2.bias"})
save("extra", {**good, "fc3.bias": torch.zeros(10)})
save("shape", {**good, "fc2.weight": torch.zeros(10, 64)})
save("broadcast", {**good, "fc2.bias": torch.zeros(1)})
save("float64", {name: w.double() for name, w in good.items()})
save("float16", {name: w.half() for name, w in good.items()})

torch.save(list(good.values()), folder / "list.pt")
torch.save(good["fc1.weight"], folder / "tensor.pt")
torch.save(5, folder / "number.pt")
torch.save(model, folder / "model.pt")
torch.save({"model": good, "epoch": 3}, folder / "checkpoint.pt")
torch.save({**good, "epoch": 3}, folder / "with_epoch.pt")
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(folder / "archive.pt"))
