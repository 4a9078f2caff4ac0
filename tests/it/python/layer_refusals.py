"""Prints the message with which Python refuses each row of tests/layers, the one argument, as JSON.

What is printed is a JSON list; null stands for a row that Python does not refuse.
"""

import json
import sys

import torch


def refusal(row):
    try:
        args = {k: tuple(v) if isinstance(v, list) else v for k, v in row["args"].items()}
        layer = getattr(torch.nn, row["layer"])(**args)
        layer(*(eval(expression, vars(torch).copy()) for expression in row["inputs"]))
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        return str(error).splitlines()[0]


json.dump([refusal(row) for row in json.loads(sys.argv[1])], sys.stdout)
