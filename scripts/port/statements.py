"""Statements: the body of a Python function to that of a Rust function."""

import ast
import re
from dataclasses import dataclass

from .expressions import Expressions
from .refusals import Poisoned, Refuse
from .render import Unfit, render
from .source import is_docstring
from .values import (
    ATOM, Items, Known, Layer, Poison, Rust, TensorMethod, is_known, is_number, is_tensor, known,
    parenthesized,
)

RESERVED = set(
    "as async await box break const continue crate dyn else enum extern false final fn for if impl in "
    "let loop macro match mod move mut override pub ref return self static struct super trait true "
    "try type typeof unsafe unsized use virtual where while yield abstract become do priv gen train "
    "vs functional init".split()
)


def snake(name):
    """The name of a variable or field as Rust wants it."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    text = re.sub(r"__+", "_", text)
    return text + "_" if text in RESERVED else text


@dataclass
class Local:
    """A variable of Rust."""

    name: str
    depth: int
    number: int
    mutable: bool = False
    used: bool = False

    def pattern(self):
        """How it is declared; what stands for `mut ` and `_` is put in at the end."""
        return f"\x01m{self.number}\x02\x01u{self.number}\x02{self.name}"


class Body(Expressions):
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
        if isinstance(value, Rust) and value.local is not None:
            value.local.mutable = True
        elif isinstance(value, Rust) and value.form != "owned":
            raise Refuse(node, "what the network keeps is changed in place")

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
            except (Poisoned,):
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
            if self.loops == 0 and receiver.local is None:
                receiver.values.append(value)
                return False
            # A list of Rust's from here on.
            raise Refuse(node, "the list grows in a loop, and was not empty before")
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
        last = self.depth == 0
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
            for i, v in enumerate(values):
                if is_tensor(v) and v.local is not None and v.form == "place" and \
                        sum(w is v or getattr(w, "local", None) is v.local for w in values) == 1:
                    self.use(v)
                    texts.append(v.text)
                    kinds.append("tensor")
                    continue
                text, kind = self.returned(node, v) if not is_tensor(v) else (
                    render(v, "owned", self), "tensor")
                texts.append(text)
                kinds.append(kind)
            if getattr(value, "kind", "tuple") == "list" and set(kinds) == {"tensor"}:
                return f"vec![{', '.join(texts)}]", "tensors"
            return f"({', '.join(texts)})", tuple(kinds)
        if isinstance(value, Rust) and value.type == "lstm_state" and value.form == "place":
            self.use(value)
            return f"{value.text}.0", ("tensor", "tensor")
        if isinstance(value, Rust) and isinstance(value.type, tuple) and \
                any(k not in ("tensor", "int", "float", "bool") for k in value.type):
            return self.taken_apart(node, value)
        if isinstance(value, Rust) and value.type in ("tensors", "shape") \
                or isinstance(value, Rust) and isinstance(value.type, tuple):
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

    def do_Assign(self, node):
        if len(node.targets) != 1:
            return self.assign_several(node)
        target = node.targets[0]
        if isinstance(target, ast.Subscript):
            return self.assign_part(node, target)
        value = self.comprehension(node.value) if isinstance(node.value, ast.ListComp) \
            else self.expression(node.value)
        if isinstance(target, ast.Attribute):
            return self.assign_attribute(node, target, value)
        if isinstance(target, ast.Name):
            return self.assign_name(node, target.id, value)
        if isinstance(target, (ast.Tuple, ast.List)):
            return self.assign_tuple(node, target, value)
        raise Refuse(node, "the target of the assignment has no Rust")

    def assign_several(self, node):
        """`a = b = x`: one tensor under two names."""
        if not all(isinstance(t, ast.Name) for t in node.targets):
            raise Refuse(node, "two targets of an assignment have no Rust")
        first, *others = node.targets
        self.assign_name(node, first.id, self.expression(node.value))
        for other in others:
            self.assign_name(node, other.id, self.expression(ast.copy_location(
                ast.Name(first.id, ast.Load()), node)))
        return False

    def do_AnnAssign(self, node):
        if node.value is None:
            return False
        assign = ast.Assign(targets=[node.target], value=node.value)
        return self.do_Assign(ast.copy_location(assign, node))

    def assign_attribute(self, node, target, value):
        raise Refuse(node, "an attribute that changes while the network runs has no Rust")

    def assign_name(self, node, name, value):
        if isinstance(value, Items) and value.kind == "list" and not value.values and \
                self.grows_in_loop(name):
            return self.declare(node, name, "Vec::new()", "tensors")
        if isinstance(value, Items) or is_known(value) and not self.varies(name):
            value = value if isinstance(value, Items) else Known(known(value))
            self.env[name] = value
            return False
        if isinstance(value, (Layer, TensorMethod)) or not isinstance(value, (Rust, Known)):
            self.env[name] = value
            return False
        if isinstance(value, Known):
            if value.value is None:
                self.env[name] = value
                return False
            kind = "bool" if self.is_bool(value) else "int" if self.is_int(value) else "float"
            text = render(value, kind, self)
        elif value.type == "tensor":
            kind, text = "tensor", render(value, "owned", self)
        else:
            kind = value.type
            self.use(value)
            text = value.text
            if value.form == "slice":
                text += ".to_vec()"
            elif value.form in ("ref", "place") and kind not in ("int", "float", "bool", "device", "kind"):
                self.env[name] = value
                return False
        return self.declare(node, name, text, kind)

    def declare(self, node, name, text, kind):
        """`let x = …;`, or `x = …;` where an outer block has it."""
        outer = self.outer(name)
        if outer is not None:
            self.assigns(outer, kind)
            if outer.type != kind:
                raise Refuse(node, "the variable changes its type in a block")
            self.emit(f"{outer.text} = {text};", node)
            return False
        local = self.new_local(name)
        self.emit(f"let {local.pattern()} = {text};", node)
        self.env[name] = Rust(local.name, kind, "place", local=local)
        return False

    def assigns(self, outer, kind):
        """Notes an assignment to a variable of an outer block."""
        if isinstance(outer, Late):
            outer.type = outer.type or kind
        else:
            outer.local.mutable = True

    def outer(self, name):
        value = self.env.get(name)
        local = getattr(value, "local", None)
        if isinstance(value, Rust) and local is not None and local.depth < self.depth and \
                value.form == "place":
            return value
        return None

    def new_local(self, name):
        rust = snake(name)
        taken = self.names.setdefault(rust, name)
        if taken != name:
            rust += "_upper" if name != name.lower() else "_lower"
        local = Local(rust, self.depth, len(self.port.locals))
        self.port.locals.append(local)
        return local

    def varies(self, name):
        """Whether a known value is only the first of several: the variable changes in a block."""
        return name in self.changing

    def grows_in_loop(self, name):
        for loop in ast.walk(self.function):
            if isinstance(loop, (ast.For, ast.While)):
                for call in ast.walk(loop):
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and \
                            call.func.attr == "append" and \
                            isinstance(call.func.value, ast.Name) and call.func.value.id == name:
                        return True
                    if isinstance(call, ast.AugAssign) and isinstance(call.target, ast.Name) and \
                            call.target.id == name:
                        return True
        return False

    @property
    def changing(self):
        """Names that are assigned in a loop as well as before it."""
        if not hasattr(self, "_changing"):
            self._changing = set()
            for loop in ast.walk(self.function):
                if isinstance(loop, ast.For):
                    self._changing |= assigned(loop.body)
        return self._changing

    def assign_tuple(self, node, target, value):
        names = target.elts
        if any(isinstance(n, ast.Starred) for n in names):
            raise Refuse(node, "`*` in an assignment has no Rust")
        if isinstance(value, Rust) and value.type == "shape":
            return self.assign_shape(node, names, value)
        values = self.sequence(value)
        if values is not None:
            return self.assign_each(node, names, values)
        if not isinstance(value, Rust):
            raise Refuse(node, "what is unpacked is not known")
        self.use(value)
        kind = value.type
        if kind == "tensors":
            pattern = self.pattern(node, names, ("tensor",) * len(names), "[{}]")
            text = value.text if value.form == "owned" else f"{value.text}.to_vec()"
            return self.emit_pattern(
                node, pattern, f"<[Tensor; {len(names)}]>::try_from({text}).unwrap()")
        if kind == "lstm_state":
            pattern = self.pattern(node, names, ("tensor", "tensor"), "LSTMState(({}))")
            return self.emit_pattern(node, pattern, value.text)
        if isinstance(kind, tuple) and len(kind) == len(names):
            pattern = self.pattern(node, names, kind, "({})")
            return self.emit_pattern(node, pattern, value.text)
        raise Refuse(node, "what is unpacked has another length")

    def emit_pattern(self, node, pattern, text):
        text_of_pattern, is_new = pattern
        self.emit(f"{'let ' if is_new else ''}{text_of_pattern} = {text};", node)
        return False

    def pattern(self, node, targets, kinds, form):
        """The left side of a `let`, and whether it is a `let`."""
        outers = [isinstance(t, ast.Name) and self.outer(t.id) is not None for t in flat(targets)]
        plain = [o for o, t in zip(outers, flat(targets)) if not is_blank(t)]
        if any(plain) and not all(plain):
            raise Refuse(node, "one of these variables is new, and one is not")
        assigns = any(plain)
        parts = []
        for target, kind in zip(targets, kinds):
            if isinstance(target, (ast.Tuple, ast.List)):
                if kind == "lstm_state":
                    inner, _ = self.pattern(node, target.elts, ("tensor", "tensor"), "LSTMState(({}))")
                elif isinstance(kind, tuple):
                    inner, _ = self.pattern(node, target.elts, kind, "({})")
                else:
                    raise Refuse(node, "what is unpacked has another form")
                parts.append(inner)
            elif is_blank(target):
                parts.append("_")
            elif kind in WRAPPED:
                inner, _ = self.pattern(node, [target], ("tensor",), "{}")
                parts.append(f"{WRAPPED[kind]}({inner})")
            elif assigns:
                outer = self.outer(target.id)
                self.assigns(outer, kind)
                if outer.type != kind:
                    raise Refuse(node, "the variable changes its type in a block")
                parts.append(outer.text)
            elif isinstance(target, ast.Name):
                local = self.new_local(target.id)
                self.env[target.id] = Rust(local.name, kind, "place", local=local)
                parts.append(local.pattern())
            else:
                raise Refuse(node, "the target of the assignment has no Rust")
        return form.format(", ".join(parts)), not assigns

    def assign_shape(self, node, names, value):
        count = len(names)
        if value.text.endswith(".size()") and 2 <= count <= 6:
            pattern = self.pattern(node, names, ("int",) * count, "({})")
            return self.emit_pattern(
                node, pattern, value.text.removesuffix("size()") + f"size{count}().unwrap()")
        text = value.text if value.form in ("owned", "place") else f"{value.text}.to_vec()"
        pattern = self.pattern(node, names, ("int",) * count, "[{}]")
        self.use(value)
        return self.emit_pattern(node, pattern, f"<[i64; {count}]>::try_from({text}).unwrap()")

    def assign_each(self, node, names, values):
        if len(names) != len(values):
            raise Refuse(node, "what is unpacked has another length")
        if all(is_known(v) or isinstance(v, (Items, Layer)) for v in values):
            for name, value in zip(names, values):
                self.assign_name(node, name.id, value)
            return False
        texts, kinds = [], []
        for v in values:
            if is_tensor(v):
                texts.append(render(v, "owned", self))
                kinds.append("tensor")
            elif is_number(v):
                kinds.append("int" if self.is_int(v) else "float")
                texts.append(render(v, kinds[-1], self))
            else:
                raise Refuse(node, "such an assignment has no Rust")
        if len(names) == 1:
            return self.assign_name(node, names[0].id, values[0])
        pattern = self.pattern(node, names, tuple(kinds), "({})")
        return self.emit_pattern(node, pattern, f"({', '.join(texts)})")

    def assign_part(self, node, target):
        """`x[…] = y`: in place."""
        whole = self.expression(target.value)
        if not is_tensor(whole):
            raise Refuse(node, "an element of this cannot be assigned")
        value = self.expression(node.value)
        part = self.tensor_subscript(target, whole)
        masked = ".index(" in part.text.removeprefix(whole.text)
        self.use(whole)
        if masked:
            self.changes(node, whole)
            start = part.text.index(".index(", len(whole.text))
            before, indices = part.text[:start], part.text[start + len(".index(") : -1]
            if is_number(value):
                if not indices.startswith("&[Some(") or "," in indices or before != whole.text:
                    raise Refuse(node, "such a part of a tensor cannot be assigned")
                mask = indices.removeprefix("&[Some(").removesuffix(")]")
                text = f"let _ = {before}.masked_fill_({mask}, {render(value, 'number', self)});"
                self.emit(text, node)
                return False
            values = render(value, "ref", self)
            self.emit(f"let _ = {before}.index_put_({indices}, {values}, false);", node)
            return False
        if part is whole:
            self.changes(node, whole)
        if is_number(value):
            self.emit(f"let _ = {part.text}.fill_({render(value, 'number', self)});", node)
            return False
        self.emit(f"{part.text}.copy_({render(value, 'ref', self)});", node)
        return False

    def do_AugAssign(self, node):
        if isinstance(node.target, ast.Name):
            left = self.expression(ast.copy_location(ast.Name(node.target.id, ast.Load()), node))
            right = self.expression(node.value)
            if isinstance(left, Rust) and left.type == "tensors" and isinstance(right, Items):
                for value in right.values:
                    self.push(node, left, value)
                return False
            sign = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}.get(type(node.op))
            if is_tensor(left) and sign:
                if left.local is None:
                    local = self.new_local(node.target.id)
                    self.item.add(self.indent, f"let {local.pattern()} = {render(left, 'owned', self)};")
                    left = Rust(local.name, "tensor", "place", local=local)
                    self.env[node.target.id] = left
                self.changes(node, left)
                left.local.used = True
                amount = render(right, "number" if is_number(right) else "ref", self)
                self.emit(f"{left.text} {sign} {amount};", node)
                return False
            value = self.binary(node, node.op, left, right)
            if isinstance(value, Rust) and left.__class__ is Rust and left.local is not None and sign:
                left.local.mutable = left.local.used = True
                self.emit(f"{left.text} {sign} {self.amount(left, right)};", node)
                return False
            return self.assign_name(node, node.target.id, value)
        raise Refuse(node, "such an assignment has no Rust")

    def amount(self, left, right):
        return render(right, left.type, self)

    # Control

    def do_If(self, node):
        test = self.expression(node.test)
        condition = test if is_known(test) else self.condition(node.test, test)
        if is_known(condition):
            taken = node.body if known(condition) else node.orelse
            return self.block(taken)
        return self.runtime_if(node, condition)

    def runtime_if(self, node, condition):
        option = re.fullmatch(r"self\.(\w+)\.is_some\(\)", condition.text)
        if option:
            place = f"self.{option[1]}"
            self.present[place] = option[1]
            condition = Rust(f"let Some({option[1]}) = &{place}", "bool")
        self.prepare(node, assigned(node.body) | assigned(node.orelse))
        new = self.declared_in_both(node)
        self.emit_header(f"if {condition.text} {{", node, node.body)
        before = dict(self.env)
        ended = [self.inner(node.body)]
        after = [self.env]
        self.env = dict(before)
        if node.orelse:
            self.item.add(self.indent, "} else {", None,
                          self.first_line(node.orelse) - 1 if not self.is_elif(node) else None)
            ended.append(self.inner(node.orelse))
            after.append(self.env)
        self.item.add(self.indent, "}")
        self.env = before
        del new
        for name in assigned(node.body) | assigned(node.orelse):
            if name not in before:
                self.env[name] = Poison()
        return len(ended) == 2 and all(ended)

    def is_elif(self, node):
        return len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) and \
            self.port.source.lines[node.orelse[0].lineno - 1].strip().startswith("elif")

    def first_line(self, statements):
        return statements[0].lineno

    def declared_in_both(self, node):
        """Variables that both branches make: they are declared before."""
        if not node.orelse:
            return []
        names = assigned(node.body) & assigned(node.orelse)
        new = sorted(n for n in names if n not in self.env)
        for name in new:
            local = self.new_local(name)
            local.mutable = False
            self.item.add(self.indent, f"let {local.name};")
            self.env[name] = Late(local.name, None, "place", local=local)
        return new

    def prepare(self, node, names):
        """A parameter that a block assigns becomes a variable first."""
        for name in sorted(names):
            value = self.env.get(name)
            if isinstance(value, Rust) and value.type == "tensor" and (
                    value.local is None or value.form != "place"):
                local = self.new_local(name)
                self.item.add(self.indent, f"let {local.pattern()} = {render(value, 'owned', self)};")
                self.env[name] = Rust(local.name, "tensor", "place", local=local)
            elif isinstance(value, Known) and is_number(value):
                kind = "int" if self.is_int(value) else "float"
                local = self.new_local(name)
                text = render(value, kind, self)
                self.item.add(self.indent, f"let {local.pattern()} = {text};")
                self.env[name] = Rust(local.name, kind, "place", local=local)

    def emit_header(self, text, node, body):
        self.item.add(self.indent, text, node.lineno, self.first_line(body) - 1)

    def inner(self, statements):
        self.depth += 1
        self.indent += 1
        try:
            return self.block(statements)
        finally:
            self.depth -= 1
            self.indent -= 1

    def do_For(self, node):
        if node.orelse:
            raise Refuse(node, "`else` of a loop has no Rust")
        unrolled = self.known_iteration(node.iter)
        names = assigned(node.body)
        self.prepare(node, names)
        before = dict(self.env)
        pattern, iterator = self.iteration(node, node.target, node.iter, unrolled)
        self.emit_header(f"for {pattern} in {iterator} {{", node, node.body)
        self.loops += 1
        self.inner(node.body)
        self.loops -= 1
        self.item.add(self.indent, "}")
        self.env = before
        for name in names:
            if name not in before:
                self.env[name] = Poison()
        return False

    def known_iteration(self, node):
        return None

    def iteration(self, node, target, iterable, unrolled):
        """The pattern and the iterator of a loop; the targets are in `env` after it."""
        self.depth += 1
        try:
            return self.port.iteration(self, node, target, iterable)
        finally:
            self.depth -= 1

    def bind_target(self, node, target, kind, form="place", layer=None):
        """Declares the variable of a loop."""
        if isinstance(target, (ast.Tuple, ast.List)):
            raise Refuse(node, "what is unpacked has another form")
        local = self.new_local(target.id)
        if layer is not None:
            self.env[target.id] = Layer(layer, local.name, "ref")
            local.used = True
        else:
            self.env[target.id] = Rust(local.name, kind, form, local=local)
        return local.pattern() if not is_blank(target) else "_"

    def comprehension(self, node):
        """A list of what a loop gives."""
        return self.port.comprehension(self, node)

    def on_ListComp(self, node):
        return self.comprehension(node)

    def on_GeneratorExp(self, node):
        return self.comprehension(node)

    def do_With(self, node):
        raise Refuse(node, "`with` has no Rust")


# States that are one tensor, in the struct that a layer of Rust's gives.
WRAPPED = {"gru_state": "GRUState", "elman_state": "RNNState"}


class Late(Rust):
    """A variable that is declared, and gets its type with its first value."""


def flat(targets):
    for target in targets:
        if isinstance(target, (ast.Tuple, ast.List)):
            yield from flat(target.elts)
        else:
            yield target


def is_blank(target):
    return isinstance(target, ast.Name) and target.id == "_"


def assigned(statements):
    """The names that statements assign."""
    names = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


__all__ = ["ATOM", "Body", "parenthesized", "snake"]
