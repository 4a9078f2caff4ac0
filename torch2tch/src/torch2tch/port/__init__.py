"""The translation of a PyTorch class to Rust.

    port(path, class_name, args="", inputs=(), nn_path="final_layer::torch::nn") -> Port
    translate_expression(port, text, names) -> text of Rust

`path` is a Python file anywhere on disk, `args` the text of the constructor's arguments, such as
`nhid=64, dropout=0.1`, and `inputs` texts of torch expressions, one an argument of `forward`.
Without them, `draw_input` of the file says what comes in. What is wrong with the usage is raised as
`Wrong`, a line; what the porter does not understand as `Refused`, whose `lines` name each place.
"""

import ast
import inspect
import re
from dataclasses import dataclass, field

import torch

from torch2tch import library

from .facts import Facts, evaluate_tensor, shape_text, silence
from .forward import Forward
from .mirror import Item
from .names import Local
from .network import Network
from .refusals import Poisoned, Refuse, Refused, Wrong
from .signatures import Signature, forward_name, is_simple
from .source import Source, one_line
from .values import Known, Rust
from .write import Writer

__all__ = ["Port", "Refused", "Wrong", "port", "translate_expression"]


@dataclass
class Port:
    """A ported class.

    `rust` is the text of the file. `constructor` is how its struct is made, given `vs: &Path`:
    `Net::new(vs)`. `forward` is the name of what answers, `forward` or `forward_t`; `trait` is
    `Module`, `ModuleT` or empty for a method of its own. `inputs` are the arguments of `forward` in
    order, `(name, type)`, a type being `tensor`, `int`, `float`, `bool`, `tensors`, or a tuple of
    types; `trains` says whether `train: bool` follows them. `output` is a type, too. `names` are
    the keys of the state dict. `model` is Python's instance, made from seed 0.
    """

    rust: str
    struct: str
    constructor: str
    forward: str
    trait: str
    inputs: list
    output: object
    trains: bool
    names: list
    model: object
    source: object
    network: object = field(repr=False, default=None)


def port(
    path, class_name, args="", inputs=(), nn_path="final_layer::torch::nn", module=None, drawn=None
):
    """`module` is what the file is where it is loaded already, `drawn` two draws of the inputs."""
    source = Source(path)
    source.module = module
    facts = Facts(source, class_name, args)
    drawn = draw(source, inputs) if drawn is None else drawn
    network = Network(source, facts)
    for _ in range(8):
        network.changed = network.learned = False
        network.restart()
        signature = translate(network, class_name, drawn[0] if drawn else None)
        if not network.changed:
            break
    network.refusals.check()
    writer = Writer(network, class_name, shapes(facts, drawn), nn_path, nn_names())
    root = network.classes[class_name]
    return (
        Port(
            rust=writer.text(),
            struct=class_name,
            constructor=f"{class_name}::new(vs)",
            forward=forward_name(signature),
            trait=("ModuleT" if signature.trains else "Module") if is_simple(signature) else "",
            inputs=[(local.name, kind) for local, kind in signature.arguments],
            output=signature.returns,
            trains=signature.trains,
            names=list(facts.model.state_dict()),
            model=facts.model,
            source=source,
            network=network,
        )
        if root
        else None
    )


def translate(network, class_name, drawn):
    """One round; returns the signature of `forward`."""
    node = network.source.classes[class_name]
    try:
        root = network.class_port(class_name)
        forward = network.source.method(class_name, "forward")
        if forward is None:
            raise Refuse(node, "the class has no forward")
        context = Root(network)
        values = arguments_of(forward, drawn)
        return network.call_signature(context, forward, root, "forward", values, {})
    except Refuse as refuse:
        if not hasattr(refuse.node, "lineno"):
            refuse.node = node
        network.refusals.add(refuse)
    except Poisoned:
        pass
    # A type that was learned on the way is a reason to begin anew.
    network.changed = network.learned
    return None


class Root:
    """Who calls `forward` of the class itself."""

    def __init__(self, network):
        self.network = network

    def use(self, value):
        pass

    def expression(self, node):
        try:
            return Known(ast.literal_eval(node))
        except ValueError:
            raise Refuse(node, "a default value of this kind has no Rust") from None


