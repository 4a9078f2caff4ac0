"""Passes over nodes: each small, each with a name and a test. They make of what each module does
what a person would write."""

import dataclasses

from ..nodes import Class, Freeze, Method, Model
from ..observe import Observed
from ..observe.tape import storage
from ..understand import Struct
from .bodies import in_bodies
from .folding import fold
from .initialization import group_initialization
from .inputs import expect_inputs
from .instances import unite
from .lists import arrange_lists
from .loops import arrange_loops
from .neutral import drop_neutral
from .paths import without_needless_paths
from .sizes import name_sizes
from .unused import drop_fields, drop_unused, read_fields

__all__ = ["arrange"]


def arrange(observed: Observed, structs: list[Struct]) -> Model:
    """The model: one class for all instances that differ in numbers only, each as a person would
    write it."""
    read = read_fields(structs)

    def one(struct: Struct) -> Struct:
        struct = arrange_loops(arrange_lists(struct))
        struct = dataclasses.replace(struct, forward=in_bodies(struct.forward, drop_unused))
        struct = drop_fields(struct, read)
        struct = dataclasses.replace(struct, constructor=group_initialization(struct.constructor))
        return struct if struct.path else _root(observed, struct)

    classes = unite(observed, structs, one)
    classes = without_needless_paths(classes)
    return Model(observed.subject.name, tuple(_finished(class_) for class_ in classes))


def _root(observed: Observed, struct: Struct) -> Struct:
    """The model's own struct, which checks its inputs and freezes parameters."""
    frozen = tuple(
        observed.owners[storage(p)] for p in observed.model.parameters() if not p.requires_grad
    )
    constructor = (*struct.constructor, Freeze(frozen)) if frozen else struct.constructor
    return dataclasses.replace(
        struct, constructor=constructor, forward=expect_inputs(observed, struct.forward)
    )


def _finished(class_: Class) -> Class:
    forward: Method | None = in_bodies(class_.forward, fold)
    forward = in_bodies(forward, drop_neutral)
    forward = forward and name_sizes(forward)
    constructor = drop_neutral(fold(class_.constructor))
    return dataclasses.replace(class_, forward=forward, constructor=constructor)
