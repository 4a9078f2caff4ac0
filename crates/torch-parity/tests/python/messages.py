"""Prints what torch says of each expression that it refuses, as a JSON list.

Usage: messages.py EXPRESSIONS, a JSON list. Beside torch's own names they may say `x` (zeros of
some sizes), `mask` (the same of dtype bool), `evaluate`, `pack` and `pad`.
"""

import json
import sys
import warnings

import torch


def x(*sizes, dtype=None):
    return torch.zeros(sizes, dtype=dtype)


def mask(*sizes):
    return x(*sizes, dtype=torch.bool)


def evaluate(layer, *args, **kwargs):
    with torch.no_grad():
        return layer.eval()(*args, **kwargs)


def message(expression):
    try:
        eval(expression)
    except Exception as error:
        return " ".join(str(error).split())
    sys.exit(f"torch does not refuse {expression}")


warnings.simplefilter("ignore")
print(json.dumps([message(expression) for expression in json.loads(sys.argv[1])]))
