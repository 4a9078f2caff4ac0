"""Tensors and modules with several names: which of the names a port goes by."""

import torch
from torch import nn

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)


def is_stateless(module: nn.Module) -> bool:
    return not any(True for _ in (*module.parameters(), *module.buffers()))


def holder(model: nn.Module, path: str) -> str:
    """The module that has the one at `path` as a field, lists looked through."""
    parent = path.rpartition(".")[0]
    while parent and type(model.get_submodule(parent)) in CONTAINERS:
        parent = parent.rpartition(".")[0]
    return parent


def first_paths(model: nn.Module, paths: dict[int, str]) -> dict[str, str]:
    """The first path of each module that is there under another path as well and within the reach
    of whoever holds it there. One without state is as good under each path; any other out of reach
    is handed its parameters."""
    return {
        path: first
        for path, module in model.named_modules(remove_duplicate=False)
        if (first := paths[id(module)]) != path
        and not is_stateless(module)
        and _is_below(first, holder(model, path))
    }


def first_names(model: nn.Module) -> dict[int, str]:
    found: dict[int, str] = {}
    for name, tensor in _tensors(model):
        found.setdefault(id(tensor), name)
    return found


def names(model: nn.Module) -> dict[str, list[str]]:
    """The names under which a module has each tensor itself, by any of its names: the first, and
    those in a layer that shares all of its parameters within reach."""
    first = first_names(model)
    found: dict[str, list[str]] = {}
    for name, tensor in _tensors(model):
        owner = first[id(tensor)]
        known = found.setdefault(owner, [])
        if name == owner or shares_all(model, name.rpartition(".")[0], first):
            known.append(name)
    return found | {
        name: found[first[id(tensor)]] for name, tensor in _tensors(model) if name not in found
    }


def shares_all(model: nn.Module, path: str, first: dict[int, str]) -> bool:
    """The layer at `path` is linear, and each of its parameters is another's, which whoever holds
    the layer holds, too."""
    layer = model.get_submodule(path)
    within = holder(model, path)
    return type(layer) is nn.Linear and all(
        first[id(tensor)] != f"{path}.{name}" and _is_below(first[id(tensor)], within)
        for name, tensor in layer.named_parameters()
    )


def _tensors(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]


def _is_below(name: str, path: str) -> bool:
    return not path or name.startswith(f"{path}.")
