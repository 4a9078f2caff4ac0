"""What a constructor draws and computes: the events of its tape as statements."""

from collections.abc import Mapping

import torch

from ..nodes import (
    Do,
    Expression,
    Held,
    Initialize,
    Item,
    Let,
    Line,
    Name,
    Operation,
    Register,
    Statement,
    Variable,
)
from ..observe import Observed
from ..observe.python_lines import line_of
from ..observe.tape import Event, Ref, storage
from ..subject import Refused
from .instances import Instance, Leaf, Struct
from .operations import expression, operation
from .tensors import Tensors, below, is_below, tensor_of

TORCH = str(torch.__path__[0])

# Operations that give their input.
SAME = ("detach", "alias", "lift_fresh", "detach_", "requires_grad_")


class InitialValues:
    """The statements of one constructor's events."""

    def __init__(
        self,
        observed: Observed,
        path: str,
        understood: Mapping[str, Instance],
        tensors: Tensors,
        events: list[Event],
    ) -> None:
        self.observed, self.path, self.understood, self.tensors = (
            observed,
            path,
            understood,
            tensors,
        )
        self.events = list(events)
        self.values: dict[int, Expression] = {}  # by the tape's number
        self.registered: set[str] = set()
        self.made_paths: tuple[str, ...] = ()
        self.pending: dict[str, Name] = {}
        self.count = 0
        self.current: Line | None = None
        self.changed: int | None = None  # what the event changes in place
        self.out: list[Statement] = []

    def run_until(self, order: int) -> None:
        while self.events and self.events[0].stamp <= order:
            self.event(self.events.pop(0))

    def event(self, event: Event) -> None:
        line = self.line(event)
        if self.changes_dropped(event):
            return
        self.changed = event.reads()[0] if _is_in_place(event) and event.reads() else None
        if isinstance(event.function, str):
            target = self.value(event.reads()[0], line)
            arguments = tuple((n, expression(v, n, self.tensor)) for n, v in event.keywords.items())
            self.out.append(Do(Initialize(event.function, target, arguments), line))
            return
        name = event.function._schema.name.split("::")[1]
        outputs = event.gives()
        if not outputs:
            return
        number = outputs[0]
        tensors = self.observed.tape.tensors
        dtype = tensors[number].dtype
        if name in SAME or (name == "to" and dtype == tensors[event.reads()[0]].dtype):
            self.same(event, number, line)
            return
        self.current = line
        function = event.function
        if name == "empty" and self.owner(number) in self.observed.uninitialized:
            function = torch.ops.aten.zeros.default
        value = operation(function, event.arguments, event.keywords, self.tensor, dtype)
        if value.schema.is_in_place:
            self.out.append(Do(value, line))
            self.values.setdefault(number, self.value(event.reads()[0], line))
            return
        if not isinstance(event.outputs, Ref):
            target = self.name(value.schema.base)
            self.out.append(Let(target, value, line))
            of_tuple = isinstance(event.outputs, tuple)
            for place, one in enumerate(outputs):
                self.values[one] = Item(target, place, of_tuple)
            return
        self.give(number, value, line)

    def changes_dropped(self, event: Event) -> bool:
        """Whether it changes only what is dropped, or a buffer that nobody reads, and draws
        nothing."""
        if not _is_in_place(event) or event.draws or not event.reads():
            return False
        number = event.reads()[0]
        if number in self.values or self.find(number) is not None:
            return False
        name = self.owner(number)
        if name is None:
            return self.observed.tape.storage(number) in self.observed.tape.produced
        return name not in self.observed.persistent and self.kept_buffer(name) is None

    def kept_buffer(self, name: str) -> str | None:
        """The field of a buffer, in the module that has it."""
        fields = self.tensors.fields.get(name.rpartition(".")[0], {})
        return next((field for field, held in fields.items() if held == name), None)

    def same(self, event: Event, number: int, line: Line | None) -> None:
        reads = event.reads()[0]
        name = self.owner(number)
        made_here = reads in self.values or self.find(reads) is not None
        if (
            name
            and not made_here
            and name not in self.registered
            and reads in self.observed.tape.given
            and self.observed.tape.storage(reads) not in self.observed.tape.produced
        ):
            self.give(number, tensor_of(self.observed.tape.given[reads], self.where(line)), line)
            self.values[reads] = self.values[number]
        else:
            self.values[number] = self.value(reads, line)

    def give(self, number: int, value: Expression, line: Line | None) -> None:
        """A name for what an operation gives, or the field that it becomes."""
        name = self.owner(number)
        if name is None or name in self.registered or not self.is_final(number, name):
            target = self.name(value.schema.base if isinstance(value, Operation) else "tensor")
            self.out.append(Let(target, value, line))
            self.values[number] = target
            return
        owner, _, last = name.rpartition(".")
        self.registered.add(name)
        if owner != self.path:
            if self.is_made_later(name):
                self.values[number] = self.pending[name] = self.name(last)
                self.out.append(Let(self.values[number], value, line))
            else:
                self.replace(name, value, line)
                self.values[number] = Variable(below(name, self.path))
            return
        kept = next(
            (f for f, n in self.tensors.fields.get(self.path, {}).items() if n == name), None
        )
        is_parameter = last in self.observed.modules[self.path]._parameters
        stored = last if is_parameter or name in self.observed.persistent else None
        if kept is None and stored is None:
            kept = last  # a buffer that only its constructor and other modules read
        target = self.name(kept or last)
        self.out.append(Register(kept or "", value, stored, is_parameter, line, target))
        self.values[number] = target

    def is_made_later(self, name: str) -> bool:
        """A module that this constructor will make holds the parameter."""
        made = {path for path in self.made_paths if is_below(name, path)}
        return is_below(name, self.path) and not made

    def hand_over(self, paths: tuple[str, ...]) -> None:
        """Gives modules that are there now the parameters that were made before them."""
        self.made_paths += paths
        for name, local in list(self.pending.items()):
            if not self.is_made_later(name):
                del self.pending[name]
                self.replace(name, local, None)
                there = Variable(below(name, self.path))
                self.values = {n: there if v == local else v for n, v in self.values.items()}

    def replace(self, name: str, value: Expression, line: Line | None) -> None:
        """Another value for a parameter that a layer has made, or the first for one that a child
        has kept a place for."""
        owner = self.understood.get(name.rpartition(".")[0])
        if (
            not is_below(name, self.path)
            or not isinstance(owner, (Leaf, Struct))
            or (isinstance(owner, Struct) and name not in self.observed.persistent)
        ):
            raise Refused(f"{self.where(line)}: sets {name}, which another module holds")
        copy = operation(
            torch.ops.aten.copy_.default,
            (Ref(-1), Ref(-2)),
            {},
            lambda ref: Variable(below(name, self.path)) if ref.number == -1 else value,
            None,
        )
        self.out.append(Do(copy, line))

    # Tensors by number

    def tensor(self, ref: Ref) -> Expression:
        return self.value(ref.number, self.current)

    def value(self, number: int, line: Line | None) -> Expression:
        if number in self.values:
            return self.values[number]
        found = self.find(number)
        if found is not None:
            return found
        name = self.owner(number)
        if name is not None:
            if not is_below(name, self.path):
                raise Refused(f"{self.where(line)}: reads {name}, which another module holds")
            if name not in self.observed.persistent:
                return self.inner_buffer(name, line)
            return Variable(below(name, self.path))
        if self.observed.tape.storage(number) in self.observed.tape.produced:
            return self.dropped(number, line)
        if number in self.observed.tape.given:
            return tensor_of(self.observed.tape.given[number], self.where(line))
        raise Refused(
            f"{self.where(line)}: uses a tensor that another constructor has made and dropped"
        )

    def dropped(self, number: int, line: Line | None) -> Expression:
        """A place for draws into a parameter that Python drops, such as one that is tied later."""
        if number != self.changed:
            raise Refused(
                f"{self.where(line)}: uses a parameter of a layer that the model does not keep; "
                "keep the layer, or make the tensor itself"
            )
        tensor = self.observed.tape.tensors[number]
        made = operation(
            torch.ops.aten.empty.memory_format, (list(tensor.shape),), {}, self.tensor, tensor.dtype
        )
        target = self.name("dropped")
        self.out.append(Let(target, made, None))
        self.values[number] = target
        return target

    def inner_buffer(self, name: str, line: Line | None) -> Expression:
        """A buffer that is not in the state dict, as a field of the child that has made it."""
        owner = name.rpartition(".")[0]
        kept = self.kept_buffer(name)
        if kept is None or not isinstance(self.understood.get(owner), Struct):
            raise Refused(
                f"{self.where(line)}: changes the buffer {name}, which another module holds"
            )
        parts = self.tensors.held(owner, self.path).parts
        return Held((*parts, kept))

    def find(self, number: int) -> Expression | None:
        """Another number of the same tensor, as `Parameter(tensor)` gives it."""
        tensors = self.observed.tape.tensors
        for other, value in self.values.items():
            if _same_view(tensors[other], tensors[number]):
                return value
        return None

    def owner(self, number: int) -> str | None:
        place = self.observed.tape.storage(number)
        name = self.observed.owners.get(place)
        if place in self.observed.remade and name is not None and not is_below(name, self.path):
            # What it is made with is set anew later, under its first name.
            return None
        return name

    def is_final(self, number: int, name: str) -> bool:
        """Whether it is the parameter or buffer itself, and not what that is a view of."""
        owner, _, last = name.rpartition(".")
        final = getattr(self.observed.model.get_submodule(owner), last)
        return _same_view(self.observed.tape.tensors[number], final)

    def name(self, hint: str) -> Name:
        self.count += 1
        return Name(self.count, hint)

    def line(self, event: Event) -> Line | None:
        frames = [f for f in event.frames if not f.file.startswith(TORCH)]
        # A method of a module says more than a helper that it calls.
        frames = [f for f in frames if f.module is not None] or frames
        return line_of(frames[-1].file, frames[-1].line) if frames else None

    def where(self, line: Line | None) -> str:
        return f"{line.file}:{line.number}" if line else self.observed.subject.target


def _is_in_place(event: Event) -> bool:
    return isinstance(event.function, str) or event.function._schema.name.endswith("_")


def _same_view(one: torch.Tensor, other: torch.Tensor) -> bool:
    return (
        one.layout is torch.strided
        and storage(one) == storage(other)
        and one.shape == other.shape
        and one.stride() == other.stride()
        and one.storage_offset() == other.storage_offset()
    )
