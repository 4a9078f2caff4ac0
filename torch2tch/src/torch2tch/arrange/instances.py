"""One struct for the instances of a class: constants in which they differ become arguments of its
constructor, under the names of Python's own arguments where the values are the same."""

import dataclasses
from collections.abc import Callable, Iterator

from ..nodes import (
    Argument,
    Class,
    Constant,
    Expression,
    Field,
    Held,
    Method,
    NewClass,
    NumberType,
    Parameter,
    Register,
    Statement,
    Type,
    constants,
    everything,
    key,
    transform,
)
from ..observe import Observed
from ..observe.python_lines import class_line, method_line
from ..understand import Struct
from ..understand.names import identifier
from .options import with_options


def heights(structs: list[Struct]) -> dict[int, int]:
    """How many structs are below each, by its number. The instances of a class have one height, as
    some may lack what others have, unless the class is below itself."""
    below = {
        struct.number: [
            part.number for part in everything(struct.constructor) if isinstance(part, NewClass)
        ]
        for struct in structs
    }
    recursive = _recursive(structs, below)
    found = {struct.number: 0 for struct in structs}
    changed = True
    while changed:
        before = dict(found)
        for struct in structs:
            own = 1 + max((found[number] for number in below[struct.number]), default=0)
            same = [found[s.number] for s in structs if s.cls is struct.cls]
            found[struct.number] = own if struct.cls in recursive else max(own, *same)
        changed = found != before
    return found


def _recursive(structs: list[Struct], below: dict[int, list[int]]) -> set[type]:
    """The classes that have an instance below another of theirs."""
    classes = {struct.number: struct.cls for struct in structs}
    inner: dict[type, set[type]] = {cls: set() for cls in classes.values()}
    for number, parts in below.items():
        inner[classes[number]] |= {classes[part] for part in parts}
    changed = True
    while changed:
        before = {cls: len(found) for cls, found in inner.items()}
        for found in inner.values():
            for cls in list(found):
                found |= inner[cls]
        changed = before != {cls: len(found) for cls, found in inner.items()}
    return {cls for cls, found in inner.items() if cls in found}


def unite(
    observed: Observed, structs: list[Struct], arrange: Callable[[Struct], Struct]
) -> list[Class]:
    """The classes, each behind those that it uses. `arrange` brings a struct whose own parts are
    classes already into the form in which it is compared with others."""
    height = heights(structs)
    replaced: dict[int, NewClass] = {}
    classes: list[Class] = []
    for level in sorted(set(height.values())):
        of_class: dict[type, list[Struct]] = {}
        for struct in structs:
            if height[struct.number] == level:
                of_class.setdefault(struct.cls, []).append(arrange(_with_classes(struct, replaced)))
        groups: dict[object, list[Struct]] = {}
        for same in of_class.values():
            for one in with_options(same):
                groups.setdefault((one.cls, key(one.constructor), key(one.forward)), []).append(one)
        for group in groups.values():
            class_, arguments = _class(observed, len(classes), group)
            classes.append(class_)
            for struct, values in zip(group, arguments):
                replaced[struct.number] = NewClass(class_.number, None, values)
    return classes


def _with_classes(struct: Struct, replaced: dict[int, NewClass]) -> Struct:
    def change(node: object) -> object:
        if isinstance(node, NewClass):
            return dataclasses.replace(replaced[node.number], path=node.path)
        return node

    return dataclasses.replace(struct, constructor=transform(struct.constructor, change))


