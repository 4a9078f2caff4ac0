"""NumPy's functions over tensors and free sizes, as the operations of torch that they are."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy
import torch
import torch._numpy as of_torch
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.utils._pytree import tree_leaves, tree_map

from .user_modules import renamed, user_modules

FREE = (torch.Tensor, torch.SymInt, torch.SymFloat, of_torch.ndarray)

# Functions of torch that take an array.
TAKING = ("from_numpy", "as_tensor", "tensor")


class Recorded(ModuleType):
    """`numpy`, but for functions that are given something of a graph."""

    def __getattr__(self, name: str) -> object:
        plain = getattr(numpy, name)
        other = getattr(of_torch, name, None)
        if other is None or isinstance(plain, type) or not callable(plain):
            return plain
        return _either(plain, other)


def _either(plain: Callable, other: Callable) -> Callable:
    @functools.wraps(plain)
    def call(*positional: object, **named: object) -> object:
        if not any(isinstance(leaf, FREE) for leaf in tree_leaves((positional, named))):
            return plain(*positional, **named)
        positional, named = tree_map(_dtype, (positional, named))
        return other(*positional, **named)

    return call


def _dtype(value: object) -> object:
    """NumPy's type as that of torch's NumPy."""
    if isinstance(value, type) and issubclass(value, numpy.generic):
        return getattr(of_torch, value.__name__)
    return value


@contextlib.contextmanager
def numpy_recorded() -> Iterator[None]:
    """In every module that has it; `tensor.numpy()` gives what these functions take."""
    modules = user_modules()
    functions = {name: getattr(torch, name) for name in TAKING}
    with contextlib.ExitStack() as stack:
        for name in ("np", "numpy"):
            having = [module for module in modules if vars(module).get(name) is numpy]
            stack.enter_context(renamed(having, name, Recorded("numpy")))
        for name, function in functions.items():
            setattr(torch, name, _taking(function))
        torch.Tensor.numpy = _array
        try:
            yield
        finally:
            del torch.Tensor.numpy
            for name, function in functions.items():
                setattr(torch, name, function)


def _taking(function: Callable) -> Callable:
    @functools.wraps(function)
    def call(value: object, *positional: object, **named: object) -> object:
        if isinstance(value, of_torch.ndarray):
            return torch.Tensor.to(value.tensor, **named) if named else value.tensor
        return function(value, *positional, **named)

    return call


def _array(tensor: torch.Tensor, **named: object) -> object:
    if get_proxy_mode() is None:
        return torch._C.TensorBase.numpy(tensor, **named)
    return of_torch.ndarray(tensor)


def tensor_of(value: object) -> object:
    """The tensor of an array of a graph; anything else as it is."""
    return value.tensor if isinstance(value, of_torch.ndarray) else value


def arrays_as_tensors(value: object) -> object:
    """A result with NumPy's arrays as the tensors that a port has for them."""

    def tensor(leaf: object) -> object:
        is_array = isinstance(leaf, numpy.ndarray) and leaf.dtype.kind in "biuf"
        return torch.from_numpy(leaf.copy()) if is_array else leaf

    return tree_map(tensor, value)
