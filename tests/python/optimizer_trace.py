"""Records traces with optimizers of torch.optim, and the states that they end with.

Each case is [name, class, kwargs, threads]; its tensors are `<name>.<key>`.
"""

import json
import sys

import torch
from safetensors.torch import save_file

from torch2tch.reference import common
from torch2tch.reference.record_trace import record
from torch2tch.reference.train import optimizer_state

file, steps, cases = sys.argv[1:]
task = common.task("digit_classifier")
traces = {}
for name, optimizer_class, kwargs, threads in json.loads(cases):
    model = common.build(task, seed=0, threads=threads)
    optimizer = getattr(torch.optim, optimizer_class)(model.parameters(), **kwargs)
    trace = record(task, model, optimizer, batch_size=37, steps=int(steps))
    trace |= {f"state.{key}": tensor for key, tensor in optimizer_state(optimizer)}
    traces |= {f"{name}.{key}": tensor for key, tensor in trace.items()}
save_file(traces, file)
