"""Prints the table of scripts/checks/gpu_parity.py for rows that differ and rows that do not."""

from dataclasses import replace

import gpu_parity
import numpy as np

from torch2tch.compare.traces import compare

one, ten = np.ones(3, np.float32), np.full(3, 10, np.float32)
nearly = np.nextafter(one, 2)
left = {"init.a": one, "step1.a": one, "step1.b": ten, "step1.c": one, "grad.a": one}
right = {"init.a": one, "step1.a": nearly, "step1.b": nearly, "step1.c": one}
rows = [
    replace(row, name=f"some_network adam {row.name}") for row in compare((left, {}), (right, {}))
]
print(gpu_parity.table("title", rows))
