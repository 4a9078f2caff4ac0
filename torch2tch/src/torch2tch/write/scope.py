"""The surroundings of an expression: the names of its locals, and which of them are references."""

from dataclasses import dataclass, field

from ..nodes import Class, Name


@dataclass
class Scope:
    """`names` are those of the locals, `references` the locals that borrow, `classes` the names of
    the ported classes by number. In a constructor, fields are locals."""

    names: dict[Name, str]
    references: frozenset[Name] = frozenset()
    classes: dict[int, Class] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)
    # Locals that are used again after they are given away.
    shared: frozenset[Name] = frozenset()
    constructing: bool = False
    device: str = "Device::Cpu"
    # `vs` is a path of its own, and not a reference.
    path_is_owned: bool = False
    # Names of locals so far, in a constructor: a function of the library may have the same.
    shadowed: set[str] = field(default_factory=set)
