"""torch as it was before any code of the user's ran, so that what such code replaces is seen."""

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
    return [name for name, value in BEFORE.items() if now.get(name) is not value]


def is_replaced(layer: type[nn.Module]) -> bool:
    """A method of a layer of torch is another than it was."""
    return any(
        BEFORE.get(f"torch.nn.{cls.__name__}.{m}", vars(cls).get(m)) is not vars(cls).get(m)
        for cls in layer.__mro__
        if issubclass(cls, nn.Module)
        for m in METHODS
    )