def _class(
    observed: Observed, number: int, group: list[Struct]
) -> tuple[Class, list[tuple[Expression, ...]]]:
    first = group[0]
    rows = [constants((struct.constructor, struct.forward)) for struct in group]
    in_constructor = len(constants(first.constructor))
    columns = list(zip(*rows))
    differing = [
        place for place, column in enumerate(columns) if len(set(_values(column)) - {None}) > 1
    ]
    bound = [observed.bound(struct.path) for struct in group]
    parameters: dict[tuple, Parameter] = {}
    of_place: dict[int, tuple] = {}
    # Those that every instance has come first: they say what an open one is.
    for place in sorted(differing, key=lambda place: None in _values(columns[place])):
        column = columns[place]
        values = _values(column)
        same = next((known for known in parameters if _agree(known, values)), None)
        kept = place >= in_constructor
        if same is None:
            taken = {parameter.name for parameter in parameters.values()} | _fields(first)
            name = _free(_name(column, bound), taken)
            same = tuple(_value(one) for one in column)
            parameters[same] = Parameter(name, NumberType(type(column[0].value)), kept)
        elif kept:
            parameters[same] = dataclasses.replace(parameters[same], kept=True)
        of_place[place] = same
    names = {place: parameters[values].name for place, values in of_place.items()}
    ordered = sorted(parameters.values(), key=lambda parameter: _place(parameter.name, bound[0]))
    constructor, forward = _with_parameters(first, names, in_constructor)
    arguments = [
        tuple(_argument(rows[i], names, parameter.name) for parameter in ordered)
        for i in range(len(group))
    ]
    cls = first.cls
    class_ = Class(
        number,
        cls.__name__.lstrip("_"),
        cls.__module__,
        (),
        (),
        tuple(ordered),
        constructor,
        forward,
        tuple(struct.path for struct in group),
        class_line(cls),
        method_line(cls, "__init__"),
        cls.__bases__[0].__name__,
    )
    return class_, arguments


def _place(name: str, bound: dict[str, object]) -> int:
    """Python's order of the arguments; others come behind."""
    names = [identifier(one) for one in bound]
    return names.index(name) if name in names else len(names)


def _values(column: tuple[Constant, ...]) -> tuple:
    """The value of each instance; `None` where it is open."""
    return tuple(None if one.is_open else _value(one) for one in column)


def _agree(known: tuple, values: tuple) -> bool:
    return all(b is None or a == b for a, b in zip(known, values))


def _argument(row: list[Constant], names: dict[int, str], name: str) -> Constant:
    """The value of a parameter in an instance, from a place where it is not open."""
    places = [place for place, found in names.items() if found == name]
    return next((row[place] for place in places if not row[place].is_open), row[places[0]])


def _value(constant: Constant) -> tuple[type, object]:
    """Comparable where a number is not one."""
    return type(constant.value), repr(constant.value)


def _fields(struct: Struct) -> set[str]:
    return {s.field for s in struct.constructor if isinstance(s, Register)}


def _name(column: tuple[Constant, ...], bound: list[dict[str, object]]) -> str:
    """The constructor's argument that has these values, or what the constant is called."""
    for name in bound[0]:
        if all(
            name in one and type(one[name]) is type(c.value) and one[name] == c.value
            for one, c in zip(bound, column)
        ):
            return identifier(name)
    return identifier(column[0].hint or "number")


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}{number}", number + 1
    return free


def _with_parameters(
    struct: Struct, names: dict[int, str], in_constructor: int
) -> tuple[tuple[Statement, ...], Method | None]:
    places: Iterator[int] = iter(range(1 << 30))

    def change(node: object) -> object:
        if not isinstance(node, Constant):
            return node
        place = next(places)
        if place not in names:
            return node
        return Argument(names[place]) if place < in_constructor else Held((names[place],))

    constructor = transform(struct.constructor, change)
    return constructor, transform(struct.forward, change)


def fields_of(class_: Class, types: Callable[[Expression], Type]) -> tuple[Field, ...]:
    """The fields of a class, in the order in which the constructor sets them."""
    found = [
        Field(s.field, types(s.value))
        for s in class_.constructor
        if isinstance(s, Register) and s.field
    ]
    return (*found, *(Field(p.name, p.type) for p in class_.parameters if p.kept))
