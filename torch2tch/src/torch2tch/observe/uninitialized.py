"""Parameters and buffers that a constructor leaves as `torch.empty` gives them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn


@contextlib.contextmanager
def filled() -> Iterator[None]:
    """`torch.empty` fills what it gives with NaN; everything else is as it was."""
    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)
        torch.utils.deterministic.fill_uninitialized_memory = fills


def uninitialized(make: Callable[[], nn.Module]) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """The model, and by the names in its state dict where a tensor has what memory had."""
    with filled():
        model = make()
    found = {}
    for name, tensor in model.state_dict().items():
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            places = tensor.isnan()
            if places.any():
                found[name] = places
    return model, found


def clear(model: nn.Module, places: Mapping[str, torch.Tensor]) -> None:
    """Zeros, where the constructor has set nothing."""
    state = model.state_dict()
    with torch.no_grad():
        for name, where in places.items():
            state[name].masked_fill_(where, 0)
