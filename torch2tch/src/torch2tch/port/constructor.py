"""`__init__`: the fields of the struct, and `new`."""

import ast
from dataclasses import dataclass

import torch

from . import build, initialization
from .calls_of_new import CallsOfNew
from .contexts import ContextsOfNew
from .fields import Fields
from .names import snake
from .refusals import Refuse
from .render import render
from .specs import Spec
from .statements import Body
from .unrolled import Unrolled
from .values import (
    Built,
    Items,
    Known,
    Method,
    Poison,
    Rust,
    SelfValue,
    TensorMethod,
    is_known,
    is_tensor,
    known,
)


@dataclass
class Field:
    """A field of the struct; `lines` are the first and last Python line that made it."""

    name: str
    spec: Spec
    built: Built
    lines: tuple
    emitted: bool = False
    local: object = None


class Constructor(CallsOfNew, Unrolled, Fields, ContextsOfNew, Body):
    def __init__(self, port, cls, item, env):
        super().__init__(port, cls, item, cls.init, env)
        self.fields = cls.fields
        self.known = cls.known
        self.super_line = cls.init.lineno
        self.flushed = False
        self.inlined = 0
        self.capture = None
        self.unrolling = 0
        self.collected = self.place = None
        self.tied = initialization.tied(cls.init, port.facts.of(cls.name).objects)

    def grows_in_loop(self, name):
        return False

    def varies(self, name):
        return False

    def device(self):
        return "vs.device()"

    def poison(self, statement):
        super().poison(statement)
        if isinstance(statement, ast.Return):
            self.result = Poison()
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self.known[node.attr] = Poison()

    # Attributes of self

    def attribute_of_self(self, node, name):
        if name in self.fields:
            field = self.fields[name]
            if field.spec.kind == "number":
                return Rust(field.built.emit(None), field.spec.number)
            if field.spec.kind == "tensor":
                self.flush()
            return field.built if not field.emitted else self.emitted_field(field)
        if name in self.known:
            return self.known[name]
        found = self.owner.class_attribute(name)
        if found is not None:
            return found
        if self.port.source.method(self.owner.name, name) is not None:
            return Method(self.owner, name, "self")
        if hasattr(torch.nn.Module, name):
            return TensorMethod(SelfValue(), name)
        raise Refuse(node, f"self.{name} is not known yet")

    def emitted_field(self, field):
        if field.spec.kind == "tensor":
            return Rust(field.local.name, "tensor", "place", local=field.local)
        return field.built

    def on_Attribute(self, node):
        # What a layer has is reached through the variable that the layer is in.
        value = self.expression(node.value)
        if isinstance(value, Built):
            return self.attribute_of_built(node, value, node.attr)
        if isinstance(value, Rust) and value.type == "data":
            return TensorMethod(
                Rust(value.text, "tensor", value.form, value.level, value.local), node.attr
            )
        return super().on_Attribute(node)

    def attribute_of_built(self, node, value, name):
        if name in (
            "to",
            "cuda",
            "cpu",
            "append",
            "extend",
            "add_module",
            "apply",
            "parameters",
            "modules",
            "insert",
            "items",
            "values",
            "keys",
        ):
            return TensorMethod(value, name)
        if value.spec.kind in ("tensor", "row"):
            field = self.field_of(value)
            if field is not None:
                self.flush()
                return initialization.attribute(self, node, field, value, name)
        raise Refuse(node, f"the attribute {name} of a layer that is being made has no Rust")

    def field_of(self, built):
        return next((f for f in self.fields.values() if f.built is built), None)

    # Statements

    def do_Expr(self, node):
        call = node.value
        if not isinstance(call, ast.Call):
            raise Refuse(node, "the statement has no Rust")
        if is_super_init(call):
            if call.args and not (
                isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
            ):
                raise Refuse(node, "the class that it stands on is not nn.Module alone")
            self.super_line = node.end_lineno
            return False
        function = self.expression(call.func)
        owner = getattr(getattr(function, "value", None), "__self__", None)
        if isinstance(owner, torch.Tensor):
            function = TensorMethod(Known(owner), function.value.__name__)
        if isinstance(function, TensorMethod) and isinstance(function.receiver, (Built, Items)):
            return self.change_of_list(node, function, call)
        if isinstance(function, TensorMethod) and isinstance(function.receiver, SelfValue):
            return self.call_on_self(node, function.name, call)
        if isinstance(function, Method):
            return self.inline(node, function, call)
        if isinstance(function, Known) and function.value is print:
            return False
        if isinstance(function, TensorMethod) or initialization.is_init(function):
            return initialization.statement(self, node, function, call)
        raise Refuse(node, "the statement has no Rust")

    def change_of_list(self, node, function, call):
        receiver = function.receiver
        arguments = self.arguments(call)[0] if function.name != "apply" else []
        if function.name == "apply" and self.field_of(receiver) is not None:
            return initialization.apply(self, node, call.args[0], self.field_of(receiver))
        if isinstance(receiver, Items):
            if function.name == "append":
                receiver.values.append(arguments[0])
            elif function.name == "extend" and self.sequence(arguments[0]) is not None:
                receiver.values.extend(self.sequence(arguments[0]))
            elif function.name == "insert" and is_known(arguments[0]):
                receiver.values.insert(known(arguments[0]), arguments[1])
            else:
                raise Refuse(node, f"the method {function.name} of a list has no Rust here")
            return False
        if function.name in ("append", "add_module", "extend") and receiver.spec.kind in (
            "list",
            "sequential",
        ):
            added = [(str(len(receiver.children)), v) for v in arguments]
            if function.name == "extend":
                start = len(receiver.children)
                values = self.sequence(arguments[0]) or []
                added = [(str(start + i), v) for i, v in enumerate(values)]
            if function.name == "add_module":
                added = [(known(arguments[0]), arguments[1])]
            for name, value in added:
                receiver.children.append((name, build.check(node, value)))
            self.refresh(node, receiver)
            field = self.field_of(receiver)
            if field:
                field.lines = (field.lines[0], max(field.lines[1], self.last_line(node)))
            return False
        raise Refuse(node, f"the method {function.name} of a layer has no Rust here")

    def refresh(self, node, built):
        if built.spec.kind == "list":
            build.refresh(self, node, built)
            return
        again = build.sequential(self, node, built.children)
        built.spec.type, built.spec.trains = again.spec.type, again.spec.trains

    def last_line(self, node):
        return getattr(self, "statement_end", None) or node.end_lineno

    def call_on_self(self, node, name, call):
        arguments, keywords = self.arguments(call) if name != "apply" else ([], {})
        match name:
            case "register_buffer":
                return self.register_buffer(node, arguments, keywords)
            case "register_parameter" | "add_module":
                if isinstance(arguments[1], Known) and arguments[1].value is None:
                    self.known[known(arguments[0])] = Known(None)
                    return False
                return self.set_field(node, known(arguments[0]), arguments[1])
            case "apply":
                return initialization.apply(self, node, call.args[0])
            case "train" | "eval" | "to" | "requires_grad_":
                raise Refuse(node, "the statement has no Rust")
        raise Refuse(node, f"self.{name} has no Rust")

    def register_buffer(self, node, arguments, keywords):
        name = known(arguments[0])
        persistent = arguments[2] if len(arguments) > 2 else keywords.get("persistent", Known(True))
        value = arguments[1] if len(arguments) > 1 else keywords["tensor"]
        if isinstance(value, Known) and value.value is None:
            self.known[name] = value
            return False
        if not is_tensor(value):
            raise Refuse(node, "only a tensor is a buffer")
        text = self.moved(value)
        if not known(persistent):
            return self.set_field(
                node,
                name,
                Built(
                    Spec("tensor", "Tensor", name="plain"), lambda path: text, self.order_of(text)
                ),
            )
        built = Built(
            Spec("tensor", "Tensor", name="buffer"),
            lambda path: f'vs.add("{name}", {text}, false)',
            self.order_of(text),
        )
        return self.set_field(node, name, built)

    def order_of(self, text):
        return self.port.next_order()

    def moved(self, value):
        """A tensor that the store takes: a variable is given away."""
        self.use(value)
        if value.form == "place" and value.local is not None and value.local.depth == 0:
            return value.text
        return render(value, "owned", self)

    def assign_attribute(self, node, target, value):
        if not isinstance(target.value, ast.Name) or target.value.id != self.self_name:
            return initialization.assign(self, node, target, value)
        return self.set_field(node, target.attr, value)

    @property
    def self_name(self):
        return self.function.args.args[0].arg

    def set_field(self, node, name, value):
        lines = (self.first_line_of(node), self.last_line(node))
        if isinstance(value, Built):
            if self.capture is not None:
                self.capture[name] = value
                return False
            old = self.fields.get(name)
            if old is not None and (old.emitted or build.orders(old.built)):
                raise Refuse(node, f"self.{name} is made twice")
            if any(f.built is value for f in self.fields.values()):
                raise Refuse(node, "one layer under two names has no Rust")
            if value.spec.kind == "parameter":
                value = self.parameter(name, value)
            if value.spec.kind == "class":
                self.port.class_port(value.spec.name)
            self.known.pop(name, None)
            self.fields[name] = Field(self.field_name(node, name), value.spec, value, lines)
            return False
        if isinstance(value, Known) or (isinstance(value, Items) and is_known(value)):
            value = Known(known(value))
            if self.capture is not None:
                self.capture[name] = value
                return False
            self.known[name] = self.settled(node, name, value)
            return False
        if isinstance(value, Rust) and value.type in ("int", "float", "bool"):
            text = value.text
            self.use(value)
            spec = Spec(
                "number", {"int": "i64", "float": "f64"}.get(value.type, "bool"), number=value.type
            )
            self.fields[name] = Field(
                self.field_name(node, name), spec, Built(spec, lambda path: text), lines
            )
            return False
        if is_tensor(value):
            text = self.moved(value)
            spec = Spec("tensor", "Tensor", name="plain")
            built = Built(spec, lambda path: text, self.port.next_order())
            self.fields[name] = Field(self.field_name(node, name), spec, built, lines)
            return False
        if isinstance(value, (Method,)):
            self.known[name] = value
            return False
        raise Refuse(node, f"self.{name} is of a kind that has no Rust")

    def field_name(self, node, name):
        """The name of the field in Rust, which no other attribute may have."""
        rust = snake(name)
        if any(field.name == rust and other != name for other, field in self.fields.items()):
            raise Refuse(node, f"self.{name} and another attribute have one name in Rust, {rust}")
        return rust

    def settled(self, node, name, value):
        return value

    def first_line_of(self, node):
        return getattr(self, "statement_start", None) or node.lineno

    def parameter(self, name, value):
        text = value.spec.name
        return Built(
            Spec("tensor", "Tensor", name="parameter"),
            lambda path: f'vs.add("{name}", {text}, {value.spec.number})',
            value.order,
        )

    def emit(self, text, node, last=None):
        self.flush()
        first, end = self.first_line_of(node), self.last_line(node)
        self.item.add(self.indent, text, first, end)


def is_super_init(call):
    function = call.func
    if not (isinstance(function, ast.Attribute) and function.attr == "__init__"):
        return False
    value = function.value
    if (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "super"
    ):
        return True
    return isinstance(value, (ast.Attribute, ast.Name)) and ast.unparse(value).endswith("Module")
