"""The names of variables: in Rust's spelling, and who assigns them."""

import ast
import re
from dataclasses import dataclass

from .values import Rust

RESERVED = set(
    [
        "as",
        "async",
        "await",
        "box",
        "break",
        "const",
        "continue",
        "crate",
        "dyn",
        "else",
        "enum",
        "extern",
        "false",
        "final",
        "fn",
        "for",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "macro",
        "match",
        "mod",
        "move",
        "mut",
        "override",
        "pub",
        "ref",
        "return",
        "self",
        "static",
        "struct",
        "super",
        "trait",
        "true",
        "try",
        "type",
        "typeof",
        "unsafe",
        "unsized",
        "use",
        "virtual",
        "where",
        "while",
        "yield",
        "abstract",
        "become",
        "do",
        "priv",
        "gen",
        "train",
        "vs",
        "functional",
        "init",
    ]
)


def snake(name):
    """The name of a variable or field as Rust wants it."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    text = re.sub(r"__+", "_", text)
    return text + "_" if text in RESERVED else text


@dataclass
class Local:
    """A variable of Rust."""

    name: str
    depth: int
    number: int
    mutable: bool = False
    used: bool = False

    def pattern(self):
        """How it is declared; what stands for `mut ` and `_` is put in at the end."""
        return f"\x01m{self.number}\x02\x01u{self.number}\x02{self.name}"


class Late(Rust):
    """A variable that is declared, and gets its type with its first value."""


def flat(targets):
    for target in targets:
        if isinstance(target, (ast.Tuple, ast.List)):
            yield from flat(target.elts)
        else:
            yield target


def is_blank(target):
    return isinstance(target, ast.Name) and target.id == "_"


def assigned(statements):
    """The names that statements assign."""
    names = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names
