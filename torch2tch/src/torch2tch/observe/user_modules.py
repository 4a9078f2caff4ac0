"""The modules that a model's code may stand in, and names of theirs that mean something else while
a graph is recorded."""

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType

import torch

# Packages whose modules stay as they are.
UNTOUCHED = ("mpmath", "numpy", "sympy", "torch", "torch2tch")

_MISSING = object()


def user_modules() -> list[ModuleType]:
    """Those of packages that use torch; one that has several names once."""
    modules = [
        (name.split(".")[0], module)
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and name.split(".")[0] not in UNTOUCHED
    ]
    using = {
        package
        for package, module in modules
        if any(map(_is_of_torch, list(vars(module).values())))
    }
    return list({id(vars(one)): one for package, one in modules if package in using}.values())


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


class _OfInt(type):
    """`isinstance(x, int)` and `type(x) == int` as they are."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, int)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, int)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is int

    def __hash__(cls) -> int:
        return hash(int)

    def __call__(cls, *values: object) -> object:
        if len(values) == 1 and isinstance(values[0], (torch.SymInt, torch.SymFloat)):
            return torch.sym_int(values[0])
        return int(*values)


class Integer(metaclass=_OfInt):
    """`int`, which leaves a free size free."""


@contextlib.contextmanager
def integers_recorded() -> Iterator[None]:
    modules = [module for module in user_modules() if "int" not in vars(module)]
    with renamed(modules, "int", Integer):
        yield
