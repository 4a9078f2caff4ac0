"""The modules that a model's code may stand in, and names of theirs that mean something else while
a graph is recorded."""

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType

import torch

# Packages whose modules stay as they are.
UNTOUCHED = ("numpy", "torch", "torch2tch")

_MISSING = object()


def user_modules() -> list[ModuleType]:
    """Those that have torch, or something of it; one that has several names once."""
    found = {
        id(vars(module)): module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType)
        and name.split(".")[0] not in UNTOUCHED
        and any(_is_of_torch(value) for value in list(vars(module).values()))
    }
    return list(found.values())


def _is_of_torch(value: object) -> bool:
    return (
        value is torch
        or str(getattr(value, "__module__", "")).startswith("torch.")
        or (isinstance(value, ModuleType) and value.__name__.startswith("torch."))
    )


@contextlib.contextmanager
def renamed(modules: list[ModuleType], name: str, value: object) -> Iterator[None]:
    """The name has this value in all of the modules."""
    before = [(vars(module), vars(module).get(name, _MISSING)) for module in modules]
    for names, _ in before:
        names[name] = value
    try:
        yield
    finally:
        for names, old in before:
            if old is _MISSING:
                del names[name]
            else:
                names[name] = old


def length(value: object) -> object:
    """`len`, which of a tensor is a size that stays free."""
    return value.size(0) if isinstance(value, torch.Tensor) and value.dim() else len(value)


@contextlib.contextmanager
def lengths_recorded() -> Iterator[None]:
    modules = [module for module in user_modules() if "len" not in vars(module)]
    with renamed(modules, "len", length):
        yield
