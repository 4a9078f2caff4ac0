"""torch as it was before any code of the user's ran, so that what such code replaces is seen."""

import inspect

import torch
from torch import nn

# Methods of a layer that say what it does.
METHODS = ("__init__", "forward", "reset_parameters", "__call__", "__setattr__", "extra_repr")


def _now() -> dict[str, object]:
    owners = {
        "torch": torch,
        "torch.nn.functional": nn.functional,
        "torch.nn.init": nn.init,
        "torch.Tensor": torch.Tensor,
    }
    found = {
        f"{owner}.{name}": value
        for owner, place in owners.items()
        for name, value in vars(place).items()
        # Classes such as torch.Storage go with the default dtype.
        if callable(value) and not isinstance(value, type) and not name.startswith("__")
    }
    for name, cls in vars(nn).items():
        if isinstance(cls, type):
            found |= {f"torch.nn.{name}.{m}": vars(cls).get(m) for m in METHODS}
    return found


BEFORE = _now()


def replaced() -> list[str]:
    """The names in torch that stand for something else than they did."""
    now = _now()
    return [name for name, value in BEFORE.items() if not _is_same(value, now.get(name))]


def _is_same(before: object, now: object) -> bool:
    """The same function, or one that torch itself has put around it."""
    if before is now:
        return True
    code = getattr(now, "__code__", None)
    return (
        callable(now)
        and inspect.unwrap(now) is before
        and code is not None
        and code.co_filename.startswith(str(torch.__path__[0]))
    )


def is_replaced(layer: type[nn.Module]) -> bool:
    """A method of a layer of torch is another than it was."""
    return any(
        BEFORE.get(f"torch.nn.{cls.__name__}.{m}", vars(cls).get(m)) is not vars(cls).get(m)
        for cls in layer.__mro__
        if issubclass(cls, nn.Module)
        for m in METHODS
    )
