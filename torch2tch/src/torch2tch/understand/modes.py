"""One body for training and evaluation: their statements side by side."""

import dataclasses

from ..nodes import (
    Call,
    Choice,
    Constant,
    Do,
    Expression,
    Let,
    Literal,
    Name,
    Operation,
    Return,
    Statement,
    Train,
)


def merged(
    training: tuple[Statement, ...], evaluation: tuple[Statement, ...]
) -> tuple[Statement, ...] | None:
    """The statements that do both, with a choice where a constant differs; `None` where the two do
    something else. Names are those of training."""
    return _Merge().run(list(training), list(evaluation))


def keeps_values(value: Expression) -> bool:
    """`contiguous` stands in a graph only where the strides ask for it, and is a no-op
    elsewhere."""
    return isinstance(value, Operation) and value.schema.base == "contiguous"


class _Merge:
    def __init__(self) -> None:
        # What stands in evaluation for a name of training.
        self.names: dict[Name, Expression] = {}

    def run(self, left: list[Statement], right: list[Statement]) -> tuple[Statement, ...] | None:
        out: list[Statement] = []
        place = 0
        for statement in left:
            other = right[place] if place < len(right) else None
            while (
                isinstance(other, Let)
                and keeps_values(other.value)
                and not (isinstance(statement, Let) and keeps_values(statement.value))
            ):
                # Only evaluation asks for it.
                source = other.value["self"]
                for name, found in list(self.names.items()):
                    if found == source:
                        self.names[name] = other.target
                place += 1
                other = right[place] if place < len(right) else None
            one = self.both(statement, other)
            if one is not None:
                out.append(one)
                place += 1
            elif (
                isinstance(statement, Let)
                and (through := self.only_training(statement)) is not None
            ):
                self.names[statement.target] = through
                out.append(statement)
            else:
                return None
        return tuple(out) if place == len(right) else None

    def only_training(self, statement: Let) -> Expression | None:
        """The value that goes through a layer that does nothing in evaluation."""
        value = statement.value
        if isinstance(value, Call) and value.unary and value.trains:
            return self.mapped(value.inputs[0])
        if keeps_values(value):
            return self.mapped(value["self"])
        return None

    def mapped(self, value: Expression) -> Expression:
        return self.names.get(value, value) if isinstance(value, Name) else value

    def both(self, left: Statement, right: Statement | None) -> Statement | None:
        if type(left) is not type(right):
            return None
        if isinstance(left, (Let, Do)):
            value = self.unify(left.value, right.value)
            if value is None:
                return None
            if isinstance(left, Let):
                self.names[left.target] = right.target
            return dataclasses.replace(left, value=value)
        if isinstance(left, Return):
            values = [self.unify(a, b) for a, b in zip(left.values, right.values)]
            same = len(left.values) == len(right.values) and None not in values
            return dataclasses.replace(left, values=tuple(values)) if same else None
        return left if left == right else None

    def unify(self, left: object, right: object) -> object | None:
        """The expression that is `left` in training and `right` in evaluation."""
        if isinstance(left, Name):
            return left if self.mapped(left) == right else None
        if isinstance(left, Constant) and isinstance(right, Constant):
            if type(left.value) is not type(right.value):
                return None
            if left.value == right.value:
                return left
            return Train() if left.value is True else Choice(left, right)
        if isinstance(left, Literal) or type(left) is not type(right):
            return left if left == right else None
        if isinstance(left, tuple):
            parts = [self.unify(a, b) for a, b in zip(left, right)]
            return tuple(parts) if len(left) == len(right) and None not in parts else None
        if not dataclasses.is_dataclass(left):
            return left if left == right else None
        changed = {}
        for field in dataclasses.fields(left):
            a, b = getattr(left, field.name), getattr(right, field.name)
            if (a is None and b is None) or field.name in ("schema", "row", "dtype"):
                if a != b:
                    return None
                continue
            one = self.unify(a, b)
            if one is None:
                return None
            changed[field.name] = one
        return dataclasses.replace(left, **changed)
