"""Prints what torch.optim says of arguments: a JSON list of messages, null where it takes them."""

import json
import sys

import torch


def params(how):
    a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
    return {
        "two": [a, b],
        "none": [],
        "computed": [a * 1],
        "in two groups": [{"params": [a, b]}, {"params": [b]}],
        "an empty group": [{"params": []}],
    }[how]


def message(optimizer_class, how, kwargs):
    try:
        getattr(torch.optim, optimizer_class)(params(how), **kwargs)
    except (ValueError, RuntimeError) as error:
        return str(error)


print(json.dumps([message(*case) for case in json.loads(sys.argv[1])]))
