"""Trains with every kind of optimizer, up to a state dict or on from one that Rust wrote.

`save FILE`: three steps, the state, three more steps. `go_on FILE RESULT`: three steps on from the
states in FILE. A file has `<kind>.w.<i>`, `<kind>.state.<i>.<name>` and `<kind>.end.<i>`, and in
its metadata `<kind>`, the parameter groups as JSON.
"""

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

KINDS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.1),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, dampening=0.3),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.1, weight_decay=0.3),
    "amsgrad": lambda groups: torch.optim.Adam(groups, lr=0.1, amsgrad=True, maximize=True),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.1),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.1),
    "centered": lambda groups: torch.optim.RMSprop(groups, lr=0.1, momentum=0.9, centered=True),
    "adagrad": lambda groups: torch.optim.Adagrad(
        groups, lr=0.1, lr_decay=0.5, initial_accumulator_value=0.1
    ),
    "adadelta": lambda groups: torch.optim.Adadelta(groups, lr=0.1, rho=0.5),
    "adamax": lambda groups: torch.optim.Adamax(groups, lr=0.1),
    "nadam": lambda groups: torch.optim.NAdam(groups, lr=0.1, momentum_decay=0.1),
    "radam": lambda groups: torch.optim.RAdam(groups, lr=0.1, betas=(0.8, 0.99)),
}


def build(kind, weights):
    params = [weight.clone().requires_grad_() for weight in weights]
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.05}]
    return params, KINDS[kind](groups)


def train(params, optimizer):
    for step in range(3):
        optimizer.zero_grad()
        a, b, _ = params
        (a * b * (step + 1)).sin().sum().backward()
        optimizer.step()


def save(file):
    tensors, metadata = {}, {}
    for kind in KINDS:
        torch.manual_seed(0)
        # No step uses the last one.
        params, optimizer = build(kind, [torch.randn(5) for _ in range(3)])
        # A scheduler leaves entries of its own in the groups.
        torch.optim.lr_scheduler.StepLR(optimizer, 10)
        train(params, optimizer)
        tensors |= {f"{kind}.w.{i}": param.detach().clone() for i, param in enumerate(params)}
        dict = optimizer.state_dict()
        for i, state in dict["state"].items():
            tensors |= {f"{kind}.state.{i}.{name}": t.clone() for name, t in state.items()}
        metadata[kind] = json.dumps(dict["param_groups"])
        train(params, optimizer)
        tensors |= {f"{kind}.end.{i}": param.detach() for i, param in enumerate(params)}
    save_file(tensors, file, metadata)


def go_on(file, result):
    tensors, ends = load_file(file), {}
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    for kind in KINDS:
        params, optimizer = build(kind, [tensors[f"{kind}.w.{i}"] for i in range(3)])
        state = {}
        for key, tensor in tensors.items():
            if key.startswith(f"{kind}.state."):
                i, name = key.removeprefix(f"{kind}.state.").split(".")
                state.setdefault(int(i), {})[name] = tensor
        groups = json.loads(metadata[kind])
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        # What Rust wrote has Python's entries, with Python's types.
        for ours, theirs in zip(groups, build(kind, [torch.ones(1)] * 3)[1].param_groups):
            missing = theirs.keys() - ours.keys()
            assert not missing, missing
            for name, value in theirs.items():
                if name not in ("params", "lr"):
                    found = tuple(ours[name]) if name == "betas" else ours[name]
                    assert found == value, (name, found, value)
        train(params, optimizer)
        ends |= {f"{kind}.end.{i}": param.detach() for i, param in enumerate(params)}
    save_file(ends, result)


torch.set_num_threads(1)
{"save": save, "go_on": go_on}[sys.argv[1]](*sys.argv[2:])
