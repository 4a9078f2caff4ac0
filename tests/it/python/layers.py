"""Records what each row of tests/layers/*.json gives in Python, at one thread and at two.

Usage: layers.py OUTPUT.safetensors ROWS.json, the rows as {id: row}.
"""

import json
import sys

import torch
from safetensors.torch import save_file

output_file, rows_file = sys.argv[1:]
OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
}


def evaluate(expression):
    """A draw such as `randn(2, 3)`, with the names of torch."""
    return eval(expression, vars(torch).copy())


def build(layer, args):
    if layer == "Sequential":
        return torch.nn.Sequential(*(build(*inner) for inner in args["layers"]))
    return getattr(torch.nn, layer)(**args)


def tensors(output):
    """The tensors in what `forward` returns, in order; None is left out."""
    if isinstance(output, torch.Tensor):
        return [output]
    return [] if output is None else [tensor for part in output for tensor in tensors(part)]


class Case:
    """A row's layer and its inputs, drawn from seed 0."""

    def __init__(self, row):
        torch.manual_seed(0)
        self.model = build(row["layer"], row["args"])
        self.init = self.state()
        self.inputs = [evaluate(expression) for expression in row["inputs"]]
        for tensor in self.inputs:
            tensor.requires_grad_(tensor.is_floating_point())
        self.call = {
            name: evaluate(value) if isinstance(value, str) else value
            for name, value in row.get("call", {}).items()
        }

    def forward(self):
        return tensors(self.model(*self.inputs, **self.call))

    def forward_backward(self):
        outputs = self.forward()
        differentiable = [output for output in outputs if output.requires_grad]
        loss = sum((output * torch.randn(output.shape)).sum() for output in differentiable)
        if differentiable:
            loss.backward()
        return outputs

    def state(self):
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}


def record(row):
    torch.set_default_dtype(getattr(torch, row.get("dtype", "float32")))
    trace = {}

    def put(prefix, named):
        for name, tensor in named:
            if tensor is not None:
                tensor = tensor.to_dense() if tensor.is_sparse else tensor
                trace[f"{prefix}.{name}"] = tensor.detach().clone(memory_format=torch.contiguous_format)

    for mode in ("train", "eval"):
        case = Case(row)
        case.model.train(mode == "train")
        if mode == "train":
            put("init", case.init.items())
            put("input", enumerate(case.inputs))
        put(f"{mode}.output", enumerate(case.forward_backward()))
        put(f"{mode}.grad", ((name, p.grad) for name, p in case.model.named_parameters()))
        put(f"{mode}.input_grad", ((i, tensor.grad) for i, tensor in enumerate(case.inputs)))
        put(f"{mode}.state", case.state().items())
    for name in row.get("optimizers", OPTIMIZERS):
        case = Case(row)
        if not list(case.model.parameters()):
            continue
        optimizer = OPTIMIZERS[name](case.model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            case.forward_backward()
            optimizer.step()
        put(f"{name}.state", case.state().items())
        case.model.eval()
        with torch.no_grad():
            put(f"{name}.output", enumerate(case.forward()))
    return trace


with open(rows_file) as file:
    rows = json.load(file)
traces, failures = {}, []
for threads in (1, 2):
    torch.set_num_threads(threads)
    for id, row in rows.items():
        try:
            trace = record(row)
        except Exception as error:
            failures.append(f"{id} {row['layer']} {row['args']}: {type(error).__name__}: {error}")
            continue
        traces |= {f"{id}.{threads}.{name}": tensor for name, tensor in trace.items()}
if failures:
    sys.exit("\n".join(failures))
save_file(traces, output_file)
