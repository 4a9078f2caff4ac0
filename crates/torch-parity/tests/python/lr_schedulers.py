"""What Python's schedulers do: a JSON line for each scheduler, which is an expression over `o`, an
optimizer with two parameter groups. With a state as third argument, goes on from there."""

import json
import sys
import warnings

import torch
from torch.optim.lr_scheduler import *  # noqa: F403

warnings.simplefilter("ignore")  # no optimizer.step() in between

# As in crates/torch-parity/tests/optim/lr_scheduler.rs.
METRICS = [1.0, 0.5, 0.4999999, 0.6, 0.3, 0.31, 0.3, 0.29999, 0.5, 0.2, 0.2, 0.2, 0.1]


def optimizer(name):
    groups = [
        {"params": [torch.nn.Parameter(torch.ones(1))]},
        {"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.03},
    ]
    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(torch.optim, name)(groups, lr=0.1, **options)


def momentum(group):
    return group["betas"][0] if "betas" in group else group["momentum"]


def plain(state):
    """Without what has another form in Rust, in the states of other schedulers as well."""
    if isinstance(state, list):
        return [plain(part) for part in state]
    if not isinstance(state, dict):
        return state
    return {
        key: plain(value)
        for key, value in state.items()
        if key not in ("milestones", "_schedule_phases")
    }


def run(optimizer_name, expression, steps, state=None):
    o = optimizer(optimizer_name)
    scheduler = eval(expression)
    if state:
        scheduler.load_state_dict(json.loads(state["scheduler"]))
        for group, lr in zip(o.param_groups, state["lrs"]):
            group["lr"] = lr
    history = []
    for step in range(steps + 1):
        if step:
            if isinstance(scheduler, ReduceLROnPlateau):  # noqa: F405
                scheduler.step(METRICS[step % len(METRICS)])
            else:
                scheduler.step()
        history.append([[group["lr"], momentum(group)] for group in o.param_groups])
    state = plain(scheduler.state_dict())
    extra = [
        {key: value for key, value in group.items() if key not in ("params",)}
        for group in o.param_groups
    ]
    return {"history": history, "state": state, "groups": extra}


for case in json.load(sys.stdin):
    print(json.dumps(run(**case)).replace("Infinity", '"inf"').replace('-"inf"', '"-inf"'))
