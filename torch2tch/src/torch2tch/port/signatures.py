"""Calls of layers and methods, and what they tell of the parameters."""

from dataclasses import dataclass, field

from .calls import bind
from .forward import Forward
from .layer_calls import call as call_of_layer
from .mirror import Item
from .names import Local, snake
from .refusals import Poisoned, Refuse
from .render import render
from .values import SELF, Items, Known, Layer, Method, Poison, Rust, is_known, is_tensor, known


@dataclass
class Signature:
    """A method: what is known of its parameters from its calls, and what it returns."""

    node: object
    parameters: dict = field(default_factory=dict)  # name: Known or a type
    returns: object = None
    trains: bool = False
    changed: set = field(default_factory=set)  # arguments that it changes in place
    running: bool = False
    done: bool = False


class Signatures:
    """What a network's methods are called with, and what they give."""

    def call_layer(self, context, node, layer, positional, keywords):
        spec = layer.spec
        if spec.kind == "class":
            return self.call_class(context, node, layer, positional, keywords)
        if spec.kind == "option":
            # Where it is not there, Python fails as well.
            text = context.present.get(layer.text, f"{layer.text}.as_ref().unwrap()")
            inner = Layer(spec.item, text, "ref")
            return self.call_layer(context, node, inner, positional, keywords)
        if spec.kind == "inplace" and not spec.name:
            raise Refuse(node, f"{spec.type} in place has no Rust here")
        if spec.kind == "inplace":
            context.changes(node, positional[0])
            return Rust(f"{render(positional[0], 'receiver', context)}.{spec.name}()", "tensor")
        if spec.kind == "row" and spec.row.call not in ("", "train"):
            return call_of_layer(self, context, node, layer, positional, keywords)
        if not spec.is_unary or len(positional) != 1 or keywords:
            raise Refuse(node, "the layer is not called with one tensor")
        if not is_tensor(positional[0]):
            raise Refuse(node, "the layer is not called with a tensor")
        return self.apply(context, layer, positional[0])

    def apply(self, context, layer, value):
        spec = layer.spec
        reference = layer.text if layer.form == "ref" else f"&{layer.text}"
        if spec.kind == "boxed":
            argument = render(value, "ref", context)
            if spec.trains:
                return Rust(f"{layer.text}.forward_t({argument}, {context.train()})", "tensor")
            return Rust(f"{layer.text}.forward({argument})", "tensor")
        receiver = render(value, "receiver", context)
        if spec.trains:
            return Rust(f"{receiver}.apply_t({reference}, {context.train()})", "tensor")
        return Rust(f"{receiver}.apply({reference})", "tensor")

    def call_class(self, context, node, layer, positional, keywords):
        port = self.class_port(layer.spec.name)
        signature = self.call_signature(context, node, port, "forward", positional, keywords)
        layer.spec.trains = signature.trains
        if is_simple(signature):
            return self.apply(
                context, layer, positional[0] if positional else next(iter(keywords.values()))
            )
        return self.call_text(
            context, node, port, signature, layer.text, "forward", positional, keywords
        )

    def simple(self, context, node, spec):
        """A helper module takes one tensor and gives one."""
        if spec.name in self.classes and self.classes[spec.name] not in self.order_of_classes:
            # A class that holds itself: what was found of it in the round before.
            found = self.signatures.get((spec.name, "forward"))
            spec.trains = found is not None and found.trains
            return
        signature = self.call_signature(
            context, node, self.class_port(spec.name), "forward", [Rust("x", "tensor", "ref")], {}
        )
        if not is_simple(signature):
            raise Refuse(node, f"{spec.name} does not take one tensor and give one")
        spec.trains = signature.trains

    def call_method(self, context, node, function, positional, keywords):
        if function.owner == "lambda":
            raise Refuse(node, "a lambda has no Rust here")
        signature = self.call_signature(
            context, node, function.owner, function.name, positional, keywords
        )
        receiver = function.receiver
        return self.call_text(
            context, node, function.owner, signature, receiver, function.name, positional, keywords
        )

    def call_text(self, context, node, owner, signature, receiver, name, positional, keywords):
        bound = bind(
            node, signature.node, positional, keywords, context.expression, owner is not None
        )
        texts = []
        for parameter, kind in signature.parameters.items():
            if isinstance(kind, Known):
                continue
            texts.append(self.argument_text(context, node, bound[parameter], kind))
        if signature.trains:
            texts.append(context.train())
        rust = forward_name(signature) if name == "forward" else snake(name)
        start = f"{receiver}.{rust}" if receiver else rust
        return Rust(f"{start}({', '.join(texts)})", signature.returns)

    def argument_text(self, context, node, value, kind):
        match kind:
            case "tensor":
                return render(value, "ref", context)
            case "int" | "float" | "bool":
                return render(value, kind, context)
            case "option":
                return render(value, "option_ref", context)
            case "tensors" if isinstance(value, Items):
                # A method of the network's own takes tensors, where torch's functions take
                # references.
                return f"&[{', '.join(render(v, 'owned', context) for v in value.values)}]"
            case "tensors" | "packed":
                return render(value, kind, context)
            case "shape":
                return f"&{render(value, 'ints', context)}"
        if isinstance(kind, tuple):
            return self.tuple_text(context, node, value, kind)
        context.use(value)
        if isinstance(value, Rust) and kind == "lstm_state":
            return value.text if value.form == "ref" else f"&{value.text}"
        if isinstance(value, Rust) and kind in ("device", "kind"):
            return value.text
        raise Refuse(node, "an argument of this type has no Rust")

    def tuple_text(self, context, node, value, kind):
        if isinstance(value, Rust) and value.type == kind:
            values = [
                Rust(f"{value.text}.{i}", k, "place", local=value.local) for i, k in enumerate(kind)
            ]
        else:
            values = context.sequence(value)
        texts = [self.argument_text(context, node, v, k) for v, k in zip(values, kind)]
        return f"({', '.join(texts)})"

    def call_signature(self, context, node, owner, name, positional, keywords):
        key = (owner.name if owner else None, name)
        if key not in self.signatures:
            method = self.source.method(owner.name, name) if owner else self.source.functions[name]
            if method is None:
                raise Refuse(node, f"there is no method {name}")
            self.signatures[key] = Signature(method)
        signature = self.signatures[key]
        bound = bind(
            node, signature.node, positional, keywords, context.expression, owner is not None
        )
        for parameter, value in bound.items():
            self.merge(node, signature, parameter, value)
        if not signature.done:
            self.translate_method(node, owner, name, signature)
        if signature.returns is None:
            if signature.done and self.refusals.places:
                raise Poisoned
            raise Refuse(node, f"what {name} gives is not known")
        if signature.trains and hasattr(context, "train"):
            context.train()
        return signature

    def merge(self, node, signature, parameter, value):
        new = type_of(value)
        if new is None:
            raise Refuse(node, f"the argument {parameter} is of a type that has no Rust")
        old = signature.parameters.get(parameter)
        if old is None:
            signature.parameters[parameter] = new
            return
        merged = join(old, new)
        if merged is None:
            raise Refuse(node, f"the argument {parameter} has another type elsewhere")
        if not (isinstance(merged, Known) and isinstance(old, Known)) and merged != old:
            signature.parameters[parameter] = merged
            self.changed = True

    def translate_method(self, node, owner, name, signature):
        if signature.running:
            raise Refuse(node, f"{name} calls itself")
        signature.running = True
        method = signature.node
        item = Item(self.source, method.lineno)
        env, arguments = self.method_environment(owner, signature)
        before = (signature.returns, signature.trains)
        body = Forward(self, owner, item, method, env, signature)
        for local, _ in arguments:
            if local.name in signature.changed:
                variable = next(
                    v.local for v in env.values() if getattr(v, "text", "") == local.name
                )
                item.add(body.indent, f"let {variable.pattern()} = {local.name}.shallow_clone();")
        body.block(method.body)
        body.finish()
        signature.running, signature.done = False, True
        signature.returns = body.returns or signature.returns
        signature.arguments = arguments
        if (signature.returns, signature.trains) != before:
            self.changed = True
        if owner is not None:
            owner.items = [i for i in owner.items if i[0] != name] + [(name, item, method)]
        else:
            self.functions[name] = (item, method, signature)

    def method_environment(self, owner, signature):
        names = [a.arg for a in signature.node.args.args + signature.node.args.kwonlyargs]
        env, arguments = {}, []
        if owner is not None:
            env[names[0]] = SELF
            names = names[1:]
        for name in names:
            kind = signature.parameters[name]
            if isinstance(kind, Known):
                env[name] = kind
                continue
            local = Local(snake(name), 0, len(self.locals))
            self.locals.append(local)
            if local.name in signature.changed:
                local.used = True
                variable = Local(local.name, 0, len(self.locals))
                self.locals.append(variable)
                env[name] = Rust(local.name, kind, "place", local=variable)
                arguments.append((local, kind))
                continue
            form = "owned" if kind in ("int", "float", "bool", "device", "kind") else "ref"
            env[name] = self.parameter_value(local, kind, form)
            arguments.append((local, kind))
        return env, arguments

    def parameter_value(self, local, kind, form):
        if isinstance(kind, tuple):
            return Items(
                [Rust(f"{local.name}.{i}", k, "ref", local=local) for i, k in enumerate(kind)],
                local=local,
            )
        return Rust(local.name, kind, form, local=local)

    def poisoned(self, body):
        if isinstance(body, Forward) and body.returns is None:
            body.returns = body.signature.returns


