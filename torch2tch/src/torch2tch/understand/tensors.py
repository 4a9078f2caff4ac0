"""Places of layers, parameters and buffers: the field of which struct holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from ..nodes import Expression, Held, TensorOf
from ..observe import Observed
from ..observe.tape import storage
from ..subject import Refused
from ..tables.layers import FIELDS
from .instances import Instance, Leaf
from .names import identifier

LISTS = (nn.ModuleList, nn.Sequential)

# The most elements that a tensor written out may have.
LONGEST = 4096


@dataclass
class Tensors:
    """`fields` are the tensors that a struct keeps itself, by its path: the field's name and the
    tensor's name in the model; `tied` the parameters that are another module's, by their name, and
    its name for them. They are found while `forward` is understood."""

    observed: Observed
    understood: Mapping[str, Instance]
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def held(self, path: str, parent: str) -> Held:
        """The module at `path` as a field of the one at `parent`, or of one in it."""
        parts: list[str | int] = []
        place, container = parent, []
        for name in below(path, parent).split("."):
            place = f"{place}.{name}" if place else name
            container.append(name)
            if place in self.understood:
                if self.is_listed(place, parent):
                    parts += [self.field_name(parent, container[:-1]), self.place_in_list(place)]
                else:
                    parts.append(self.field_name(parent, container))
                container = []
        return Held(tuple(parts))

    def place_in_list(self, path: str) -> int:
        """The place among what the list holds: a `None` in it is nothing in Rust."""
        owner, _, name = path.rpartition(".")
        held = [
            one for one, child in self.observed.modules[owner]._modules.items() if child is not None
        ]
        return held.index(name)

    def field_name(self, parent: str, names: list[str]) -> str:
        """A field's name, which is no other's: two of Python's may be one in Rust."""
        python, base = ".".join(names), identifier("_".join(names))
        number, rust = 2, base
        while self.names.setdefault((parent, rust), python) != python:
            rust, number = f"{base}{number}", number + 1
        return rust

    def is_listed(self, path: str, parent: str) -> bool:
        """True for an element of a list that is no module of its own, holds no further list, and no
        layers of several types."""
        owner, _, name = path.rpartition(".")
        return (
            name.isdigit()
            and owner not in self.understood
            and owner != parent
            and isinstance(self.observed.modules[owner], LISTS)
            and not any(
                isinstance(child, LISTS) and f"{owner}.{one}" not in self.understood
                for one, child in self.observed.modules[owner]._modules.items()
            )
            and len(self.kinds(owner)) == 1
        )

    def kinds(self, owner: str) -> set[str]:
        """The types of what is in a list: a layer's, or that it is another module."""
        found = (
            self.understood.get(f"{owner}.{name}")
            for name, child in self.observed.modules[owner]._modules.items()
            if child is not None
        )
        return {one.row.type if isinstance(one, Leaf) else "" for one in found}

    def parameter(self, name: str, path: str) -> Held:
        """The parameter or buffer as a field of the module at `path`."""
        name = self.first_name(name)
        owner, _, last = name.rpartition(".")
        if not is_below(name, path) and (own := self.own_name(name, path)):
            # Another module's parameter, which is this one's as well.
            self.tied[f"{path}.{own}"] = name
            return Held((identifier(own),))
        if owner != path and not is_below(name, path):
            raise Refused(
                f"{self.observed.subject.target}: {type(self.observed.modules[path]).__name__} "
                f"({path}) uses {name}, which it does not hold; hand the tensor to forward"
            )
        leaf = self.understood.get(owner)
        if isinstance(leaf, Leaf) and last in FIELDS.get(leaf.row.type, {}) and not leaf.tied:
            rust, is_optional = FIELDS[leaf.row.type][last]
            return Held((*self.held(owner, path).parts, rust), is_optional)
        kept = identifier(below(name, path).replace(".", "_"))
        self.fields.setdefault(path, {})[kept] = name
        return Held((kept,))

    def own_name(self, name: str, path: str) -> str | None:
        """The name that the module has for the parameter itself."""
        wanted = storage(_tensor(self.observed.model, name))
        own = self.observed.modules[path].named_parameters(recurse=False)
        return next((n for n, tensor in own if storage(tensor) == wanted), None)

    def first_name(self, name: str) -> str:
        """The name that a tied parameter goes by."""
        tensor = _tensor(self.observed.model, name)
        return self.observed.owners.get(storage(tensor), name)

    def constant(self, name: str, tensor: torch.Tensor, path: str) -> Expression:
        return tensor_of(tensor, f"{self.observed.subject.target}: {path or 'the model'}: {name}")


def _tensor(model: nn.Module, name: str) -> torch.Tensor:
    owner, _, last = name.rpartition(".")
    return getattr(model.get_submodule(owner), last)


def tensor_of(tensor: torch.Tensor, where: str) -> TensorOf:
    """A tensor, written out."""
    if tensor.numel() > LONGEST:
        raise Refused(
            f"{where}: a tensor of {tensor.numel()} elements that no operation of torch made; "
            "make it with torch, so that it can be made again"
        )
    values = tuple(tensor.detach().contiguous().flatten().tolist())
    return TensorOf(values, tuple(tensor.shape), tensor.dtype)


def is_below(name: str, path: str) -> bool:
    return not path or name.startswith(f"{path}.")


def below(name: str, path: str) -> str:
    """The name of what is below `path`, from there."""
    return name[len(path) + 1 :] if path else name
