"""The programs of crates/torch-parity/tests/optim/migration/program.rs in Python: the weights that
they end with."""

import sys

import torch
from safetensors.torch import save_file
from torch import nn


def train(model, step):
    x, y = torch.randn(32, 20), torch.randint(4, (32,))
    for number in range(20):
        step(nn.functional.cross_entropy(model(x), y), number)
    return [parameter.detach() for parameter in model.parameters()]


def network():
    return nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4))


def adam():
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def step(loss, _):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return train(model, step)


def sgd():
    model = network()
    settings = {"momentum": 0.9, "weight_decay": 1e-3, "nesterov": True}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, **settings)

    def step(loss, number):
        if number == 10:
            optimizer.param_groups[0]["momentum"] = 0.8
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()

    return train(model, step)


def adamw():
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 1e-3}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, weight_decay=0.1, amsgrad=True)
    first, second = optimizer.param_groups

    def step(loss, number):
        if number == 10:
            first["lr"] = second["lr"] = 5e-3
            second["weight_decay"] = 0.2
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.01)
        optimizer.step()

    return train(model, step)


def rms_prop():
    model = network()
    settings = {"alpha": 0.9, "eps": 1e-6, "weight_decay": 1e-3, "momentum": 0.5, "centered": True}
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, **settings)

    def step(loss, _):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return train(model, step)


torch.set_num_threads(1)
weights = {}
for program in [adam, sgd, adamw, rms_prop]:
    torch.manual_seed(0)
    weights |= {f"{program.__name__}.{i}": weight for i, weight in enumerate(program())}
save_file(weights, sys.argv[1])