def same(a, b):
    try:
        return (type(a) is type(b) and bool(a == b)) or a is b
    except Exception:
        return a is b


def type_of(value):
    """The type of an argument, or what it is if that is known."""
    if isinstance(value, Rust):
        return value.type
    if isinstance(value, (Layer, Method, Poison)):
        return None
    if is_known(value):
        return Known(known(value))
    if isinstance(value, Items):
        kinds = []
        for v in value.values:
            kind = type_of(v)
            kinds.append(
                {int: "int", float: "float", bool: "bool"}.get(type(kind.value))
                if isinstance(kind, Known)
                else kind
            )
        if None in kinds:
            return None
        if value.kind == "list" and set(kinds) == {"tensor"}:
            return "tensors"
        if set(kinds) == {"int"}:
            return "shape"
        return tuple(kinds)
    return None


def join(old, new):
    """The type of a parameter that is called with both."""
    if isinstance(old, Known) and isinstance(new, Known):
        if same(old.value, new.value):
            return old
        kinds = {type(old.value), type(new.value)}
        return {
            frozenset({int}): "int",
            frozenset({float}): "float",
            frozenset({int, float}): "float",
            frozenset({bool}): "bool",
        }.get(frozenset(kinds))
    if isinstance(new, Known):
        old, new = new, old
    if isinstance(old, Known):
        if old.value is None and new in ("tensor", "option"):
            return "option"
        if type(old.value) is int and new in ("int", "float"):
            return new
        if (type(old.value) is float and new == "float") or (
            type(old.value) is bool and new == "bool"
        ):
            return new
        return None
    if old == new:
        return old
    if {old, new} == {"tensor", "option"}:
        return "option"
    if {old, new} == {"int", "float"}:
        return "float"
    return None


def is_simple(signature):
    kinds = [k for k in signature.parameters.values() if not isinstance(k, Known)]
    return kinds == ["tensor"] and signature.returns == "tensor"


def forward_name(signature):
    return "forward_t" if signature.trains else "forward"
