"""The program around a network in a file of Rust, that `trace` records it."""

import inspect
from pathlib import Path

from torch2tch.reference.common import Refused

from .arguments import argument, output, quoted, read, type_of

GIVEN = Path(__file__).with_name("given.rs")

TEMPLATE = """\
//! {name} of {rust}, to be recorded beside {python}.
#![allow(unused_imports, dead_code)]

#[path = {given_path}]
mod given;
#[path = {rust_path}]
mod port;

use anyhow::Result;
use final_layer::tasks::{{Forward, Network, Objective, Tensors}};
// A network of this project names its own crate.
use final_layer::torch;
use final_layer::torch::nn::functional;
use final_layer::torch::nn::{{self, GRUState, LSTMState, Module, ModuleT, Path}};
use tch::{{Device, Kind, Reduction, Tensor}};

struct Port(port::{name});

impl Forward for Port {{
    type Input = {input_type};
    type Output = {output_type};

    fn call(&self, input: &Self::Input, train: bool) -> Self::Output {{
        let output = {call};
        {output}
    }}
}}

struct Task;

impl Objective for Task {{
    type Input = {input_type};
    type Output = {output_type};
    type Target = {target_type};

    fn draw_input(_batch_size: i64) -> Result<Self::Input> {{
        given::network_is_built()?;
        Ok({input})
    }}

    fn draw_target(_batch_size: i64) -> Result<Self::Target> {{
        let target = {target};
        given::batch_is_drawn()?;
        Ok(target)
    }}

    fn loss(output: &Self::Output, target: &Self::Target) -> Result<Tensor> {{
        {loss}
    }}

    fn readings(_output: &Self::Output) -> Vec<(&'static str, Tensor)> {{
        given::readings()
    }}
}}

impl Network for Port {{
    type Task = Task;
    const NAME: &'static str = {name_text};

    fn new(vs: &Path) -> Self {{
        Self({constructor})
    }}
}}
{functions}
fn main() -> std::process::ExitCode {{
    final_layer::cli::Program::<Port>::proof().run()
}}
"""

DEFAULT_LOSS = """\
let parts = output.tensors().into_iter();
        let squares = parts.filter(|part| part.is_floating_point());
        let squares = squares.map(|part| part.pow_tensor_scalar(2).mean(None::<Kind>));
        Ok(squares.reduce(|sum, part| sum + part).expect("a network gives a tensor"))"""


def program(signature, rust, subject, batch, loss):
    """The text. `loss` is Rust over `output` and `target`, and functions that it calls."""
    expression, functions = loss or (None, "")
    return TEMPLATE.format(
        name=signature.struct,
        name_text=quoted(signature.struct),
        rust=rust.name,
        python=Path(subject.path).name,
        given_path=quoted(str(GIVEN)),
        rust_path=quoted(str(rust.resolve())),
        input_type=type_of(batch.input),
        output_type=type_of(batch.output),
        target_type=type_of(batch.target),
        input=read(batch.input, "input"),
        target=read(batch.target, "target"),
        call=call(signature, rust, batch.input),
        output=output(batch.output, signature.output, "output"),
        constructor=constructor(signature, rust, subject),
        loss=DEFAULT_LOSS if expression is None else f"Ok({expression})",
        functions=functions,
    )


def call(signature, rust, input):
    """Rust that calls the network on `input`."""
    if signature.trait == "Forward":
        return "Forward::call(&self.0, input, train)"
    if isinstance(input, tuple):
        places = [f"input.{place}" for place in range(len(input))]
        return call_with(signature, rust, "self.0", list(input), places)
    return call_with(signature, rust, "self.0", [input], ["input"])


def call_with(signature, rust, network, values, places, train="train"):
    """Rust that calls `network` on the values at these places."""
    values, places, arguments = list(values), list(places), []
    for name, kind in signature.parameters:
        if name == "train":
            arguments.append(train)
        elif values:
            arguments.append(argument(values.pop(0), places.pop(0), kind))
        elif kind.startswith("Option<"):
            arguments.append("None")
        else:
            raise Refused(
                f"{rust}: forward takes {name}: {kind} as well; give each argument an --input"
            )
    if values:
        raise Refused(f"{rust}: forward takes fewer arguments than there are inputs")
    return f"{network}.{signature.method}({', '.join(arguments)})"


def constructor(signature, rust, subject):
    """Rust that makes the network. What it takes beside `vs` is Python's argument of that name."""
    positional, keywords = subject.arguments
    bound = inspect.signature(subject.cls.__init__).bind(None, *positional, **keywords)
    bound.apply_defaults()
    values = []
    for name, kind in signature.made_from:
        if name not in bound.arguments:
            raise Refused(
                f"{rust}: {signature.struct}::new takes {name}, which "
                f"{subject.name} in {subject.path} does not"
            )
        values.append(
            literal(bound.arguments[name], kind, f"{rust}: {signature.struct}::new: {name}")
        )
    return f"port::{signature.struct}::new({', '.join(['vs', *values])})"


def literal(value, kind, where):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value!r}" if kind != "f64" else f"{float(value)!r}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (tuple, list)):
        parts = ", ".join(literal(part, "", where) for part in value)
        return (
            f"vec![{parts}]"
            if kind.startswith("Vec<")
            else f"&[{parts}]"
            if kind.startswith("&[")
            else f"[{parts}]"
        )
    raise Refused(f"{where}: {kind}: what Python has, {value!r}, cannot be handed over")
