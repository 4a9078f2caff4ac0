"""Tensors and modules with several names: which of the names a port goes by."""

import torch
from torch import nn

from .tape import Tape, storage

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)

# Layers whose parameters are fields in Rust, which the constructor of whoever has both sets.
GIVEN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding)


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


def called_paths(model: nn.Module, stacks: set[tuple[str, ...]], tape: Tape) -> dict[str, str]:
    """By their first paths, modules that run only as a part of a container, such as the
    `self.norm3` of `self.downsample = nn.Sequential(conv, self.norm3)`: their paths there. One that
    draws before others than those in the container do is left under its first path. `stacks` are
    the paths of the modules that run at once."""
    all_paths: dict[int, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        all_paths.setdefault(id(module), []).append(path)
    found = {}
    for several in all_paths.values():
        running = {
            path
            for stack in stacks
            if stack[-1] in several
            for path in several
            if path.rpartition(".")[0] == (stack[-2] if len(stack) > 1 else "")
        }
        if len(running) != 1:
            continue
        (path,) = running
        container = model.get_submodule(path.rpartition(".")[0])
        if not _is_drawn(model.get_submodule(several[0]), tape) or _draws_in_order(container, tape):
            found[several[0]] = path
    return found


def _draws_in_order(container: nn.Module, tape: Tape) -> bool:
    """What the container holds drew one after the other, and nothing else in between."""
    makers = [
        {frame.module for frame in event.frames if frame.function == "__init__"}
        for event in tape.events
        if event.draws
    ]
    places: list[int] = []
    for child in container.children():
        inside = {id(module) for module in child.modules()}
        places += [place for place, own in enumerate(makers) if not own.isdisjoint(inside)]
    return places == list(range(places[0], places[0] + len(places))) if places else True


def _is_drawn(module: nn.Module, tape: Tape) -> bool:
    own = {storage(tensor) for tensor in (*module.parameters(), *module.buffers())}
    return any(
        event.draws and not own.isdisjoint(map(tape.storage, (*event.reads(), *event.gives())))
        for event in tape.events
    )


def first_names(
    model: nn.Module, tape: Tape, paths: dict[int, str]
) -> tuple[dict[int, str], frozenset[int]]:
    """The name that each tensor goes by, and the storages of those whose values under another name
    do not count: of several names the first, if all values are set anew after that, and otherwise
    the name under which it was made. The first are those under the path by which its module
    goes."""
    all_names: dict[int, list[str]] = {}
    tensors = {}
    for name, tensor in _tensors(model):
        all_names.setdefault(id(tensor), []).append(name)
        tensors[id(tensor)] = tensor
    found, remade = {}, set()
    for key, several in all_names.items():
        several.sort(key=lambda name: paths[_module_of(model, name)] != name.rpartition(".")[0])
        found[key] = several[0]
        maker = _maker(model, tape, several, tensors[key]) if len(several) > 1 else None
        if maker is None or maker == several[0]:
            continue
        if _is_set_anew(model, tape, maker, tensors[key]):
            remade.add(storage(tensors[key]))
        else:
            found[key] = maker
    return found, frozenset(remade)


def _maker(model: nn.Module, tape: Tape, several: list[str], tensor: torch.Tensor) -> str | None:
    """The name in the module whose constructor has made the tensor."""
    first = next((e for e in tape.events if storage(tensor) in map(tape.storage, e.gives())), None)
    makers = {f.module for f in first.frames if f.function == "__init__"} if first else set()
    return next((n for n in several if _module_of(model, n) in makers), None)


def _is_set_anew(model: nn.Module, tape: Tape, maker: str, tensor: torch.Tensor) -> bool:
    """A function of torch.nn.init, or an operation that does the same, has set all values outside
    of the constructor that has made the tensor."""
    own = _module_of(model, maker)
    return any(
        (isinstance(event.function, str) or _sets_all(event.function))
        and event.reads()
        and tape.storage(event.reads()[0]) == storage(tensor)
        and tape.tensors[event.reads()[0]].numel() == tensor.numel()
        and all(frame.module != own for frame in event.frames)
        for event in tape.events
    )


def _sets_all(function: torch._ops.OpOverload) -> bool:
    name = function._schema.name.split("::")[1]
    return name in ("normal_", "uniform_", "zero_", "fill_", "copy_", "random_")


def _module_of(model: nn.Module, name: str) -> int:
    return id(model.get_submodule(name.rpartition(".")[0]))


def names(model: nn.Module, first: dict[int, str]) -> dict[str, list[str]]:
    """The names under which a module has each tensor itself, by any of its names: the first, and
    those in a layer that is given all of its parameters."""
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
    """The layer at `path` is of a kind that is given its parameters, and each of them is
    another's."""
    layer = model.get_submodule(path)
    return type(layer) in GIVEN and all(
        first[id(tensor)] != f"{path}.{name}" for name, tensor in layer.named_parameters()
    )


def _tensors(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]


def _is_below(name: str, path: str) -> bool:
    return not path or name.startswith(f"{path}.")
