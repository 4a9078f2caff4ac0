"""`torch.autograd.Function`s that a model calls: recorded as their `forward`, which is right where
autograd gives the gradients that their `backward` gives."""

import contextlib
import inspect
from collections.abc import Iterator

import torch
from torch import nn
from torch.autograd.function import FunctionCtx

from ..subject import Refused, Subject
from .exporting import Entry, draw, tensors_of

# `Function.apply` ends in the `apply` of this base, whichever way a model came by it.
_BASE = torch.autograd.function._SingleLevelFunction


class _Context(FunctionCtx):
    """The `ctx` of a `forward` that autograd differentiates itself."""

    def __init__(self, values: tuple) -> None:
        self.needs_input_grad = tuple(
            isinstance(value, torch.Tensor) and value.requires_grad for value in values
        )


@contextlib.contextmanager
def functions_as_forward() -> Iterator[list[type]]:
    """Runs the `forward` of each custom function as a part of the graph like any other, and gives
    the functions that were called."""
    called: list[type] = []

    def apply(function: type, *values: object) -> object:
        if function not in called:
            called.append(function)
        context = _Context(values)
        with _gradients_kept():
            if function.setup_context is not torch.autograd.Function.setup_context:
                output = function.forward(*values)
                function.setup_context(context, values, output)
                return output
            return function.forward(context, *values)

    _BASE.apply = classmethod(apply)
    try:
        yield called
    finally:
        del _BASE.apply


@contextlib.contextmanager
def _gradients_kept() -> Iterator[None]:
    """`torch.no_grad()` does nothing: within a `forward` there are no gradients anyway."""
    enter, leave = torch.no_grad.__enter__, torch.no_grad.__exit__
    torch.no_grad.__enter__ = lambda self: None
    torch.no_grad.__exit__ = lambda self, *error: None
    try:
        yield
    finally:
        torch.no_grad.__enter__, torch.no_grad.__exit__ = enter, leave


def check_gradients(subject: Subject, model: nn.Module, called: list[type]) -> None:
    """Refuses functions whose `backward` gives other gradients than autograd of their `forward`."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    for train in (True, False):
        model.train() if train else model.eval()
        own = _gradients(subject, model, buffers)
        with functions_as_forward():
            plain = _gradients(subject, model, buffers)
        if len(own) != len(plain) or not all(map(_same, own, plain)):
            raise Refused(*(_cause(subject, function) for function in called))


def _gradients(
    subject: Subject, model: nn.Module, buffers: dict[str, torch.Tensor]
) -> list[torch.Tensor | None]:
    """Those of the inputs and parameters, for a result weighted at random."""
    spec, values = draw(subject, 0)
    leaves = [tensor for tensor in tensors_of(values) if tensor.is_floating_point()]
    for leaf in leaves:
        leaf.requires_grad_()
    torch.manual_seed(1)
    with torch.enable_grad():
        output = Entry(model, subject.method, spec, values)(*tensors_of(values))
        results = [result for result in tensors_of(output) if result.requires_grad]
        weighted = [(result * torch.randn(result.shape)).sum() for result in results]
        if weighted:
            torch.autograd.backward(weighted)
    found = [leaf.grad for leaf in (*leaves, *model.parameters())]
    model.zero_grad(set_to_none=True)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    return found


def _same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)


def _cause(subject: Subject, function: type) -> str:
    return (
        f"{_place(function, subject)}: custom autograd is not supported: "
        f"{function.__name__}.backward gives other gradients than autograd gives of its forward, "
        "as the Rust would; call the operations of forward themselves"
    )


def _place(function: type, subject: Subject) -> str:
    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"
    except (OSError, TypeError):
        return subject.target
