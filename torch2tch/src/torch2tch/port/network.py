"""The port of one class of a file, with the classes that it uses."""

from dataclasses import dataclass, field

from . import loops
from .calls import bind
from .constructor import Constructor
from .initialization import PARAMETERS
from .layer_arguments import LayerArguments, is_layer
from .mirror import Item
from .names import Local, snake
from .refusals import Poisoned, Refusals, Refuse
from .render import render
from .signatures import Signatures, same
from .specs import Spec
from .values import (
    SELF,
    Built,
    Known,
    Layer,
    Method,
    Poison,
    Rust,
    SelfValue,
    TensorMethod,
    is_known,
    known,
)

RUST_TYPES = {
    "int": "i64",
    "float": "f64",
    "bool": "bool",
    "tensor": "&Tensor",
    "tensors": "&[Tensor]",
    "shape": "&[i64]",
    "option": "Option<&Tensor>",
    "lstm_state": "&LSTMState",
    "packed": "&utils::rnn::PackedSequence",
    "device": "Device",
    "kind": "Kind",
}
RETURNS = {
    "int": "i64",
    "float": "f64",
    "bool": "bool",
    "tensor": "Tensor",
    "tensors": "Vec<Tensor>",
    "shape": "Vec<i64>",
}


@dataclass
class ClassPort:
    name: str
    node: object
    init: object
    cls: type
    fields: dict = field(default_factory=dict)
    known: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)  # of `new`: name: type
    items: list = field(default_factory=list)
    places: dict = field(default_factory=dict)  # of layers that it is given: the path within it

    def class_attribute(self, name):
        value = getattr(self.cls, name, None)
        if name in vars(self.cls) and not callable(value):
            return Known(value)
        return None


