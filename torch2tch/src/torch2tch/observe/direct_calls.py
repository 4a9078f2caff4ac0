"""`module.forward(x)` as `module(x)`, so that a graph knows whose operations it has."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator

from torch import nn

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


@contextlib.contextmanager
def forwards_as_calls(model: nn.Module) -> Iterator[None]:
    """Only where both are the same: a module with hooks, or with a `__call__` of its own, is left
    as it is."""
    modules = list(model.modules())
    types = {type(module) for module in modules}
    other = {type(module) for module in modules if any(getattr(module, at) for at in _HOOKS)}
    other |= {kind for kind in types if kind.__call__ is not nn.Module.__call__}
    running: set[int] = set()
    saved = {kind: vars(kind).get("forward") for kind in types - other}
    # All are read before the first is set: one may derive from another.
    forwards = {kind: _called(kind.forward, running) for kind in saved}
    for kind, forward in forwards.items():
        kind.forward = forward
    try:
        yield
    finally:
        for kind, own in saved.items():
            if own is None:
                del kind.forward
            else:
                kind.forward = own


def _called(forward: Callable, running: set[int]) -> Callable:
    @functools.wraps(forward)
    def call(module: nn.Module, *positional: object, **named: object) -> object:
        # An export's stand-ins for a module share its attributes.
        key = id(vars(module))
        if key in running:
            # `super().forward(x)`.
            return forward(module, *positional, **named)
        if sys._getframe(1).f_code.co_filename != nn.modules.module.__file__:
            return module(*positional, **named)
        running.add(key)
        try:
            return forward(module, *positional, **named)
        finally:
            running.discard(key)

    return call
