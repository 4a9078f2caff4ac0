"""Published weights that a constructor loads: the port draws its weights as the classes do, and
loads published ones from their file, as any others.
"""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.nn.modules.module import _IncompatibleKeys


@contextlib.contextmanager
def left_out(classes: list[str]) -> Iterator[None]:
    """While it lasts, `load_state_dict` leaves a module as it is where the weights come from
    `torch.load`, and `classes` gains the name of the module's class. Weights that another module
    has, such as those of a copy, are loaded as ever."""
    load, load_state_dict = torch.load, nn.Module.load_state_dict
    # Kept, so that no other storage can get the address of one.
    loaded: list[torch.UntypedStorage] = []

    @functools.wraps(load)
    def load_and_remember(*args: Any, **kwargs: Any) -> Any:
        found = load(*args, **kwargs)
        loaded.extend(storages(found))
        return found

    @functools.wraps(load_state_dict)
    def load_others(
        module: nn.Module, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        addresses = {storage._cdata for storage in loaded}
        if not any(storage._cdata in addresses for storage in storages(state_dict)):
            return load_state_dict(module, state_dict, *args, **kwargs)
        name = type(module).__name__
        if name not in classes:
            classes.append(name)
        return _IncompatibleKeys([], [])

    with (
        patch.object(torch, "load", load_and_remember),
        patch.object(nn.Module, "load_state_dict", load_others),
    ):
        yield


def storages(value: object) -> Iterator[torch.UntypedStorage]:
    """Those of all tensors in dicts, lists and tuples."""
    if isinstance(value, torch.Tensor):
        if value.layout is torch.strided:
            yield value.untyped_storage()
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from storages(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from storages(inner)