class Network(LayerArguments, Signatures):
    def __init__(self, source, facts):
        self.source, self.facts = source, facts
        self.signatures = {}
        self.given_layers = {}  # (class, argument): what layer it is
        self.changed = self.learned = False
        # Variables of Rust whose integers may be below zero.
        self.signed = set()
        self.restart()

    def restart(self):
        """A round begins anew but for what is known of the methods."""
        self.refusals = Refusals(self.source)
        self.classes, self.order_of_classes = {}, []
        self.locals, self.functions = [], {}
        self.order, self.drawn = 0, -1
        for signature in self.signatures.values():
            signature.done = False

    def next_order(self):
        self.order += 1
        return self.order

    # Classes

    def class_port(self, name):
        if name not in self.classes:
            self.open_class(name)
        return self.classes[name]

    def open_class(self, name):
        node = self.source.classes[name]
        cls = getattr(self.source.module, name)
        bases = [b for b in cls.__mro__[1:] if b is not object]
        if bases[0].__name__ != "Module":
            raise Refuse(
                node.bases[0] if node.bases else node,
                f"{name} stands on {bases[0].__name__}, which has no Rust",
            )
        init = self.source.method(name, "__init__")
        port = self.classes[name] = ClassPort(name, node, init, cls)
        if init is None:
            self.order_of_classes.append(port)
            return
        item = Item(self.source, init.lineno)
        env = self.constructor_environment(port)
        drawn, self.drawn = self.drawn, -1
        constructor = Constructor(self, port, item, env)
        constructor.block(init.body)
        constructor.finish()
        self.drawn = drawn
        port.items.append(("new", item, init))
        self.order_of_classes.append(port)

    def constructor_environment(self, port):
        """Arguments that are the same in every instance are known; the others are Rust's."""
        instances = self.facts.of(port.name)
        arguments = port.init.args
        if arguments.vararg or arguments.kwarg:
            raise Refuse(port.init, "a constructor with `*` or `**` has no Rust")
        names = [a.arg for a in arguments.args + arguments.kwonlyargs]
        env = {names[0]: SELF}
        for name in names[1:]:
            values = instances.argument(name)
            env[name] = self.argument(port, name, values)
        return env

    def argument(self, port, name, values):
        if any(is_layer(v) for v in values):
            return self.layer_argument(port, name, values)
        if all(same(v, values[0]) for v in values):
            return Known(values[0])
        for kind, types in (("bool", (bool,)), ("int", (int,)), ("float", (float, int))):
            if all(type(v) in types for v in values):
                local = Local(snake(name), 0, len(self.locals))
                self.locals.append(local)
                port.parameters[name] = (kind, local)
                return Rust(local.name, kind, "owned", local=local)
        return Poison()

    def build_class(self, context, node, name, positional, keywords):
        """A helper module as a layer."""
        init = self.source.method(name, "__init__")
        bound = bind(node, init, positional, keywords, context.expression, True) if init else {}
        self.give_layers(node, name, bound)
        port = self.class_port(name)
        given = {
            n: v
            for n, v in bound.items()
            if isinstance(v, Built)
            or (n in port.parameters and port.parameters[n][0] not in RUST_TYPES)
        }
        texts = {
            parameter: render(bound[parameter], kind, context)
            for parameter, (kind, _) in port.parameters.items()
            if parameter not in given
        }

        def emit(path):
            found = [
                texts[p] if p in texts else self.layer_text(node, port, p, given[p], path)
                for p in port.parameters
            ]
            return f"{name}::new({', '.join([path.reference, *found])})"

        layers = [value for value in given.values() if isinstance(value, Built)]
        return Built(
            Spec("class", name, False, name=name), emit, self.next_order(), arguments=layers
        )

    # Fields in `forward`

    def field_value(self, port, node, name):
        if name in port.fields:
            found = port.fields[name]
            match found.spec.kind:
                case "tensor":
                    return Rust(f"self.{found.name}", "tensor", "place")
                case "number":
                    return Rust(f"self.{found.name}", found.spec.number)
            return Layer(found.spec, f"self.{found.name}")
        if name in port.known:
            if isinstance(port.known[name], Poison):
                raise Poisoned
            return port.known[name]
        value = port.class_attribute(name)
        if value is not None:
            return value
        if self.source.method(port.name, name) is not None:
            return Method(port, name, "self")
        raise Refuse(node, f"self.{name} is not known")

    # Loops over layers, and the elements of lists

    def iteration(self, context, node, target, iterable):
        return loops.iteration(self, context, node, target, iterable)

    def comprehension(self, context, node):
        return loops.comprehension(self, context, node)

    def layer_element(self, context, node, value, index):
        spec = value.spec
        if spec.kind == "list":
            if is_known(index) and isinstance(known(index), int):
                place = known(index)
                if place < 0:
                    return Layer(spec.item, f"{value.text}[{value.text}.len() - {-place}]")
                return Layer(spec.item, f"{value.text}[{place}]")
            return Layer(spec.item, f"{value.text}[{render(index, 'index', context)}]")
        if spec.kind == "dict" and is_known(index):
            return Layer(spec.item, f"{value.text}[{spec.names.index(known(index))}]")
        raise Refuse(node, "an element of this has no Rust")

    def layer_length(self, context, node, value):
        if value.spec.kind in ("list", "dict"):
            return (
                Rust(f"{value.text}.len() as i64", "int", level=1)
                if not value.spec.names
                else Known(len(value.spec.names))
            )
        raise Refuse(node, "its length has no Rust")

    def first_parameter(self, node, receiver, owner):
        """The first of `parameters()`: those of its own come before those of its layers."""
        of_self = isinstance(receiver, SelfValue)
        if of_self or receiver.spec.kind == "class":
            start = "self" if of_self else receiver.text
            fields = (owner if of_self else self.class_port(receiver.spec.name)).fields.values()
            own = [f for f in fields if f.spec.kind == "tensor" and f.spec.name == "parameter"]
            if own:
                return Rust(f"{start}.{own[0].name}", "tensor", "place")
            drawn = [
                f
                for f in fields
                if f.spec.kind not in ("number", "tensor", "inplace")
                and not (f.spec.kind == "row" and "{path}" not in f.spec.row.new)
            ]
            if drawn:
                layer = Layer(drawn[0].spec, f"{start}.{drawn[0].name}")
                return self.first_parameter(node, layer, owner)
        elif receiver.spec.kind == "row":
            text = PARAMETERS.get((receiver.spec.row.type, "weight"), "?")
            if not text.endswith("?"):
                return Rust(f"{receiver.text}.{text}", "tensor", "place")
        raise Refuse(node, "the first parameter of this has no Rust")

    def attribute_of_layer(self, layer, name):
        if name == "parameters":
            return TensorMethod(layer, name)
        if layer.spec.kind == "row" and name in ("weight", "bias"):
            text = PARAMETERS.get((layer.spec.row.type, name))
            if text:
                return (
                    Rust(
                        f"{layer.text}.{text}",
                        "tensor" if not text.endswith("?") else "option",
                        "place",
                    )
                    if not text.endswith("?")
                    else Rust(f"{layer.text}.{text[:-1]}", "option", "place")
                )
        if layer.spec.kind == "class":
            port = self.class_port(layer.spec.name)
            found = port.fields.get(name)
            if found is not None and found.spec.kind not in ("number", "tensor"):
                return Layer(found.spec, f"{layer.text}.{found.name}")
            if found is not None:
                return Rust(f"{layer.text}.{found.name}", found.spec.number or "tensor", "place")
            if name in port.known:
                return port.known[name]
            if self.source.method(port.name, name) is not None:
                return Method(port, name, layer.text)
        return None
