"""Runs the cases of crates/torch-parity/tests/optim/optimizer_cases.rs in Python and records all
that they come to."""

import sys

import torch
from safetensors.torch import save_file

CASES = []
record, errors = {}, {}


def case(run):
    CASES.append(run)
    return run


def make(kind, params, lr=0.1):
    return {
        "SGD": lambda: torch.optim.SGD(params, lr),
        "momentum": lambda: torch.optim.SGD(params, lr, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD(params, lr, momentum=0.9, nesterov=True),
        "weight_decay": lambda: torch.optim.SGD(params, lr, momentum=0.9, weight_decay=0.1),
        "maximize": lambda: torch.optim.SGD(params, lr, maximize=True),
        "Adam": lambda: torch.optim.Adam(params, lr),
        "AdamW": lambda: torch.optim.AdamW(params, lr),
        "amsgrad": lambda: torch.optim.Adam(params, lr, amsgrad=True, weight_decay=0.1),
        "RMSprop": lambda: torch.optim.RMSprop(params, lr),
        "centered": lambda: torch.optim.RMSprop(params, lr, momentum=0.9, centered=True),
        "Adagrad": lambda: torch.optim.Adagrad(params, lr),
        "accumulator": lambda: torch.optim.Adagrad(
            params, lr, initial_accumulator_value=0.1, weight_decay=0.1
        ),
        "Adadelta": lambda: torch.optim.Adadelta(params, lr),
        "Adamax": lambda: torch.optim.Adamax(params, lr),
        "NAdam": lambda: torch.optim.NAdam(
            params, lr, weight_decay=0.1, decoupled_weight_decay=True
        ),
        "RAdam": lambda: torch.optim.RAdam(params, lr),
        "short memory": lambda: torch.optim.RAdam(params, lr, betas=(0.5, 0.9), weight_decay=0.1),
    }[kind]()


ALL = [
    "SGD",
    "momentum",
    "nesterov",
    "weight_decay",
    "maximize",
    "Adam",
    "AdamW",
    "amsgrad",
    "RMSprop",
    "centered",
    "Adagrad",
    "accumulator",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "short memory",
]


def randn(*size):
    return torch.randn(size)


def parameter(tensor):
    return tensor.clone().requires_grad_()


def keep(key, *tensors):
    for i, tensor in enumerate(tensors):
        record[f"{key}.{i}"] = tensor.detach().resolve_neg().resolve_conj().contiguous().clone()


def keep_state(key, optimizer):
    for i, state in optimizer.state_dict()["state"].items():
        for name, tensor in state.items():
            if tensor is not None and not tensor.is_sparse:
                record[f"{key}.state.{i}.{name}"] = tensor.contiguous().clone()


def attempt(key, run):
    try:
        run()
    except (RuntimeError, ValueError) as error:
        errors[key] = " ".join(str(error).split())


@case
def unused(kind, key):
    """A parameter that is used once, then three times not, then again."""
    a, b = parameter(randn(5)), parameter(randn(5))
    optimizer = make(kind, [a, b])
    for step, used in enumerate([True, False, False, False, True]):
        optimizer.zero_grad()
        loss = (a * a * (b if used else 1)).sum()
        loss.backward()
        optimizer.step()
        keep(f"{key}.{step}", a, b)
    keep_state(key, optimizer)


@case
def first_used_late(kind, key):
    """A parameter that the first steps do not use: its state begins with its first gradient."""
    a, b = parameter(randn(5)), parameter(randn(5))
    optimizer = make(kind, [b, a])
    for step in range(4):
        keep_state(f"{key}.{step}", optimizer)
        optimizer.zero_grad()
        loss = (a * a * (b if step >= 2 else 1)).sum()
        loss.backward()
        optimizer.step()
        keep(f"{key}.{step}", a, b)
    keep_state(key, optimizer)


@case
def zeros_instead_of_none(kind, key):
    a, b = parameter(randn(5)), parameter(randn(5))
    optimizer = make(kind, [a, b])
    for step, used in enumerate([True, False, False, True]):
        optimizer.zero_grad(set_to_none=False)
        loss = (a * a * (b if used else 1)).sum()
        loss.backward()
        optimizer.step()
        keep(f"{key}.{step}", a, b, b.grad)


@case
def two_networks(kind, key):
    """A GAN: two networks, two optimizers, losses in turn."""
    maker, judge = parameter(randn(4, 3)), parameter(randn(1, 4))
    optimizers = [make(kind, [maker]), make(kind, [judge])]
    noise, real = randn(8, 3), randn(8, 4)
    for step in range(6):
        for optimizer in optimizers:
            optimizer.zero_grad()
        made = noise @ maker.t()
        if step % 3 == 2:
            loss = -(made @ judge.t()).sigmoid().log().sum()
            mover = optimizers[0]
        else:
            fake = (made.detach() @ judge.t()).sigmoid()
            loss = -((real @ judge.t()).sigmoid().log() + (1 - fake).log()).sum()
            mover = optimizers[1]
        loss.backward()
        # Both step: one of the two has nothing to do in most steps.
        for optimizer in optimizers if step in (1, 4) else [mover]:
            optimizer.step()
        keep(f"{key}.{step}", maker, judge)


@case
def thawed(kind, key):
    """A layer that is frozen, and thawed, and frozen again."""
    a, b = parameter(randn(5)), parameter(randn(5))
    optimizer = make(kind, [a, b])
    for step in range(6):
        b.requires_grad_(step in (2, 3))
        optimizer.zero_grad()
        (a * b).sin().sum().backward()
        optimizer.step()
        keep(f"{key}.{step}", a, b)
    keep_state(key, optimizer)


@case
def tied(kind, key):
    """Two layers with one weight: parameters() has it once."""
    first = torch.nn.Linear(3, 3, bias=False)
    second = torch.nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        first.weight.copy_(randn(3, 3))
    second.weight = first.weight
    model = torch.nn.Sequential(first, second)
    optimizer = make(kind, model.parameters())
    x = randn(2, 3)
    for step in range(3):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
        keep(f"{key}.{step}", first.weight)
    keep_state(key, optimizer)


@case
def minus_zero(kind, key):
    """A gradient of -0.0 stays -0.0."""
    a = parameter(torch.zeros(3))
    optimizer = make(kind, [a])
    for step in range(2):
        optimizer.zero_grad()
        (a * -0.0).sum().backward()
        keep(f"{key}.{step}", a.grad)
        optimizer.step()
        keep(f"{key}.{step}.after", a)
    keep_state(key, optimizer)


@case
def sparse(kind, key):
    """The gradient of an embedding."""
    w = parameter(randn(6, 2))
    optimizer = make(kind, [w])

    def run():
        for step in range(3):
            optimizer.zero_grad()
            rows = torch.tensor([1, 4, 1 + step])
            e = torch.nn.functional.embedding(rows, w, sparse=True)
            (e * e).sum().backward()
            optimizer.step()
            keep(f"{key}.{step}", w)

    attempt(key, run)
    keep(f"{key}.end", w)


@case
def negated(kind, key):
    """A gradient that is a view with the negative bit set."""
    w = parameter(randn(1))
    optimizer = make(kind, [w])
    c = torch.complex(randn(1), randn(1))
    for step in range(3):
        optimizer.zero_grad()
        z = torch.complex(torch.zeros(1), w)
        (z.conj() * c).real.sum().backward()
        assert w.grad.is_neg()
        optimizer.step()
        keep(f"{key}.{step}", w)


@case
def negated_directly(kind, key):
    w = parameter(randn(5))
    optimizer = make(kind, [w])
    for step in range(3):
        w.grad = torch._neg_view(randn(5))
        optimizer.step()
        keep(f"{key}.{step}", w)


@case
def zero_tensor(kind, key):
    """A gradient that is a ZeroTensor: a null pointer behind it."""
    w = parameter(randn(5))
    optimizer = make(kind, [w])

    def run():
        for step in range(3):
            w.grad = torch._efficientzerotensor(5)
            optimizer.step()
            keep(f"{key}.{step}", w)

    attempt(key, run)
    keep(f"{key}.end", w)


@case
def expanded_gradient(kind, key):
    w = parameter(randn(5))
    optimizer = make(kind, [w])
    for step in range(3):
        w.grad = randn(1).expand(5)
        optimizer.step()
        keep(f"{key}.{step}", w)


@case
def transposed_gradient(kind, key):
    w = parameter(randn(3, 4))
    optimizer = make(kind, [w])
    for step in range(3):
        w.grad = randn(4, 3).t()
        optimizer.step()
        keep(f"{key}.{step}", w)
    keep_state(key, optimizer)


@case
def transposed_parameter(kind, key):
    w = randn(3, 4).t().requires_grad_()
    optimizer = make(kind, [w])
    for step in range(3):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        keep(f"{key}.{step}", w)


@case
def expanded_parameter(kind, key):
    w = randn(1).expand(5).requires_grad_()
    optimizer = make(kind, [w])

    def run():
        (w * w).sum().backward()
        optimizer.step()

    attempt(key, run)
    keep(key, w)


@case
def without_elements(kind, key):
    w, a = parameter(randn(0, 3)), parameter(randn(2))
    optimizer = make(kind, [w, a])
    for step in range(2):
        optimizer.zero_grad()
        (w.sum() + (a * a).sum()).backward()
        optimizer.step()
        keep(f"{key}.{step}", w, a)


@case
def other_dtypes(kind, key):
    for dtype in [torch.float64, torch.bfloat16, torch.float16, torch.complex64, torch.complex128]:
        start = torch.complex(randn(37), randn(37)) if dtype.is_complex else randn(37)
        w = parameter(start.to(dtype))
        optimizer = make(kind, [w])
        for step in range(7):
            optimizer.zero_grad()
            y = torch.view_as_real(w) if dtype.is_complex else w
            (y * y).sum().backward()
            optimizer.step()
            name = str(dtype).removeprefix("torch.")
            keep(f"{key}.{name}.{step}", torch.view_as_real(w) if dtype.is_complex else w)


@case
def stale_graph(kind, key):
    """A graph that saved the weights from before a step."""
    w = parameter(randn(5))
    optimizer = make(kind, [w])
    loss = (w * w).sum()
    w.grad = randn(5)
    optimizer.step()
    attempt(key, loss.backward)
    assert key in errors
    errors[key] = errors[key].split(": [")[0]


@case
def groups(kind, key):
    """Parameter groups with settings of their own, that change between steps."""
    a, b, c = (parameter(randn(5)) for _ in range(3))
    second = {"lr": 0.01, "weight_decay": 0.2, "initial_accumulator_value": 0.7}
    optimizer = make(kind, [{"params": [a]}, {"params": [b], **second}])
    for step in range(6):
        if step == 2:
            optimizer.add_param_group({"params": c, "lr": 0.3})
        if step == 4:
            optimizer.param_groups[0]["lr"] *= 0.5
        optimizer.zero_grad()
        (a * b * c).sin().sum().backward()
        optimizer.step()
        keep(f"{key}.{step}", a, b, c)
    keep_state(key, optimizer)


torch.set_num_threads(1)
for run in CASES:
    for kind in ALL:
        torch.manual_seed(0)
        run(kind, f"{run.__name__}.{kind}")
save_file(record, sys.argv[1], errors)
