"""A module's constructor as recorded: layers, parameters and their initial values, in the order in
which Python makes and draws them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from ..nodes import (
    Do,
    Earlier,
    Expression,
    Held,
    Let,
    NewClass,
    NewLayer,
    NewList,
    NewSequential,
    Register,
    Root,
    Statement,
    Tie,
    Unset,
    Variable,
)
from ..nodes.expressions import Dropped, Shared
from ..observe import Observed
from ..observe.python_lines import attribute_line
from ..observe.tape import Event, Made, storage
from ..subject import Refused
from ..tables.layers import FIELDS
from .initial_values import InitialValues
from .instances import Chain, Instance, Leaf, Struct
from .leaves import layer_row, starts
from .names import identifier
from .operations import operation
from .tensors import Tensors, below, is_below


def events_by_owner(
    observed: Observed, understood: Mapping[str, Instance]
) -> dict[str, list[Event]]:
    """The events of each constructor, without those of layers that the library has: of the
    innermost struct whose `__init__` ran, or of the model."""
    found: dict[str, list[Event]] = {}
    made_by: dict[int, str] = {}  # the constructor that has made a tensor, by its storage
    for event in observed.tape.needed(observed.model):
        if _of_layer(observed, understood, event):
            continue
        makers = [frame.module for frame in event.frames if frame.function == "__init__"]
        path = owner(observed, understood, makers)
        # A constructor that is handed a tensor of another computes with it there.
        read = [made_by.get(observed.tape.storage(number), path) for number in event.reads()]
        path = min((one for one in read if is_below(path, one)), key=len, default=path)
        for number in event.gives():
            made_by.setdefault(observed.tape.storage(number), path)
        found.setdefault(path, []).append(event)
    return found


def owner(
    observed: Observed, understood: Mapping[str, Instance], makers: Iterable[int | None]
) -> str:
    """The innermost struct among the modules whose constructors were running, or the model."""
    paths = [observed.paths[module] for module in makers if module in observed.paths]
    return next((p for p in reversed(paths) if isinstance(understood.get(p), Struct)), "")


def _of_layer(observed: Observed, understood: Mapping[str, Instance], event: Event) -> bool:
    for frame in event.frames:
        made = observed.tape.made.get(frame.module)
        if made is None or frame.function != "__init__":
            continue
        path = observed.paths.get(frame.module)
        if isinstance(understood.get(path), Leaf) or (path is None and layer_row(made)):
            return True
    return False


@dataclass(frozen=True)
class _Step:
    """A child, a list of children or a dropped layer, and the module that is made first for it."""

    order: int
    paths: tuple[str, ...] = ()
    dropped: Made | None = None
    # An element of a list that is made before the list is.
    is_element: bool = False


class Constructor(InitialValues):
    """The statements of one constructor: what it makes, and what it draws in between."""

    def __init__(
        self,
        observed: Observed,
        path: str,
        understood: Mapping[str, Instance],
        tensors: Tensors,
        events: list[Event],
    ) -> None:
        super().__init__(observed, path, understood, tensors, events)
        self.cls = type(observed.modules[path])
        self.elements: dict[str, Earlier] = {}
        for step in sorted(self.steps(), key=lambda step: step.order):
            self.run_until(step.order)
            self.make(step)
            self.hand_over(step.paths)
        self.run_until(len(observed.tape.made) + 1)
        self.keep_places()
        self.keep_tensors()
        self.tie()

    @property
    def statements(self) -> tuple[Statement, ...]:
        return tuple(self.out)

    # What is made

    def steps(self) -> list[_Step]:
        lists: dict[str, list[str]] = {}
        found = []
        for child in held_directly(self.observed, self.path, self.understood):
            order = starts(self.observed, child)
            if self.tensors.is_listed(child, self.path):
                lists.setdefault(child.rpartition(".")[0], []).append(child)
            else:
                found.append(_Step(order, (child,)))
        found += [_Step(made.order, dropped=made) for made in self.dropped_layers()]
        elements = {
            child: starts(self.observed, child) for several in lists.values() for child in several
        }
        drawing = [step.order for step in found if step.dropped or self.draws(step.paths[0])]
        drawing += [event.stamp - 0.5 for event in self.events if event.draws]
        for children in lists.values():
            orders = [elements[child] for child in children]
            others = drawing + [
                order
                for child, order in elements.items()
                if child not in children and self.draws(child)
            ]
            if any(orders[0] < order < orders[-1] for order in others):
                found += [_Step(elements[child], (child,), is_element=True) for child in children]
                found.append(_Step(orders[-1], tuple(children)))
            else:
                found.append(_Step(orders[0], tuple(children)))
        return found

    def draws(self, path: str) -> bool:
        """Making the module at `path` draws numbers."""
        inside = {id(module) for module in self.observed.modules[path].modules()}
        return any(
            frame.function == "__init__" and frame.module in inside
            for event in self.observed.tape.events
            if event.draws
            for frame in event.frames
        )

    def dropped_layers(self) -> list[Made]:
        """The layers that this constructor makes and the model does not keep: their draws count."""
        kept = {id(m) for m in self.observed.model.modules()}
        return [
            made
            for made in self.observed.tape.made.values()
            if id(made.module) not in kept
            and owner(self.observed, self.understood, made.makers) == self.path
            and (found := layer_row(made))
            and found[0].has_path
        ]

    def make(self, step: _Step) -> None:
        if step.dropped is not None:
            row, arguments = layer_row(step.dropped)
            self.out.append(Do(Dropped(NewLayer(row, Root(), arguments)), None))
            return
        held = self.tensors.held(step.paths[0], self.path)
        field = held.parts[0]
        if step.is_element:
            target = self.name("_".join(map(str, held.parts)))
            value = self.new(step.paths[0])
            self.elements[step.paths[0]] = Earlier(target, value)
            self.out.append(Let(target, value, attribute_line(self.cls, field)))
            return
        if len(held.parts) == 1:
            value = self.new(step.paths[0])
            attribute = below(step.paths[0], self.path).split(".")[0]
        else:
            value = NewList(tuple(self.elements.get(p) or self.new(p) for p in step.paths))
            attribute = below(step.paths[0], self.path).split(".")[0]
        self.out.append(Register(field, value, line=attribute_line(self.cls, attribute)))

    def new(self, path: str, parent: str | None = None) -> Expression:
        """The expression that makes the module at `path`."""
        root = Root(tuple(int(p) if p.isdigit() else p for p in below(path, self.path).split(".")))
        match self.understood[path]:
            case Leaf(row=row, arguments=arguments, tied=tied) as leaf:
                if tied:
                    return self.shared(leaf)
                return NewLayer(row, root, arguments)
            case Chain(items=items):
                return NewSequential(tuple(self.new(item.path) for item in items))
            case Struct(number=number):
                return NewClass(number, root)

    def shared(self, leaf: Leaf) -> Expression:
        """A layer whose parameters have another name: its own are drawn and dropped."""
        names = dict(leaf.tied)
        own = set(dict(self.observed.modules[leaf.path].named_parameters()))
        if leaf.row.type not in FIELDS or set(names) != own:
            raise Refused(
                f"{self.observed.subject.target}: {leaf.path} shares its "
                f"{' and '.join(names)} with {', '.join(names.values())}, which is supported for "
                f"{', '.join(FIELDS)} whose parameters are all shared"
            )
        return Shared(NewLayer(leaf.row, Root(), leaf.arguments))

    def tie(self) -> None:
        """Gives the parameters that another module has to those below this one that share them: in
        the innermost constructor that has both."""
        tied = dict(self.tensors.tied)
        for leaf in self.understood.values():
            if isinstance(leaf, Leaf):
                tied |= {f"{leaf.path}.{name}": owner for name, owner in leaf.tied}
        for name, owner in tied.items():
            if not is_below(name, self.path) or not is_below(owner, self.path):
                continue
            if any(
                is_below(name, child) and is_below(owner, child)
                for child in self.observed.children(self.path)
                if isinstance(self.understood.get(child), Struct)
            ):
                continue
            self.out.append(Tie(self.place_of(name), Variable(below(owner, self.path))))

    def place_of(self, name: str) -> Held:
        """A parameter as a field of a field of this constructor's."""
        path, _, last = name.rpartition(".")
        leaf = self.understood.get(path)
        is_leaf = isinstance(leaf, Leaf)
        last, is_optional = FIELDS[leaf.row.type][last] if is_leaf else (identifier(last), False)
        place, parts = self.path, ()
        while place != path:
            # From struct to struct.
            inner = next(
                child
                for child in held_directly(self.observed, place, self.understood)
                if path == child or is_below(path, child)
            )
            if isinstance(self.understood[inner], Chain):
                raise Refused(
                    f"{self.observed.subject.target}: {path} shares its parameters and is part "
                    f"of the nn.Sequential {inner}, which is not supported; call it by itself"
                )
            parts += self.tensors.held(inner, place).parts
            place = inner
        return Held((*parts, last), is_optional)

    def keep_places(self) -> None:
        """Parameters and buffers that another constructor sets, such as the one that calls
        `weight_norm` on this module."""
        module = self.observed.modules[self.path]
        own = {**module._parameters, **module._buffers}
        fields = {name: field for field, name in self.tensors.fields.get(self.path, {}).items()}
        for last, tensor in own.items():
            name = f"{self.path}.{last}" if self.path else last
            if (
                tensor is None
                or name in self.registered
                or name not in self.observed.persistent
                or self.observed.owners[storage(tensor)] != name
                or not self.is_set_outside(tensor)
            ):
                continue
            self.registered.add(name)
            empty = operation(
                torch.ops.aten.zeros.default, (list(tensor.shape),), {}, self.tensor, tensor.dtype
            )
            is_parameter = last in module._parameters
            target = self.name(last)
            field = fields.get(name, "")
            self.out.append(Register(field, empty, last, is_parameter, None, target))

    def is_set_outside(self, tensor: torch.Tensor) -> bool:
        return storage(tensor) in self.observed.tape.produced

    def keep_tensors(self) -> None:
        """Fields for parameters and buffers that `forward` uses and others have made."""
        for field, name in self.tensors.fields.get(self.path, {}).items():
            if name not in self.registered:
                self.out.append(Register(field, Variable(below(name, self.path))))
        for name in self.tensors.tied:
            path, _, last = name.rpartition(".")
            if path == self.path:
                self.out.append(Register(identifier(last), Unset()))


def held_directly(observed: Observed, path: str, understood: Mapping[str, Instance]) -> list[str]:
    """The modules that are fields of the one at `path`: a container that is not called is looked
    through."""
    found = []
    for child in observed.children(path):
        if child in understood:
            found.append(child)
        elif isinstance(observed.modules[child], (nn.ModuleList, nn.ModuleDict, nn.Sequential)):
            found += held_directly(observed, child, understood)
    return found
