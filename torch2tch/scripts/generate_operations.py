#!/usr/bin/env python3
"""Writes src/torch2tch/tables/operations.txt: libtorch's operations and tch's methods for them.

Two lists are joined: the schemas that torch itself registers, and the signatures in tch's generated
sources. A method stands for an operation if each of its parameters is an argument of the schema, of
the same name, in the same order and of a type that goes with it. Run it again for another tch:

    python torch2tch/scripts/generate_operations.py
"""

import datetime
import glob
import os
import re
import sys
from pathlib import Path

import torch

TABLE = Path(__file__).resolve().parents[1] / "src/torch2tch/tables/operations.txt"
SOURCES = "~/.cargo/registry/src/*/tch-0.26*/src/wrappers/tensor_generated.rs"

# Rust's type of a parameter, without spaces: the word for it in the table.
RUST = {
    "&Tensor": "tensor",
    "&mutTensor": "tensor",
    "Option<T>": "option_tensor",
    "&[T]": "tensors",
    "&[Option<T>]": "option_tensors",
    "i64": "int",
    "implInto<Option<i64>>": "option_int",
    "f64": "float",
    "implInto<Option<f64>>": "option_float",
    "bool": "bool",
    "S": "scalar",
    "implIntList": "ints",
    "implIntListOption": "option_ints",
    "implDoubleList": "floats",
    "(Kind,Device)": "options",
    "Kind": "kind",
    "implInto<Option<Kind>>": "option_kind",
    "&str": "str",
    "Device": "device",
    "Layout": "layout",
}
# The word, and the types of a schema that it can stand for.
SCHEMA = {
    "tensor": ["Tensor"],
    "option_tensor": ["Optional[Tensor]"],
    "tensors": ["List[Tensor]"],
    "option_tensors": ["List[Optional[Tensor]]"],
    "int": ["int"],
    "option_int": ["Optional[int]"],
    "float": ["float"],
    "option_float": ["Optional[float]"],
    "bool": ["bool"],
    "scalar": ["number", "Optional[number]"],
    "ints": ["List[int]"],
    "option_ints": ["Optional[List[int]]"],
    "floats": ["List[float]", "Optional[List[float]]"],
    "kind": ["int", "Optional[int]"],
    "option_kind": ["Optional[int]"],
    "str": ["str", "Optional[str]"],
    "device": ["Device", "Optional[Device]"],
    "layout": ["Optional[int]"],
}
SIGNATURE = re.compile(r"pub fn (\w+)(?:<[^(]*>)?\(([^{]*?)\)\s*(?:->\s*([^{]+?))?\s*\{")


def main() -> None:
    found = sorted(glob.glob(os.path.expanduser(SOURCES)))
    if not found:
        sys.exit(f"error: {SOURCES}: no such file; `cargo fetch` brings tch's sources")
    methods = read_methods(Path(found[-1]).read_text(encoding="utf-8"))
    version = found[-1].split("tch-")[1].split("/")[0]
    versions = f"torch {torch.__version__}, tch {version}"
    lines = [
        "# libtorch's operations and tch's methods, written by scripts/generate_operations.py.",
        f"# {datetime.date.today().isoformat()}, {versions}",
        "# operation | method | its parameters, `self` being the receiver | what it gives",
    ]
    lines += sorted(filter(None, (row(schema, methods) for schema in schemas())))
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{TABLE}: {len(lines) - 3} operations")


def schemas() -> list:
    every = torch._C._jit_get_all_schemas()
    return [
        schema
        for schema in every
        if schema.name.startswith("aten::") and not schema.overload_name.endswith("out")
    ]


def read_methods(text: str) -> dict[str, tuple[list[tuple[str, str]], str]]:
    """The method's name: its parameters as (name, word), and what it gives."""
    methods = {}
    for match in SIGNATURE.finditer(text):
        name, parameters, gives = match.groups()
        words = [word_of(part) for part in split(parameters)]
        if None not in words:
            methods[name] = (words, re.sub(r"\s", "", gives or "()"))
    return methods


def split(text: str) -> list[str]:
    parts, depth, last = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "<([{") - (character in ">)]}")
        if character == "," and depth == 0:
            parts.append(text[last:place])
            last = place + 1
    return [part.strip() for part in [*parts, text[last:]] if part.strip()]


def word_of(parameter: str) -> tuple[str, str] | None:
    if parameter in ("&self", "&mut self"):
        return "self", "receiver"
    name, _, kind = parameter.partition(":")
    word = RUST.get(re.sub(r"\s", "", kind))
    return word and (name.strip(), word)


def row(schema, methods) -> str | None:
    for name in candidates(schema):
        if name in methods and fits(schema, methods[name][0]):
            words, gives = methods[name]
            overload = f".{schema.overload_name}" if schema.overload_name else ""
            parameters = " ".join(f"{n}:{w}" for n, w in bound(schema, words))
            return f"{schema.name[6:]}{overload} | {name} | {parameters} | {gives}"
    return None


def candidates(schema) -> list[str]:
    """The names that tch's generator may have given, the most particular first."""
    base, overload = schema.name[6:], schema.overload_name.lower()
    if base.startswith("_"):
        base = f"internal{base}"
    stem, underscore = (base[:-1], "_") if base.endswith("_") else (base, "")
    particular = (
        [f"{stem}_{overload}{underscore}", f"g_{stem}_{overload}{underscore}"] if overload else []
    )
    return [*particular, base, f"g_{base}"]


def fits(schema, words) -> bool:
    try:
        return bool(bound(schema, words))
    except StopIteration:
        return False


def bound(schema, words) -> list[tuple[str, str]]:
    """The schema's name and the table's word of each parameter. Raises StopIteration where a
    parameter is no argument of the schema."""
    arguments = iter([(a.name, str(a.type)) for a in schema.arguments])
    found = []
    for name, word in words:
        if word == "options":
            found.append(("dtype", "options"))
            arguments = iter([])
            continue
        if word == "receiver":
            # tch's receiver is the argument `self`, or the first tensor where there is none.
            first = next(
                (n for n, kind in schema_arguments(schema) if n == "self" and kind == "Tensor"),
                None,
            )
            first = first or next(n for n, kind in schema_arguments(schema) if kind == "Tensor")
            found.append((first, word))
            arguments = iter([(n, kind) for n, kind in schema_arguments(schema) if n != first])
            continue
        plain = "self" if name == "self_scalar" else name.removesuffix("_")
        found.append(
            next((n, word) for n, kind in arguments if n == plain and kind in SCHEMA[word])
        )
    return found


def schema_arguments(schema) -> list[tuple[str, str]]:
    return [(a.name, str(a.type)) for a in schema.arguments]


if __name__ == "__main__":
    main()
