"""What a forward may give beside tensors, tuples, lists and dictionaries."""

import dataclasses


def fields_of(value: object) -> dict[str, object] | None:
    """The fields of an instance of a dataclass that no dictionary is."""
    if isinstance(value, (dict, type)) or not dataclasses.is_dataclass(value):
        return None
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def opened(value: object) -> object:
    """Dataclasses as dictionaries of their fields, inside of others as well."""
    fields = fields_of(value)
    if fields is not None:
        return {name: opened(part) for name, part in fields.items()}
    if type(value) in (tuple, list):
        return type(value)([opened(part) for part in value])
    if type(value) is dict:
        return {name: opened(part) for name, part in value.items()}
    return value
