"""The program around a port that records it."""

import re
from collections.abc import Iterator
from pathlib import Path

import torch

from ..observe.exporting import tensors_of
from ..observe.results import fields_of
from ..port.names import snake
from ..proof.arguments import quoted
from ..proof.program import call_with
from ..proof.signature import Signature
from .python_side import Recording

HARNESS = Path(__file__).with_name("harness.rs")

TEMPLATE = """\
//! {name}, to be recorded beside Python.
#![allow(unused_imports, dead_code, unused_variables, unused_mut)]

#[path = {harness}]
mod harness;
#[path = {rust}]
mod port;

use harness::{{Given, Subject}};
use tch::{{Device, Kind, Reduction, Tensor}};
use torch_parity as torch;
use torch_parity::nn::{{self, GRUState, LSTMState, Module, ModuleT, Path, functional}};

struct Port(port::{name});

impl Subject for Port {{
    type Output = {output_type};

    fn new(vs: &Path) -> Self {{
        Self({constructor})
    }}

    fn call(&self, given: &Given, case: &str, train: bool) -> Self::Output {{
        let input = {input};
        let output = {call};
        {output}
    }}

    fn named(output: &Self::Output) -> Vec<(String, Tensor)> {{
        {named}
    }}

    fn loss(output: &Self::Output, given: &Given, case: &str) -> Tensor {{
        let target = &{target};
        {loss}
    }}
}}
{functions}
fn main() -> std::process::ExitCode {{
    harness::run::<Port>()
}}
"""


def program(
    signature: Signature,
    rust: Path,
    recording: Recording,
    constructor: str,
    loss: tuple[str, str] | None,
    flat: bool,
) -> str:
    """The text. `loss` is Rust over `&output` and `&target`, and functions that it calls; a port
    that is `flat` gives its tensors side by side."""
    case = recording.cases[0]
    output = recording.trained
    values, places = list(case.values), [f"input.{place}" for place in range(len(case.values))]
    if flat:
        values = list(tensors_of(case.values))
        places = [place for place, _ in leaves(tuple(case.values), "input", "input")]
    expression, functions = loss or ("harness::mean_of_squares(Self::named(output))", "")
    return TEMPLATE.format(
        name=signature.struct,
        harness=quoted(str(HARNESS)),
        rust=quoted(str(rust.resolve())),
        output_type=type_of(output),
        constructor=constructor,
        input=read(tuple(case.values), "input"),
        call=call_with(signature, rust, "self.0", values, places),
        output=nested(output) if flat else unwrapped(output, signature.output),
        named=named_tensors(output),
        target=read(case.target, "target"),
        loss=expression,
        functions=functions,
    )


def type_of(value: object) -> str:
    """Rust's type of what Python has: a tuple for several, a `Vec` for a list of tensors."""
    if isinstance(value, torch.Tensor):
        return "Tensor"
    if isinstance(value, list):
        return f"Vec<{type_of(value[0])}>" if value else "Vec<Tensor>"
    return f"({''.join(type_of(part) + ', ' for part in parts_of(value))})"


def inner_of(value: object) -> list[object]:
    """The parts of a tuple, list, dict or dataclass."""
    fields = fields_of(value)
    if fields is not None:
        return list(fields.values())
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, (tuple, list)) else []


def parts_of(value: object) -> list[object]:
    """The parts that hold tensors."""
    parts = inner_of(value)
    return [part for part in parts if has_tensors(part)]


def has_tensors(value: object) -> bool:
    return isinstance(value, torch.Tensor) or any(map(has_tensors, inner_of(value)))


def read(value: object, name: str) -> str:
    """Rust that takes the given tensors."""
    if isinstance(value, torch.Tensor):
        return f'given.copied(&format!("{{case}}.{name}"))'
    inner = inner_of(value)
    parts = [read(part, f"{name}.{place}") for place, part in enumerate(inner) if has_tensors(part)]
    if isinstance(value, list):
        return f"vec![{', '.join(parts)}]"
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def leaves(value: object, place: str, name: str) -> Iterator[tuple[str, str]]:
    """Rust's place and the name of each tensor."""
    if isinstance(value, torch.Tensor):
        yield place, name
        return
    inner = inner_of(value)
    kept = 0
    for number, part in enumerate(inner):
        if has_tensors(part):
            index = f"[{kept}]" if isinstance(value, list) else f".{kept}"
            yield from leaves(part, place + index, f"{name}.{number}")
            kept += 1


def named_tensors(value: object) -> str:
    parts = ", ".join(
        f'("{name}".to_owned(), {place}.shallow_clone())'
        for place, name in leaves(value, "output", "output")
    )
    return f"vec![{parts}]"


def nested(value: object) -> str:
    """Rust that gives tensors that lie side by side their places in what Python gives."""
    found = list(leaves(value, "output", "output"))
    if len(found) == 1:
        names = iter(["output"])
    else:
        names = iter([f"output.{place}" for place in range(len(found))])

    def build(part: object) -> str:
        if isinstance(part, torch.Tensor):
            return next(names)
        texts = [build(inner) for inner in parts_of(part)]
        if isinstance(part, list):
            return f"vec![{', '.join(texts)}]"
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"

    return build(value)


def unwrapped(value: object, kind: str) -> str:
    """Rust that makes tensors of what a port as written gives, such as a recurrent layer's
    state."""
    return unwrap(value, kind.strip(), "output")


def unwrap(value: object, kind: str, place: str) -> str:
    if kind in ("LSTMState", "GRUState"):
        return f"{place}.0"
    if kind.startswith("Option<"):
        return unwrap(value, kind[7:-1], f"{place}.unwrap()") if has_tensors(value) else place
    if isinstance(value, tuple) and kind.startswith("("):
        kinds = split_types(kind[1:-1])
        if len(kinds) == len(value):
            texts = [
                unwrap(part, one, f"{place}.{i}")
                for i, (part, one) in enumerate(zip(value, kinds))
                if has_tensors(part)
            ]
            return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    return place


def split_types(text: str) -> list[str]:
    parts, depth, last = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([<") - (character in ")]>")
        if character == "," and depth == 0:
            parts.append(text[last:place].strip())
            last = place + 1
    return [part for part in [*parts, text[last:].strip()] if part]


def module_names(text: str) -> str:
    """A port that names the crate of this project, or itself as a part of it, in the names that the
    program has."""
    return re.sub(r"\b(?:final_layer|crate)::torch\b", "torch_parity", text)


def file_name(struct: str) -> str:
    return snake(struct) + ".rs"
