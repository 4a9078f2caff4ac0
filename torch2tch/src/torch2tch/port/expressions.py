"""Expressions: a syntax tree of Python to a value (see values.py)."""

import ast
import builtins

from .calls import Calls
from .conditions import Conditions
from .indexing import Indexing
from .operators import Operators
from .refusals import Poisoned, Refuse
from .render import Unfit, render
from .values import (
    ATOM,
    UNARY,
    Items,
    Known,
    Layer,
    Method,
    Poison,
    Rust,
    SelfValue,
    TensorMethod,
    is_known,
    is_tensor,
    known,
    parenthesized,
    string_text,
)


class Expressions(Calls, Conditions, Indexing, Operators):
    """Translates the expressions of one function. The caller has `env`, `port`, `cls`."""

    def expression(self, node):
        handler = getattr(self, f"on_{type(node).__name__}", None)
        if handler is None:
            raise Refuse(node, f"{type(node).__name__} has no Rust")
        try:
            value = handler(node)
        except Unfit:
            raise Refuse(node, "the types do not fit") from None
        if isinstance(value, Poison):
            raise Poisoned
        return value

    def on_Constant(self, node):
        return Known(node.value)

    def on_Name(self, node):
        if node.id in self.env:
            return self.env[node.id]
        module = vars(self.port.source.module)
        if node.id in self.port.source.functions and callable(module.get(node.id)):
            return Method(None, node.id)
        if node.id in module:
            return Known(module[node.id])
        if hasattr(builtins, node.id):
            return Known(getattr(builtins, node.id))
        raise Refuse(node, "the name is not known")

    def on_Tuple(self, node):
        values = [self.expression(e) for e in node.elts]
        return self.folded(Items(values))

    def on_List(self, node):
        values = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                values += self.unpacked(element)
            else:
                values.append(self.expression(element))
        return Items(values, "list")

    def on_Dict(self, node):
        pairs = [(self.known_of(k), self.expression(v)) for k, v in zip(node.keys, node.values)]
        if all(is_known(v) for _, v in pairs):
            return Known({k: known(v) for k, v in pairs})
        return Known(dict(pairs))

    def folded(self, items):
        try:
            return Known(known(items))
        except LookupError:
            return items

    def known_of(self, node, reason="its value is not known before the network runs"):
        try:
            return known(self.expression(node))
        except LookupError:
            raise Refuse(node, reason) from None

    def unpacked(self, node):
        """The elements of `*node`."""
        value = self.expression(node.value)
        if isinstance(value, Items):
            return value.values
        if isinstance(value, Known) and isinstance(value.value, (tuple, list, range)):
            return [Known(v) for v in value.value]
        if isinstance(value, Rust) and value.type == "shape":
            return [Rust(value.text, "spread", value.form)]
        raise Refuse(node, "its length is not known")

    # Attributes

    def on_Attribute(self, node):
        value = self.expression(node.value)
        name = node.attr
        if isinstance(value, SelfValue):
            return self.attribute_of_self(node, name)
        if isinstance(value, Known):
            try:
                return Known(getattr(value.value, name))
            except AttributeError as error:
                raise Refuse(node, str(error)) from None
        if is_tensor(value):
            return self.attribute_of_tensor(node, value, name)
        if isinstance(value, Layer):
            return self.attribute_of_layer(node, value, name)
        if isinstance(value, Items) and name in ("append", "extend", "items", "keys", "values"):
            return TensorMethod(value, name)
        if isinstance(value, Rust) and value.type == "packed" and name == "data":
            self.use(value)
            return Rust(f"{parenthesized(value, ATOM)}.data()", "tensor", "ref")
        if isinstance(value, Rust):
            return TensorMethod(value, name)
        raise Refuse(node, f"the attribute {name} is not known")

    def attribute_of_tensor(self, node, value, name):
        receiver = lambda: render(value, "receiver", self)  # noqa: E731
        match name:
            case "shape":
                return Rust(f"{receiver()}.size()", "shape")
            case "T":
                return Rust(f"{receiver()}.tr()", "tensor")
            case "mT":
                return Rust(f"{receiver()}.transpose(-2, -1)", "tensor")
            case "device":
                return Rust(f"{receiver()}.device()", "device")
            case "dtype":
                return Rust(f"{receiver()}.kind()", "kind")
            case "ndim":
                return Rust(f"{receiver()}.dim() as i64", "int", level=UNARY)
            case "data":
                return Rust(value.text, "data", value.form, value.level, value.local)
            case "is_cuda":
                return Rust(f"{receiver()}.device().is_cuda()", "bool")
            case "is_xpu":
                return Known(False)  # a device that tch does not have
        return TensorMethod(value, name)

    def attribute_of_layer(self, node, value, name):
        found = self.port.attribute_of_layer(value, name)
        if found is None:
            raise Refuse(node, f"the attribute {name} of this layer has no Rust")
        return found

    def on_JoinedStr(self, node):
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(part.value)
            else:
                value = self.expression(part.value)
                if not is_known(value) or part.format_spec:
                    raise Refuse(node, "the text is not known before the network runs")
                parts.append(str(known(value)))
        return Known("".join(parts))

    def on_Starred(self, node):
        raise Refuse(node, "`*` has no Rust here")

    def on_Lambda(self, node):
        return Method("lambda", node)

    def message(self, node):
        """The text of an assertion, for Rust's `format!`."""
        if isinstance(node, ast.JoinedStr):
            text, arguments = "", []
            for part in node.values:
                if isinstance(part, ast.Constant):
                    text += part.value.replace("{", "{{").replace("}", "}}")
                    continue
                value = self.expression(part.value)
                if is_known(value):
                    text += str(known(value))
                else:
                    self.use(value)
                    text += "{:?}"
                    arguments.append(value.text)
            return ", ".join([string_text(text), *arguments])
        return string_text(str(self.known_of(node)).replace("{", "{{").replace("}", "}}"))
