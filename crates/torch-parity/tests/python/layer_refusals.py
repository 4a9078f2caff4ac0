"""Prints the message with which Python refuses each row of crates/torch-parity/tests/rows, the one
argument, as JSON.

What is printed is a JSON list; null stands for a row that Python does not refuse.
"""

import json
import sys

import torch


def refusal(row):
    try:
        args = {k: tuple(v) if isinstance(v, list) else v for k, v in row["args"].items()}
        inputs = [eval(expression, vars(torch).copy()) for expression in row["inputs"]]
        if row["layer"].startswith("functional."):
            getattr(torch.nn.functional, row["layer"].removeprefix("functional."))(*inputs, **args)
        else:
            getattr(torch.nn, row["layer"])(**args)(*inputs)
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        return str(error).splitlines()[0]


json.dump([refusal(row) for row in json.loads(sys.argv[1])], sys.stdout)
