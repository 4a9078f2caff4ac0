"""How a network in a file of Rust is made and called, read off its text."""

import re
from dataclasses import dataclass

from torch2tch.reference.common import Refused

from .arguments import argument, parameters

FORWARD = r"(?:pub )?fn (forward_t|forward|call)\s*\("


@dataclass
class Signature:
    """`parameters` are the names and types that follow `&self`, `made_from` those that follow
    `vs: &Path`."""

    struct: str
    made_from: list
    method: str
    parameters: list
    output: str
    trait: str  # Module, ModuleT, Forward, or empty for a method of its own
    loss: list | None  # the parameters of a `pub fn loss`, if there is one

    def loss_of_its_own(self, batch):
        """Rust that calls it, and no function besides."""
        if self.loss is None:
            return None
        given = {"output": batch.output, "target": batch.target}
        arguments = [
            argument(value, place, kind)
            for (place, value), (_, kind) in zip(given.items(), self.loss)
        ]
        return f"port::loss({', '.join(arguments)})", ""


def read_signature(path, name):
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"{path}: {getattr(error, 'strerror', None) or 'expected Rust in UTF-8'}"
        ) from error
    text = re.sub(r"//.*", "", text)
    if not re.search(rf"\bpub struct {name}\b", text):
        raise Refused(f"{path}: there is no `pub struct {name}`")
    made = find(text, rf"\bimpl {name}\s*\{{", r"pub fn new\s*\(")
    if made is None:
        raise Refused(f"{path}: {name} has no `pub fn new(vs: &Path) -> Self`")
    made_from = parameters(made[1])[1:]
    for trait in ("ModuleT", "Module", "Forward"):
        found = find(text, rf"\bimpl (?:\w+::)*{trait} for {name}\s*\{{", FORWARD)
        if found:
            break
    else:
        trait, found = "", find(text, rf"\bimpl {name}\s*\{{", FORWARD)
    if trait == "Forward" and found[0] != "call":
        found = None
    if found is None:
        raise Refused(
            f"{path}: {name} has no `forward`: expected `impl Module for {name}`, `ModuleT`, "
            "or `pub fn forward(&self, …)`"
        )
    method, arguments, output = found
    start = re.search(r"\bpub fn loss\s*\(", text)
    loss = parameters(text[start.end() : closing(text, start.end() - 1)]) if start else None
    return Signature(name, made_from, method, parameters(arguments)[1:], output, trait, loss)


def find(text, block, function):
    """The name, arguments and result of the function in the first such block that has it."""
    for start in re.finditer(block, text):
        body = text[start.end() : closing(text, start.end() - 1)]
        found = re.search(function, body)
        if found:
            end = closing(body, found.end() - 1)
            output = re.match(r"\s*->\s*([^{]+?)\s*(?:where\b[^{]*)?\{", body[end + 1 :])
            name = found[1] if found.groups() else "new"
            result = " ".join(output[1].split()) if output else "()"
            return name, body[found.end() : end], result
    return None


def closing(text, start):
    """Where the bracket at `start` is closed."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if depth == 0:
            return place
    return len(text)
