"""The options that are Python's text: inputs, further arguments, sizes."""

import ast
import builtins
import re
from collections.abc import Iterable, Mapping

from ..subject import BATCH_SIZE, Input, Size
from .errors import Usage

NAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)(.*)", re.DOTALL)


def parse_input(text: str) -> Input:
    """`EXPR` or `NAME=EXPR`."""
    match = NAMED.fullmatch(text)
    name, expression = match.groups() if match else (None, text)
    parsed(expression.strip(), f"--input {text!r}")
    return Input(name, expression.strip())


def parsed(expression: str, option: str) -> ast.Expression:
    try:
        return ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Usage(f"{option}: {getattr(error, 'msg', None) or error}") from error


def names_in(texts: Iterable[str]) -> set[str]:
    """The names that expressions or argument lists read."""
    found = set()
    for text in texts:
        try:
            tree = ast.parse(f"f({text})")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - {"f"}
    return found


def free_names(inputs: Iterable[Input], names: Mapping[str, object]) -> list[str]:
    """The names that are nobody's: the free sizes, in order."""
    found: dict[str, None] = {}
    for one in inputs:
        tree = ast.parse(one.expression, mode="eval")
        bound = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name) or node.id in bound:
                continue
            if node.id == BATCH_SIZE or not (node.id in names or hasattr(builtins, node.id)):
                found[node.id] = None
    return list(found)


def parse_sizes(texts: Iterable[str]) -> dict[str, tuple[int, int]]:
    """`length=12,7`."""
    found = {}
    for text in texts:
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=\s*(\d+)\s*,\s*(\d+)\s*", text)
        if not match or match[2] == match[3] or 0 in (int(match[2]), int(match[3])):
            raise Usage(
                f"--size {text!r}: expected a name and two sizes that differ, such as length=12,7"
            )
        found[match[1]] = (int(match[2]), int(match[3]))
    return found


def sizes_of(
    inputs: tuple[Input, ...], names: Mapping[str, object], given: Mapping[str, tuple[int, int]]
) -> tuple[Size, ...]:
    free = free_names(inputs, {name: value for name, value in names.items() if name not in given})
    for name in given:
        if name not in free and name != BATCH_SIZE:
            raise Usage(f"--size {name}: no --input reads {name}")
    for name in free:
        if name not in given and name != BATCH_SIZE:
            raise Usage(
                f"--input: {name} is no name of the file or of torch; a size that stays free "
                f"needs two values, such as --size {name}=12,7"
            )
    return tuple(Size(name, given[name]) if name in given else Size(name) for name in free)


def evaluate_arguments(text: str, names: Mapping[str, object]) -> tuple[tuple, dict[str, object]]:
    """The positional and named arguments in a text such as `64, dropout=0.1`."""
    if not text.strip():
        return (), {}
    return eval(f"(lambda *args, **kwargs: (args, kwargs))({text})", dict(names))
