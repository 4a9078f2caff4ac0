"""Rust's syntax, as far as ports need it, and its layout in lines."""

from dataclasses import dataclass
from enum import IntEnum

# Where lines of Rust are broken, as in the rest of the project's mirrors.
WIDTH = 84


class Level(IntEnum):
    """How tightly an expression holds together."""

    ATOM = 0
    PREFIX = 1
    PRODUCT = 2
    SUM = 3
    BLOCK = 4


@dataclass(frozen=True)
class Text:
    """What is not broken."""

    text: str
    level: Level = Level.ATOM


@dataclass(frozen=True)
class Group:
    """A head and items in brackets: a call, a list, a struct."""

    head: str
    brackets: str  # "()", "[]" or "{}"
    items: tuple["Syntax", ...]
    level: Level = Level.ATOM


@dataclass(frozen=True)
class Chain:
    """Methods, called on one another."""

    receiver: "Syntax"
    calls: tuple[Group, ...]
    level: Level = Level.ATOM


@dataclass(frozen=True)
class Infix:
    """An operator between two operands."""

    left: "Syntax"
    sign: str
    right: "Syntax"
    level: Level


@dataclass(frozen=True)
class Prefixed:
    """A prefix and a suffix that stay with an expression: `&x`, `name: x`, `let y = x;`."""

    prefix: str
    inner: "Syntax"
    suffix: str = ""
    level: Level = Level.PREFIX


Syntax = Text | Group | Chain | Infix | Prefixed


def method(receiver: Syntax, name: str, *items: Syntax) -> Chain:
    """A call of a method, behind those that the receiver ends with."""
    call = Group(f".{name}", "()", items)
    if isinstance(receiver, Chain):
        return Chain(receiver.receiver, (*receiver.calls, call))
    return Chain(at_most(receiver, Level.ATOM), (call,))


def at_most(syntax: Syntax, level: Level) -> Syntax:
    """The expression, in brackets if it holds together less tightly."""
    return syntax if syntax.level <= level else Group("", "()", (syntax,))


def one_line(syntax: Syntax) -> str:
    match syntax:
        case Text(text=text):
            return text
        case Group(head=head, brackets=brackets, items=items):
            inner = ", ".join(map(one_line, items))
            if brackets == "{}":
                return f"{head} {{ {inner} }}"
            return f"{head}{brackets[0]}{inner}{brackets[1]}"
        case Chain(receiver=receiver, calls=calls):
            return one_line(receiver) + "".join(map(one_line, calls))
        case Infix(left=left, sign=sign, right=right):
            return f"{one_line(left)} {sign} {one_line(right)}"
        case Prefixed(prefix=prefix, inner=inner, suffix=suffix):
            return f"{prefix}{one_line(inner)}{suffix}"


def layout(syntax: Syntax, indent: int = 0) -> list[str]:
    """The lines of an expression, broken where it is too long."""
    whole = one_line(syntax)
    if indent + len(whole) <= WIDTH:
        return [" " * indent + whole]
    match syntax:
        case Text():
            return [" " * indent + whole]
        case Prefixed(prefix=prefix, inner=inner, suffix=suffix):
            lines = layout(inner, indent)
            lines[0] = " " * indent + prefix + lines[0][indent:]
            lines[-1] += suffix
            return lines
        case Group():
            return _group(syntax, indent)
        case Infix(left=left, sign=sign, right=right):
            lines = layout(right, indent + 4)
            lines[0] = " " * (indent + 4) + f"{sign} {lines[0].lstrip()}"
            return layout(left, indent) + lines
        case Chain(receiver=receiver, calls=calls):
            return _chain(receiver, calls, indent)


def _group(group: Group, indent: int) -> list[str]:
    if not group.items:
        return [" " * indent + one_line(group)]
    space = " " if group.brackets == "{}" else ""
    if (
        len(group.items) == 1
        and isinstance(group.items[0], Group)
        and group.brackets == "()"
        and group.head
    ):
        # The brackets of a call that is the only argument of another stand together.
        lines = layout(group.items[0], indent)
        lines[0] = " " * indent + group.head + "(" + lines[0].lstrip()
        lines[-1] += ")"
        if len(lines[0]) <= WIDTH:
            return lines
    lines = [" " * indent + group.head + space + group.brackets[0]]
    for item in group.items:
        inner = layout(item, indent + 4)
        is_base = isinstance(item, Prefixed) and item.prefix == ".."
        if not is_base and (group.head or len(group.items) > 1 or group.brackets == "[]"):
            inner[-1] += ","
        lines += inner
    return [*lines, " " * indent + group.brackets[1]]


def _chain(receiver: Syntax, calls: tuple[Group, ...], indent: int) -> list[str]:
    """The receiver with as many calls as its line holds, if it is short, and a line for each
    other."""
    lines = layout(receiver, indent)
    rest = list(calls)
    start = lines[-1] + one_line(rest[0])
    if (
        len(rest) == 1
        or (len(lines[-1].strip()) <= 8 and len(start) <= WIDTH)
        or lines[-1].strip() in ")]}"
    ):
        inner = layout(rest.pop(0), indent)
        lines[-1] += inner[0].lstrip()
        lines += inner[1:]
    for call in rest:
        lines += layout(call, indent + 4)
    return lines
