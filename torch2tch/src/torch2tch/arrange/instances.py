"""One struct for the instances of a class: constants in which they differ become arguments of its
constructor, under the names of Python's own arguments where the values are the same."""

import dataclasses
from collections.abc import Callable, Iterator

from ..nodes import (
    Argument, Class, Constant, Expression, Field, Held, Method, NewClass, NumberType, Parameter, Register,
    Statement, Type, constants, everything, key, transform,
)
from ..observe import Observed
from ..observe.python_lines import class_line, method_line
from ..understand import Struct
from ..understand.names import identifier


def heights(structs: list[Struct]) -> dict[int, int]:
    """How many structs are below each, by its number."""
    found: dict[int, int] = {}
    for struct in structs:
        below = [part.number for part in everything(struct.constructor) if isinstance(part, NewClass)]
        found[struct.number] = 1 + max((found[number] for number in below), default=0)
    return found


def unite(observed: Observed, structs: list[Struct], arrange: Callable[[Struct], Struct]) -> list[Class]:
    """The classes, each behind those that it uses. `arrange` brings a struct whose own parts are
    classes already into the form in which it is compared with others."""
    height = heights(structs)
    replaced: dict[int, NewClass] = {}
    classes: list[Class] = []
    for level in sorted(set(height.values())):
        groups: dict[object, list[Struct]] = {}
        for struct in structs:
            if height[struct.number] == level:
                one = arrange(_with_classes(struct, replaced))
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


def _class(observed: Observed, number: int, group: list[Struct]) -> tuple[Class, list[tuple[Expression, ...]]]:
    first = group[0]
    rows = [constants((struct.constructor, struct.forward)) for struct in group]
    in_constructor = len(constants(first.constructor))
    columns = list(zip(*rows))
    differing = [place for place, column in enumerate(columns)
                 if any(_value(one) != _value(column[0]) for one in column)]
    parameters: dict[tuple, Parameter] = {}
    bound = [observed.bound(struct.path) for struct in group]
    for place in differing:
        column = columns[place]
        values = tuple(_value(one) for one in column)
        kept = place >= in_constructor
        if values in parameters:
            if kept:
                parameters[values] = dataclasses.replace(parameters[values], kept=True)
            continue
        taken = {parameter.name for parameter in parameters.values()} | _fields(first)
        name = _free(_name(column, bound), taken)
        parameters[values] = Parameter(name, NumberType(type(column[0].value)), kept)
    names = {place: parameters[tuple(_value(one) for one in columns[place])].name for place in differing}
    constructor, forward = _with_parameters(first, names, in_constructor)
    arguments = [tuple(rows[i][next(p for p, n in names.items() if n == parameter.name)]
                       for parameter in parameters.values()) for i in range(len(group))]
    cls = first.cls
    class_ = Class(number, cls.__name__.lstrip("_"), cls.__module__, (), (), tuple(parameters.values()),
                   constructor, forward, tuple(struct.path for struct in group), class_line(cls),
                   method_line(cls, "__init__"), cls.__bases__[0].__name__)
    return class_, arguments


def _value(constant: Constant) -> tuple[type, object]:
    """Comparable where a number is not one."""
    return type(constant.value), repr(constant.value)


def _fields(struct: Struct) -> set[str]:
    return {s.field for s in struct.constructor if isinstance(s, Register)}


def _name(column: tuple[Constant, ...], bound: list[dict[str, object]]) -> str:
    """The constructor's argument that has these values, or what the constant is called."""
    for name in bound[0]:
        if all(name in one and type(one[name]) is type(c.value) and one[name] == c.value
               for one, c in zip(bound, column)):
            return identifier(name)
    return identifier(column[0].hint or "number")


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}{number}", number + 1
    return free


def _with_parameters(struct: Struct, names: dict[int, str],
                     in_constructor: int) -> tuple[tuple[Statement, ...], Method | None]:
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
    found = [Field(s.field, types(s.value)) for s in class_.constructor
             if isinstance(s, Register) and s.field]
    return (*found, *(Field(p.name, p.type) for p in class_.parameters if p.kept))
