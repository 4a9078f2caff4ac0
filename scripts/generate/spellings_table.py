#!/usr/bin/env python3
"""Prints the porter's table of spellings for the guide.

    scripts/generate/spellings_table.py >src/guide/spellings.md

`pytest torch2tch` fails where the guide says something else.
"""

import re

import in_venv  # noqa: F401 (starts this script again under .venv)

from torch2tch.port import spellings

HEAD = "| Python | Rust | what to know |\n| --- | --- | --- |"
SPACES = {"F": "F.", "T": "torch.", "M": "x.", "I": "nn.init.", "R": "nn.utils.rnn."}


def main():
    print(HEAD)
    for line in spellings.rows("lines.txt"):
        # A bar inside of a cell is written `\|`.
        print(f"| {line[0]} | {line[1]} | {line[2]} |")
    print(f"\nFunctions, and methods of a tensor (`x.`):\n\n{HEAD}")
    for row in spellings.functions():
        print(f"| {python(row)} | `{rust(row.rust)}` | {row.note} |")
    print(f"\nLayers, with the arguments that are taken:\n\n{HEAD}")
    for row in spellings.layers():
        print(f"| `nn.{row.name}({arguments(row)})` | `{layer(row)}` | {row.note} |")


def python(row):
    signature = row.signature
    texts = []
    for space in row.spaces:
        if space == "M":
            inner = re.sub(r"^\w+\((\w+)(, )?", f"{row.name}(", signature)
            texts.append(f"`x.{inner}`")
        else:
            texts.append(f"`{SPACES[space]}{signature}`")
    return ", ".join(texts)


def rust(template):
    """The template with names in the places of its arguments."""
    first = True

    def name(match):
        nonlocal first
        text = "x" if match[1] in ("input", "tensor") and first else match[1]
        kind = match[2] or ""
        if kind in ("cmp_eq", "cmp_ne", "cmp_gt", "cmp_ge", "cmp_lt", "cmp_le"):
            return f"{text}.{kind.removeprefix('cmp_')}"
        if kind == "cmp":
            return f"({text})"
        prefix = {"ref": "&", "operand": "&", "mut": "&mut "}.get(kind, "")
        return prefix + text + (".size()" if kind == "size" else "")

    return spellings.PLACEHOLDER.sub(name, template)


def arguments(row):
    names = [n for n, _ in spellings.PLACEHOLDER.findall(row.new) if n not in ("path", "config")]
    return ", ".join([*names, *(python for python, _, _ in row.fields)])


def layer(row):
    text = row.new.replace("{path}", 'vs / "name"').replace("{config}", row.config or "config")
    return spellings.PLACEHOLDER.sub(lambda m: m[1], text) if "(" in text else row.type


if __name__ == "__main__":
    main()