def arguments_of(forward, drawn):
    """What `forward` is called with: as many tensors as are drawn, or as it has no defaults for."""
    if drawn is not None:
        return [value_of(forward, value) for value in drawn]
    arguments = forward.args
    count = len(arguments.args) - 1 - len(arguments.defaults)
    return [Rust("x", "tensor", "ref") for _ in range(count)]


def value_of(node, value):
    if isinstance(value, torch.Tensor):
        return Rust("x", "tensor", "ref")
    if (
        isinstance(value, (tuple, list))
        and value
        and all(isinstance(v, torch.Tensor) for v in value)
    ):
        kind = "tensors" if isinstance(value, list) else ("tensor",) * len(value)
        return Rust("x", kind, "ref")
    if value is None or isinstance(value, (bool, str)):
        return Known(value)
    if isinstance(value, (int, float)):
        return Known(value)
    raise Refuse(node, f"an input of type {type(value).__name__} has no Rust")


def draw(source, inputs):
    """Two draws of the inputs, with two sizes of a batch where the file draws them."""
    torch.manual_seed(0)
    if inputs:
        return [[evaluate_tensor(source, text, size) for text in inputs] for size in (2, 3)]
    function = getattr(source.module, "draw_input", None)
    if function is None:
        return []
    takes_size = bool(inspect.signature(function).parameters)
    drawn = []
    for size in (2, 3) if takes_size else (None,):
        try:
            value = function(size) if takes_size else function()
        except Exception as error:
            raise Wrong(f"{source.path}: draw_input: {one_line(error)}") from error
        drawn.append(list(value) if isinstance(value, tuple) else [value])
    return drawn


def shapes(facts, drawn):
    """`(N, 784)` float32 → `(N, 10)` float32."""
    if not drawn:
        return ""
    outputs = []
    try:
        with torch.no_grad(), silence():
            for values in drawn:
                output = facts.model(*values)
                outputs.append(output if isinstance(output, (tuple, list)) else (output,))
    except Exception as error:
        raise Wrong(
            f"{facts.source.path}: {facts.cls.__name__}: forward: {one_line(error)}"
        ) from error
    left = [shape_text(v) for v in zip(*drawn) if isinstance(v[0], torch.Tensor)]
    right = [shape_text(v) for v in zip(*outputs) if isinstance(v[0], torch.Tensor)]
    return f"{', '.join(left)} → {', '.join(right)}."


def nn_names():
    """The public names of torch_parity::nn."""
    names = {"functional", "init", "utils"}
    for path in (library.sources() / "src" / "nn").rglob("*.rs"):
        text = path.read_text(encoding="utf-8")
        names |= set(re.findall(r"pub (?:fn|struct|enum|type|trait) (\w+)", text))
        names |= set(re.findall(r"^    ([A-Z]\w*)\b(?= *(?:[{=|(]))", text, re.MULTILINE))
        names |= set(re.findall(r"\b([A-Z]\w*\dd) = \d", text))
        names |= set(re.findall(r"\b((?:batch|instance)_norm[123]d)\b", text))
    return names


def translate_expression(ported, text, names):
    """An expression such as `F.cross_entropy(output, target)` in Rust.

    `names` gives the type of each variable, `{"output": "tensor"}`; it is there in Rust under the
    same name, as a value. Raises `Refused`.
    """
    source = Source.__new__(Source)
    source.path, source.text, source.lines = text, text, [text]
    source.functions = ported.source.functions if ported else {}
    source.classes = {}
    try:
        source.tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise Wrong(f"{text!r}: {error.msg}") from error
    module = type(torch)("expression")
    vars(module).update({"torch": torch, "F": torch.nn.functional, "nn": torch.nn})
    if ported:
        vars(module).update(vars(ported.source.module))
    source.module = module
    network = Network(source, None)
    env = {n: Rust(n, kind, "place", local=Local(n, 0, 0)) for n, kind in names.items()}
    item = Item(source, 1)
    body = Forward(network, None, item, source.tree, env, Signature(None, trains=True))
    try:
        value = body.expression(source.tree.body)
    except Refuse as refuse:
        raise Refused([f"`{text}`: {refuse.reason}"]) from None
    if not isinstance(value, Rust):
        raise Refused([f"`{text}`: it is not a tensor"])
    return value.text
