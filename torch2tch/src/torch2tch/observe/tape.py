"""The tape of a constructor: every operation that makes or changes a tensor, in order, with its
lines of Python; a function of torch.nn.init is one entry, whatever it does inside."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

# The functions of torch.nn.init that the library has as well.
INITIALIZERS = {
    inspect.unwrap(getattr(nn.init, name)).__code__: name
    for name in (
        "uniform_",
        "normal_",
        "trunc_normal_",
        "constant_",
        "ones_",
        "zeros_",
        "eye_",
        "dirac_",
        "xavier_uniform_",
        "xavier_normal_",
        "kaiming_uniform_",
        "kaiming_normal_",
        "orthogonal_",
        "sparse_",
    )
}


@dataclass(frozen=True)
class Ref:
    """A tensor, by the order in which the tape first saw it."""

    number: int


@dataclass(frozen=True)
class Frame:
    """A call that was running: the module that is its `self`, if any, and the line reached."""

    module: int | None  # the module's id
    function: str
    file: str
    line: int


@dataclass(frozen=True)
class Event:
    """An operation, or a function of torch.nn.init, with what it took and gave. `stamp` is the
    number of modules made before it."""

    function: torch._ops.OpOverload | str
    arguments: tuple[object, ...]
    keywords: dict[str, object]
    outputs: object
    frames: tuple[Frame, ...]  # the outermost first
    stamp: int

    @property
    def draws(self) -> bool:
        if isinstance(self.function, str):
            return self.function not in ("constant_", "ones_", "zeros_", "eye_", "dirac_")
        return torch.Tag.nondeterministic_seeded in self.function.tags

    def reads(self) -> list[int]:
        return refs((self.arguments, self.keywords))

    def gives(self) -> list[int]:
        return refs(self.outputs)


@dataclass(frozen=True)
class Made:
    """A module: how it was made, its place in the order of making, and the modules (by their ids)
    whose constructors were running, the outermost first."""

    order: int
    module: nn.Module
    arguments: tuple[object, ...]
    keywords: dict[str, object]
    makers: tuple[int, ...] = ()

    def bound(self) -> dict[str, object]:
        """The constructor's arguments by name, defaults among them; empty where they do not
        bind."""
        try:
            bound = inspect.signature(type(self.module).__init__).bind(
                self.module, *self.arguments, **self.keywords
            )
        except TypeError:
            return {}
        bound.apply_defaults()
        return dict(list(bound.arguments.items())[1:])


def refs(value: object) -> list[int]:
    return [leaf.number for leaf in tree_leaves(value) if isinstance(leaf, Ref)]


@dataclass
class Tape:
    """What was recorded: the events, the modules made, and the tensors by number. `given` are those
    that no operation made, as they were when they were first seen."""

    events: list[Event] = field(default_factory=list)
    made: dict[int, Made] = field(default_factory=dict)
    tensors: list[torch.Tensor] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    given: dict[int, torch.Tensor] = field(default_factory=dict)

    def ref(self, tensor: torch.Tensor, is_given: bool) -> Ref:
        number = self.numbers.get(id(tensor))
        if number is None:
            number = self.numbers[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)
            if is_given:
                self.given[number] = tensor.detach().clone()
        return Ref(number)

    def storage(self, number: int) -> int:
        return storage(self.tensors[number])

    @functools.cached_property
    def produced(self) -> set[int]:
        """The storages that operations made, and did not only view."""
        return {
            self.storage(n)
            for event in self.events
            for n in event.gives()
            if self.storage(n) not in {self.storage(r) for r in event.reads()}
        }

    def needed(self, model: nn.Module) -> list[Event]:
        """The events that parameters, buffers or the generator depend on, in order."""
        wanted = {storage(t) for t in (*model.parameters(), *model.buffers())}
        kept = []
        for event in reversed(self.events):
            if event.draws or any(self.storage(n) in wanted for n in event.gives()):
                kept.append(event)
                wanted.update(self.storage(n) for n in event.reads())
        return kept[::-1]


def storage(tensor: torch.Tensor) -> int:
    """What two names of one tensor, and views of it, have in common."""
    if tensor.layout is not torch.strided:
        return -id(tensor)
    return tensor.untyped_storage()._cdata


class _Recorder(TorchDispatchMode):
    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape
        self.initializer: FrameType | None = None

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        initializer = next((f for f in _frames() if f.f_code in INITIALIZERS), None)
        if initializer is not None:
            self.initialize(initializer)
            return function(*args, **kwargs)
        taken = tree_map(lambda v: self.refer(v, True), (args, kwargs))
        result = function(*args, **kwargs)
        given = tree_map(lambda v: self.refer(v, False), result)
        self.add(function, *taken, given, sys._getframe(1))
        return result

    def initialize(self, frame: FrameType) -> None:
        """Adds a function of torch.nn.init when its first operation runs."""
        # The outermost, as some call others.
        frame = [f for f in _outwards(frame) if f.f_code in INITIALIZERS][-1]
        if frame is self.initializer:
            return
        self.initializer = frame
        names = inspect.getargs(frame.f_code).args
        values = {name: frame.f_locals[name] for name in names if name != "generator"}
        tensor = self.refer(values.pop(names[0]), True)
        self.add(INITIALIZERS[frame.f_code], (tensor,), values, tensor, frame.f_back)

    def add(
        self, function: Any, arguments: Any, keywords: Any, outputs: Any, frame: FrameType | None
    ) -> None:
        self.tape.events.append(
            Event(
                function,
                tuple(arguments),
                keywords,
                outputs,
                tuple(_frame(f) for f in reversed(list(_outwards(frame)))),
                len(self.tape.made),
            )
        )

    def refer(self, value: object, is_given: bool) -> object:
        return self.tape.ref(value, is_given) if isinstance(value, torch.Tensor) else value


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _frames() -> Iterator[FrameType]:
    return _outwards(sys._getframe(2))


def _makers() -> tuple[int, ...]:
    frames = (_frame(frame) for frame in _frames() if frame.f_code.co_name == "__init__")
    return tuple(frame.module for frame in frames if frame.module is not None)[::-1]


def _frame(frame: FrameType) -> Frame:
    names = frame.f_code.co_varnames
    owner = frame.f_locals.get("self") if names and names[0] == "self" else None
    module = id(owner) if isinstance(owner, nn.Module) else None
    return Frame(module, frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno)


# The tape that runs. `nn.Module.__new__` is replaced once and for all, as CPython does not restore
# what it was: without a tape it does what `object.__new__` does.
_running: list[Tape] = []


def _new(cls: type[nn.Module], *args: Any, **kwargs: Any) -> nn.Module:
    module = object.__new__(cls)
    if _running:
        made = _running[-1].made
        made[id(module)] = Made(len(made), module, args, kwargs, _makers())
    return module


def record(make: Callable[[], nn.Module]) -> tuple[nn.Module, Tape]:
    """The module, and the tape of its making."""
    nn.Module.__new__ = staticmethod(_new)
    tape = Tape()
    _running.append(tape)
    try:
        with _Recorder(tape):
            model = make()
    finally:
        _running.pop()
    return model, tape
