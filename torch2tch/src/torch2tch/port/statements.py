"""Statements: the body of a Python function to that of a Rust function."""

import ast

from .assignments import WRAPPED, Assignments
from .contexts import Contexts
from .control import Control
from .expressions import Expressions
from .names import assigned
from .refusals import Poisoned, Refuse
from .render import Unfit, render
from .source import is_docstring
from .values import Items, Known, Poison, Rust, TensorMethod, is_known, is_number, is_tensor, known


class Body(Assignments, Contexts, Control, Expressions):
    """The translation of one function."""

    def __init__(self, port, owner, item, function, env):
        self.port, self.owner, self.item, self.function = port, owner, item, function
        self.env = dict(env)
        self.depth, self.indent = 0, 2
        self.returns = None
        self.names = {}
        self.loops = 0
        # Layers that are not there in every instance, where it is known that they are: their names.
        self.present = {}

    # What the renderers ask

    def use(self, value):
        if getattr(value, "local", None) is not None:
            value.local.used = True

    def device(self):
        return "Device::Cpu"

    def changes(self, node, value):
        """Notes that a tensor is changed in place."""
        if isinstance(value, Rust) and value.form == "ref":
            self.changes_argument(node, value)
        elif isinstance(value, Rust) and value.local is not None:
            value.local.mutable = True
        elif isinstance(value, Rust) and value.form != "owned":
            raise Refuse(node, "what the network keeps is changed in place")

    def changes_argument(self, node, value):
        raise Refuse(node, "what is changed in place has no Rust")

    # Statements

    def block(self, statements):
        for statement in statements:
            if is_docstring(statement):
                self.item.skip(statement)
                continue
            try:
                ended = self.statement(statement)
            except Refuse as refuse:
                if not hasattr(refuse.node, "lineno"):
                    refuse.node = statement
                self.port.refusals.add(refuse)
                self.poison(statement)
                ended = isinstance(statement, ast.Return)
            except Poisoned:
                self.poison(statement)
                ended = isinstance(statement, ast.Return)
            except Unfit:
                self.port.refusals.add(Refuse(statement, "the types do not fit"))
                self.poison(statement)
                ended = False
            if ended:
                return True
        return False

    def poison(self, statement):
        for name in assigned([statement]):
            self.env[name] = Poison()
        if isinstance(statement, ast.Return):
            self.port.poisoned(self)

    def statement(self, node):
        handler = getattr(self, f"do_{type(node).__name__}", None)
        if handler is None:
            raise Refuse(node, f"the statement {type(node).__name__} has no Rust")
        return handler(node)

    def emit(self, text, node, last=None):
        self.item.add(self.indent, text, node.lineno, last or node.end_lineno)

    def do_Pass(self, node):
        return False

    def do_Expr(self, node):
        value = node.value
        if isinstance(value, ast.Call):
            function = self.expression(value.func)
            if isinstance(function, TensorMethod) and function.name == "append":
                return self.append(node, function.receiver, value)
            if isinstance(function, Known) and function.value is print:
                raise Refuse(node, "a network that prints has no Rust")
        result = self.expression(value)
        if isinstance(result, Rust):
            self.emit(f"let _ = {result.text};", node)
        return False

    def append(self, node, receiver, call):
        (argument,) = call.args
        value = self.expression(argument)
        if isinstance(receiver, Items):
            if receiver.depth == self.depth and receiver.local is None:
                receiver.values.append(value)
                return False
            raise Refuse(node, "the list grows in a block, and was not empty before")
        return self.push(node, receiver, value)

    def push(self, node, receiver, value):
        if receiver.type != "tensors" or not is_tensor(value) or receiver.local is None:
            raise Refuse(node, "only tensors can be appended")
        receiver.local.mutable = receiver.local.used = True
        self.emit(f"{receiver.text}.push({render(value, 'owned', self)});", node)
        return False

    def do_Return(self, node):
        if node.value is None:
            raise Refuse(node, "a return without a value has no Rust")
        value = self.expression(node.value)
        text, kind = self.returned(node, value)
        if self.returns not in (None, kind):
            raise Refuse(node, "the function returns values of different types")
        self.returns = kind
        last = self.depth == self.closure
        self.emit(text if last else f"return {text};", node)
        return True

    def returned(self, node, value):
        """The text and the type of a value that leaves the function."""
        if is_tensor(value):
            self.use(value)
            if value.local is not None and value.form == "place":
                return value.text, "tensor"
            return render(value, "owned", self), "tensor"
        if isinstance(value, Known) and value.value is None:
            raise Refuse(node, "None as a result has no Rust")
        if is_number(value) and not self.is_bool(value):
            kind = "int" if self.is_int(value) else "float"
            return render(value, kind, self), kind
        if self.is_bool(value):
            return render(value, "bool", self), "bool"
        if isinstance(value, (Items, Known)) and not is_number(value):
            values = self.sequence(value)
            if values is None:
                raise Refuse(node, "such a result has no Rust")
            texts = []
            kinds = []
            for v in values:
                if (
                    is_tensor(v)
                    and v.local is not None
                    and v.form == "place"
                    and sum(w is v or getattr(w, "local", None) is v.local for w in values) == 1
                ):
                    self.use(v)
                    texts.append(v.text)
                    kinds.append("tensor")
                    continue
                text, kind = (
                    self.returned(node, v)
                    if not is_tensor(v)
                    else (render(v, "owned", self), "tensor")
                )
                texts.append(text)
                kinds.append(kind)
            if getattr(value, "kind", "tuple") == "list" and set(kinds) == {"tensor"}:
                return f"vec![{', '.join(texts)}]", "tensors"
            return f"({', '.join(texts)})", tuple(kinds)
        if isinstance(value, Rust) and value.type == "lstm_state" and value.form == "place":
            self.use(value)
            return f"{value.text}.0", ("tensor", "tensor")
        if (
            isinstance(value, Rust)
            and isinstance(value.type, tuple)
            and any(k not in ("tensor", "int", "float", "bool") for k in value.type)
        ):
            return self.taken_apart(node, value)
        if (isinstance(value, Rust) and value.type in ("tensors", "shape")) or (
            isinstance(value, Rust) and isinstance(value.type, tuple)
        ):
            self.use(value)
            if value.form == "ref":
                raise Refuse(node, "what came in goes out; it has no Rust")
            return value.text, value.type
        raise Refuse(node, "such a result has no Rust")

    def taken_apart(self, node, value):
        """What a recurrent layer gives, as tensors."""
        names, parts, kinds = [], [], []
        for i, kind in enumerate(value.type):
            name = ["output", "state", "third"][i]
            names.append(name)
            if kind not in ("tensor", "lstm_state", *WRAPPED):
                raise Refuse(node, "such a result has no Rust")
            struct = {"lstm_state": "LSTMState", **WRAPPED}.get(kind)
            parts.append(f"{struct}({name})" if struct else name)
            kinds.append(("tensor", "tensor") if kind == "lstm_state" else "tensor")
        self.item.add(self.indent, f"let ({', '.join(parts)}) = {value.text};")
        return f"({', '.join(names)})", tuple(kinds)

    def do_Assert(self, node):
        try:
            test = self.expression(node.test)
            if is_known(test):
                if not known(test):
                    raise Refuse(node, "the assertion fails")
                return False
            condition = self.condition(node.test, test)
        except Unfit:
            raise Refuse(node, "the assertion has no Rust") from None
        if isinstance(condition, Known):
            return False
        message = f", {self.message(node.msg)}" if node.msg else ""
        self.emit(f"assert!({condition.text}{message});", node)
        return False

    def do_Raise(self, node):
        if self.depth == 0:
            raise Refuse(node, "the network raises an error")
        message = '"refused"'
        if isinstance(node.exc, ast.Call) and node.exc.args:
            message = self.message(node.exc.args[0])
        self.emit(f"panic!({message});", node)
        return True

    # Assignments

    # Control

    def known_iteration(self, node):
        return None
