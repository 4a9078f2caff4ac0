"""The loss in Rust, translated as the network is."""

import ast
import copy

import torch

from torch2tch.port import Root
from torch2tch.port.mirror import column_of, layout
from torch2tch.port.network import Network
from torch2tch.port.values import Known, Rust
from torch2tch.port.write import Writer, type_text

from .arguments import argument

# The function that an expression of the command line is the body of.
OF_EXPRESSION = "loss_of_the_command_line"


def translate_loss(subject, batch):
    """Rust over `output` and `target`, and the functions that it calls; None where the loss is the
    mean of squares. Raises the porter's `Refused` with the places that have no Rust."""
    if subject.loss_text is None:
        return None
    source, name = with_function(subject)
    network = Network(source, None)
    values = [rust_value(batch.output), rust_value(batch.target)]
    for _ in range(8):
        network.changed = False
        network.restart()
        node = source.functions[name]
        signature = network.call_signature(Root(network), node, None, name, values, {})
        if not network.changed:
            break
    network.refusals.check()
    given = {"output": batch.output, "target": batch.target}
    names = [a.arg for a in node.args.args]
    places = dict(zip(names, given))
    kinds = {
        parameter: kind
        for parameter, kind in signature.parameters.items()
        if not isinstance(kind, Known)
    }
    arguments = [
        argument(given[places[n]], places[n], type_text(kind)) for n, kind in kinds.items()
    ]
    writer = Writer(network, None, "", "final_layer::torch::nn", set())
    return f"{name}({', '.join(arguments)})", "\n" + "\n".join(
        function_lines(writer, network)
    ) + "\n"


def with_function(subject):
    """The file and the name of the loss in it. An expression becomes a function behind the rest."""
    source = subject.source
    if subject.loss_text == "loss(output, target)" and "loss" in source.functions:
        return source, "loss"
    extended = copy.copy(source)
    extended.text += f"\n\ndef {OF_EXPRESSION}(output, target):\n    return {subject.loss_text}\n"
    extended.lines = extended.text.splitlines()
    extended.tree = ast.parse(extended.text)
    extended.functions = {
        node.name: node for node in extended.tree.body if isinstance(node, ast.FunctionDef)
    }
    return extended, OF_EXPRESSION


def rust_value(value):
    """What the porter knows of a value: its type."""
    if value == ():
        return Known(None)
    return Rust("x", kind_of(value), "ref")


def kind_of(value):
    if isinstance(value, torch.Tensor):
        return "tensor"
    return "tensors" if isinstance(value, list) else tuple(map(kind_of, value))


def function_lines(writer, network):
    for name, (item, node, signature) in network.functions.items():
        header, items = writer.function_part(name, item, node, signature)
        yield from header
        for part in items:
            yield from layout(part.lines(writer.resolve), column_of(items, writer.resolve))
