"""Records what rows of crates/torch-parity/tests/rows/*.json give in Python, at each number of
threads.

Usage: layers.py OUTPUT.safetensors ROWS.json THREADS…, the rows as {id: row}.
"""

import json
import operator
import sys

import torch
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

output_file, rows_file, *thread_counts = sys.argv[1:]
OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
}


class Packed(torch.nn.Module):
    """A recurrent layer on sequences of the lengths given, packed before it and padded behind."""

    def __init__(self, rnn, lengths, enforce_sorted=True, padding_value=0.0, total_length=None):
        super().__init__()
        self.rnn, self.lengths, self.enforce_sorted = rnn, lengths, enforce_sorted
        self.padding = {"padding_value": padding_value, "total_length": total_length}

    def forward(self, input, hx=None):
        first = self.rnn.batch_first
        packed = pack_padded_sequence(input, self.lengths, first, self.enforce_sorted)
        output, state = self.rnn(packed, hx)
        return *pad_packed_sequence(output, first, **self.padding), state


def evaluate(expression, inputs=()):
    """A draw such as `randn(2, 3)`, with the names of torch, or an input again, `input(0)`."""
    return eval(expression, vars(torch) | {"input": lambda i: inputs[i]})


class Function(torch.nn.Module):
    """`functional.<name>` with its arguments, as a layer. What works in place gets a copy of the
    first input, as autograd refuses a leaf, and the copy is returned as well."""

    def __init__(self, name, args):
        super().__init__()
        self.function = getattr(torch.nn.functional, name)
        self.in_place = name.endswith("_")
        self.args = {n: getattr(torch, v) if n == "dtype" else v for n, v in args.items()}

    def forward(self, input, *inputs, **call):
        if not self.in_place:
            return self.function(input, *inputs, **self.args, **call)
        copy = input.clone()
        return self.function(copy, *inputs, **self.args, **call), copy


def build(layer, args):
    if layer.startswith("functional."):
        return Function(layer.removeprefix("functional."), args)
    if layer == "Sequential":
        return torch.nn.Sequential(*(build(*inner) for inner in args["layers"]))
    args = {name: argument(name, value) for name, value in args.items()}
    if layer.startswith("utils."):
        return operator.attrgetter(layer)(torch.nn)(**args)
    return Packed(**args) if layer == "Packed" else getattr(torch.nn, layer)(**args)


def argument(name, value):
    """An argument that is a layer, `["LayerNorm", {…}]`, or a function, is given by its name."""
    match value:
        case [str(layer), dict(args)]:
            return build(layer, args)
        case str() if name == "activation" and value not in ("relu", "gelu"):
            return getattr(torch, value)
        # JSON has no tuples, and some layers take no lists.
        case list():
            return tuple(value)
    return value


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
        self.inputs, self.arguments = [], []
        for expression in row["inputs"]:
            group = [expression] if isinstance(expression, str) else expression
            drawn = tuple(self.draw(expression) for expression in group)
            self.arguments.append(drawn[0] if isinstance(expression, str) else drawn)
        self.call = {
            name: evaluate(value) if isinstance(value, str) else value
            for name, value in row.get("call", {}).items()
        }

    def draw(self, expression):
        tensor = evaluate(expression, self.inputs)
        self.inputs.append(tensor.requires_grad_(tensor.is_floating_point()))
        return tensor

    def forward(self):
        return tensors(self.model(*self.arguments, **self.call))

    def forward_backward(self):
        outputs = self.forward()
        differentiable = [output for output in outputs if output.requires_grad]
        noise = (torch.randn(output.shape, dtype=output.dtype) for output in differentiable)
        loss = sum((output * n).sum() for output, n in zip(differentiable, noise))
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
                trace[f"{prefix}.{name}"] = tensor.detach().clone(
                    memory_format=torch.contiguous_format
                )

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
for threads in thread_counts:
    torch.set_num_threads(int(threads))
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
