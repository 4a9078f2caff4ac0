"""A training that can be split at any step: AdamW in two groups, a warm-up, a cosine, dropout.

    split_training.py FOLDER FROM TO

Starts with the seed if FROM is 0, and otherwise from `FOLDER/FROM.pt`; writes `FOLDER/TO.pt`."""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, MultiStepLR

folder, start, end = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 16)
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.3)
        self.fc2 = nn.Linear(16, 3)

    def forward(self, x):
        return self.fc2(self.drop(torch.relu(self.norm(self.fc1(x)))))


torch.manual_seed(7)
net = Net()
decay = [net.fc1.weight, net.fc2.weight]
others = [net.fc1.bias, net.norm.weight, net.norm.bias, net.fc2.bias]
optimizer = torch.optim.AdamW(
    [{"params": decay, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
    lr=1e-2,
    betas=(0.9, 0.95),
)
schedulers = {
    "warm_up": LinearLR(optimizer, 0.1, 1.0, 4),
    "cosine": CosineAnnealingLR(optimizer, 20),
    "steps": MultiStepLR(optimizer, [6, 11], 0.5),
}
if start:
    checkpoint = torch.load(folder / f"{start}.pt", weights_only=True)
    assert checkpoint["step"] == start
    net.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    for name, state in checkpoint["schedulers"].items():
        schedulers[name].load_state_dict(state)
    torch.set_rng_state(checkpoint["rng_state"])
for _ in range(start, end):
    x, y = torch.randn(8, 6), torch.randint(3, (8,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
    for scheduler in schedulers.values():
        scheduler.step()
torch.save(
    {
        "step": end,
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedulers": {name: each.state_dict() for name, each in schedulers.items()},
        "rng_state": torch.get_rng_state(),
        "args": {"lr": 1e-2, "note": "written by Python"},
    },
    folder / f"{end}.pt",
)
