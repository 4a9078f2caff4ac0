"""The table of spellings: what each function and layer of Python is in Rust.

It is in `functions.txt`, `layers.txt` and, for what is not one function, `lines.txt`. It serves the
porter and the guide (`scripts/generate/spellings_table.py`).
"""

import ast
import functools
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

FOLDER = Path(__file__).resolve().parent
SPACES = {"T": torch, "F": F, "M": torch.Tensor, "I": torch.nn.init, "R": torch.nn.utils.rnn}
PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")


class Mismatch(Exception):
    """The arguments are not this row's; the text says why."""


@dataclass
class Row:
    """A function in both languages."""

    spaces: list
    name: str
    signature: str
    rust: str
    gives: object
    note: str

    @functools.cached_property
    def parameters(self):
        """The parameters in order: (name, default or None, whether it takes the rest)."""
        arguments = ast.parse(f"def {self.signature}: pass").body[0].args
        names = arguments.args + arguments.kwonlyargs
        defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
        defaults += arguments.kw_defaults
        found = [(a.arg, d, False) for a, d in zip(names, defaults)]
        if arguments.vararg:
            found.insert(len(arguments.args), (arguments.vararg.arg, None, True))
        return found

    @property
    def used(self):
        return {name for name, _ in PLACEHOLDER.findall(self.rust)}

    def bind(self, positional, keywords):
        """{parameter: value or syntax tree of its default}; raises Mismatch."""
        bound, positional, keywords = {}, list(positional), dict(keywords)
        keyword_only = False
        for name, default, takes_rest in self.parameters:
            if takes_rest:
                bound[name] = keywords.pop(name, None) or positional
                positional, keyword_only = [], True
            elif positional and not keyword_only:
                bound[name] = positional.pop(0)
            elif name in keywords:
                bound[name] = keywords.pop(name)
            elif default is not None:
                bound[name] = default
            else:
                raise Mismatch(f"the argument {name} is missing")
        if positional:
            raise Mismatch("there are more arguments than it takes")
        if keywords:
            raise Mismatch(f"the argument {next(iter(keywords))} has no Rust counterpart")
        return bound


@dataclass
class LayerRow:
    """A layer in both languages."""

    name: str
    new: str
    type: str
    config: str
    fields: list  # (Python's argument, Rust's field, kind)
    call: str
    note: str

    @property
    def trains(self):
        return (
            self.call == "train"
            or "{train}" in self.call
            or self.call in ("attention", "encoder", "decoder", "transformer")
        )

    @property
    def arguments(self):
        return inspect.signature(getattr(torch.nn, self.name).__init__).parameters


def rows(file, count=3):
    """The rows of a file, each with as many cells."""
    for line in (FOLDER / file).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
            yield cells + [""] * (count - len(cells))


@functools.cache
def functions():
    found = []
    for spaces, signature, rust, gives, note in rows("functions.txt", 5):
        gives = gives.split() or ["tensor"]
        gives = gives[0] if len(gives) == 1 else tuple(gives)
        found.append(Row(spaces.split(), signature.split("(")[0], signature, rust, gives, note))
    return found


@functools.cache
def layers():
    found = []
    for name, new, type_, config, call, note in rows("layers.txt", 6):
        struct, _, fields = config.partition(":")
        pairs = []
        for field in fields.split():
            names, kind = field.split("=")
            python, _, rust = names.partition("->")
            pairs.append((python, rust or python, kind))
        found.append(LayerRow(name, new, type_, struct.strip(), pairs, call, note))
    return found


@functools.cache
def by_object():
    """{id of a function of torch: its rows}"""
    table = {}
    for row in functions():
        for space in row.spaces:
            found = getattr(SPACES[space], row.name, None)
            if found is not None and space != "M":
                table.setdefault(id(found), []).append(row)
    return table


def of_function(function):
    return by_object().get(id(function), [])


@functools.cache
def of_method(name):
    return [row for row in functions() if row.name == name and "M" in row.spaces]


@functools.cache
def of_layer(cls):
    """The rows of a class of torch.nn."""
    if cls.__module__.startswith("torch.nn.modules"):
        return [row for row in layers() if row.name == cls.__name__]
    return []
