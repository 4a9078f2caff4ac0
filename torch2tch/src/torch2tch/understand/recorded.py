"""A model as recorded: every module understood from its graph and its tape."""

from collections.abc import Iterator

from torch import nn

from ..observe import Observed
from ..subject import Refused
from .construction import Constructor, events_by_owner, held_directly
from .forward import SeveralWays, method
from .instances import Chain, Instance, Leaf, Struct
from .leaves import chain, leaf
from .tensors import Tensors

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def as_recorded(observed: Observed) -> list[Struct]:
    """The structs of a model, each behind those that it uses. A call of a module in another way
    than its first is written out where it is."""
    while True:
        try:
            return _structs(observed)
        except SeveralWays as ways:
            for root in observed.calls.values():
                root.write_out(ways.calls)


def _structs(observed: Observed) -> list[Struct]:
    understood: dict[str, Instance] = {}
    tensors = Tensors(observed, understood)
    structs: list[Struct] = []
    for path in _inner_first(observed, ""):
        instance = leaf(observed, path) if path else None
        instance = instance or chain(observed, path, understood)
        if instance is None and (
            _is_called(observed, path)
            or not path
            or not isinstance(observed.modules[path], CONTAINERS)
        ):
            forward = method(observed, path, understood, tensors)
            instance = Struct(path, len(structs), type(observed.modules[path]), (), forward)
            structs.append(instance)
        if instance is not None:
            understood[path] = instance
    _check_parameters(observed, understood)
    events = events_by_owner(observed, understood)
    for place, struct in enumerate(structs):
        constructor = Constructor(
            observed, struct.path, understood, tensors, events.get(struct.path, [])
        )
        structs[place] = Struct(
            struct.path, struct.number, struct.cls, constructor.statements, struct.forward
        )
    return structs


def _inner_first(observed: Observed, path: str) -> Iterator[str]:
    """Each module behind those that it holds."""
    for child in observed.children(path):
        yield from _inner_first(observed, child)
    yield path


def _is_called(observed: Observed, path: str) -> bool:
    return any(call.path == path for root in observed.calls.values() for call in root.calls())


def _check_parameters(observed: Observed, understood: dict[str, Instance]) -> None:
    """Refuses what would get a name of its own in Rust alone."""
    reachable = set()

    def visit(path: str) -> None:
        for child in held_directly(observed, path, understood):
            reachable.add(child)
            if isinstance(understood[child], (Struct, Chain)):
                visit(child)

    visit("")
    for path, instance in understood.items():
        if path and path not in reachable and isinstance(instance, Leaf) and instance.row.has_path:
            owner = understood.get(path.rpartition(".")[0])
            if not isinstance(owner, Chain):
                raise Refused(
                    f"{observed.subject.target}: {path} is held by no module that is ported"
                )
