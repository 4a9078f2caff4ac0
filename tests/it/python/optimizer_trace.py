"""Records a trace with any optimizer of torch.optim, and the state it ends with."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts" / "reference"))

import common
import torch
from safetensors.torch import save_file
from record_trace import record

file, optimizer_class, kwargs, steps = sys.argv[1:]
task = common.task("digit_classifier")
model = common.build(task, seed=0, threads=1)
optimizer = getattr(torch.optim, optimizer_class)(model.parameters(), **json.loads(kwargs))
trace = record(task, model, optimizer, batch_size=37, steps=int(steps))
for i, state in optimizer.state_dict()["state"].items():
    trace |= {f"state.{i}.{name}": tensor for name, tensor in state.items() if tensor is not None}
save_file(trace, file)
