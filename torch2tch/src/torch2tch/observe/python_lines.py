"""Statements of Python: the one that a line belongs to, its text, and the names that it sets."""

import ast
import functools
import inspect
import linecache
import re

from torch import nn

from ..nodes.statements import Line

FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')


@functools.cache
def statements(file: str) -> dict[int, ast.stmt]:
    """The innermost statement of each line; of a compound one only its head."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return {}
    found: dict[int, ast.stmt] = {}

    def visit(body: list[ast.stmt]) -> None:
        for statement in body:
            inner = [
                block
                for name in ("body", "orelse", "finalbody")
                if (block := getattr(statement, name, None))
            ]
            inner += [handler.body for handler in getattr(statement, "handlers", [])]
            last = inner[0][0].lineno - 1 if inner else statement.end_lineno
            for line in range(statement.lineno, max(last, statement.lineno) + 1):
                found[line] = statement
            for block in inner:
                visit(block)

    visit(tree.body)
    return found


def line_of(file: str, number: int) -> Line:
    """The statement that a line belongs to."""
    statement = statements(file).get(number)
    if statement is None:
        return Line(file, number, linecache.getline(file, number).strip())
    return Line(file, statement.lineno, text_of(file, statement))


def text_of(file: str, statement: ast.stmt) -> str:
    """A statement in one line, as it is written; of a compound one the head."""
    last = statement.end_lineno
    body = getattr(statement, "body", None)
    if body:
        last = max(body[0].lineno - 1, statement.lineno)
    lines = [
        linecache.getline(file, n).split("  #")[0].strip()
        for n in range(statement.lineno, last + 1)
    ]
    joined = " ".join(line for line in lines if line and not line.startswith("#"))
    return re.sub(r"([(\[{]) | (?=[)\]}])|,(?= ?[)\]}])", r"\1", joined)


def targets(line: Line) -> list[str]:
    """The names that the statement sets, or none."""
    statement = statements(line.file).get(line.number)
    target = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        target = statement.target
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple) and all(isinstance(e, ast.Name) for e in target.elts):
        return [e.id for e in target.elts]
    return []


@functools.cache
def own_lines(cls: type) -> tuple[tuple[str, int, int], ...]:
    """The files and lines of a class and of those that it is derived from, torch's left out."""
    found = []
    for base in cls.__mro__:
        if base in (nn.Module, object):
            continue
        try:
            lines, first = inspect.getsourcelines(base)
            found.append((inspect.getsourcefile(base), first, first + len(lines) - 1))
        except (TypeError, OSError):
            continue
    return tuple(found)


def line_in_class(trace: str, cls: type) -> Line | None:
    """The statement of the class's own code that a node of a graph comes from: the innermost frame
    in it, or the innermost of all."""
    frames = FRAME.findall(trace or "")
    for file, number, _ in reversed(frames):
        if any(file == f and a <= int(number) <= b for f, a, b in own_lines(cls)):
            return line_of(file, int(number))
    return line_of(frames[-1][0], int(frames[-1][1])) if frames else None


def method_line(cls: type, name: str) -> Line | None:
    """The head of a method, `def forward(self, x):`."""
    try:
        function = inspect.unwrap(getattr(cls, name))
        lines, first = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function)
    except (TypeError, OSError, AttributeError):
        return None
    start = next(
        (n for n, line in enumerate(lines) if line.lstrip().startswith(("def ", "async "))), None
    )
    return line_of(file, first + start) if start is not None else None


def class_line(cls: type) -> Line | None:
    try:
        lines, first = inspect.getsourcelines(cls)
        file = inspect.getsourcefile(cls)
    except (TypeError, OSError):
        return None
    # Decorators stand before it.
    start = next((n for n, line in enumerate(lines) if line.lstrip().startswith("class ")), 0)
    return line_of(file, first + start)


def attribute_line(cls: type, attribute: str) -> Line | None:
    """The statement of `__init__` that sets `self.attribute`, or adds it under that name."""
    for base in cls.__mro__:
        if base in (nn.Module, object) or "__init__" not in vars(base):
            continue
        line = method_line(base, "__init__")
        if line is None:
            continue
        for node in ast.walk(statements(line.file).get(line.number, ast.Pass())):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and any(
                _is_self(target, attribute)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            ):
                return Line(line.file, node.lineno, text_of(line.file, node))
    return None


def _is_self(target: ast.expr, attribute: str) -> bool:
    return (
        isinstance(target, ast.Attribute)
        and target.attr == attribute
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    )
