"""Assignments: of names, of tuples, of parts of a tensor."""

import ast

from .names import Late, Local, assigned, flat, is_blank, snake
from .refusals import Refuse
from .render import render
from .values import Items, Known, Layer, Rust, TensorMethod, is_known, is_number, is_tensor, known

# States that are one tensor, in the struct that a layer of Rust's gives.
WRAPPED = {"gru_state": "GRUState", "elman_state": "RNNState"}


class Assignments:
    """The statements of a function that assign."""

    def do_Assign(self, node):
        if len(node.targets) != 1:
            return self.assign_several(node)
        target = node.targets[0]
        if isinstance(target, ast.Subscript):
            return self.assign_part(node, target)
        value = (
            self.comprehension(node.value)
            if isinstance(node.value, ast.ListComp)
            else self.expression(node.value)
        )
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
            self.assign_name(
                node,
                other.id,
                self.expression(ast.copy_location(ast.Name(first.id, ast.Load()), node)),
            )
        return False

    def do_AnnAssign(self, node):
        if node.value is None:
            return False
        assign = ast.Assign(targets=[node.target], value=node.value)
        return self.do_Assign(ast.copy_location(assign, node))

    def assign_attribute(self, node, target, value):
        raise Refuse(node, "an attribute that changes while the network runs has no Rust")

    def assign_name(self, node, name, value):
        if (
            isinstance(value, Items)
            and value.kind == "list"
            and not value.values
            and self.grows_in_loop(name)
        ):
            return self.declare(node, name, "Vec::new()", "tensors")
        if isinstance(value, Items) or (is_known(value) and not self.varies(name)):
            value = value if isinstance(value, Items) else Known(known(value))
            if isinstance(value, Items):
                value.depth = self.depth
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
            elif value.form in ("ref", "place") and kind not in (
                "int",
                "float",
                "bool",
                "device",
                "kind",
            ):
                self.env[name] = value
                return False
        return self.declare(node, name, text, kind)

    def declare(self, node, name, text, kind):
        """`let x = …;`, or `x = …;` where an outer block has it."""
        outer = self.outer(name)
        if kind == "int" and self.may_be_negative(text):
            self.port.signed.add(outer.text if outer is not None else snake(name))
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
        if (
            isinstance(value, Rust)
            and local is not None
            and local.depth < self.depth
            and value.form == "place"
        ):
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
                    if (
                        isinstance(call, ast.Call)
                        and isinstance(call.func, ast.Attribute)
                        and call.func.attr == "append"
                        and isinstance(call.func.value, ast.Name)
                        and call.func.value.id == name
                    ):
                        return True
                    if (
                        isinstance(call, ast.AugAssign)
                        and isinstance(call.target, ast.Name)
                        and call.target.id == name
                    ):
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
                node, pattern, f"<[Tensor; {len(names)}]>::try_from({text}).unwrap()"
            )
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
                    inner, _ = self.pattern(
                        node, target.elts, ("tensor", "tensor"), "LSTMState(({}))"
                    )
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
                node, pattern, value.text.removesuffix("size()") + f"size{count}().unwrap()"
            )
        text = value.text if value.form in ("owned", "place") else f"{value.text}.to_vec()"
        pattern = self.pattern(node, names, ("int",) * count, "[{}]")
        self.use(value)
        return self.emit_pattern(node, pattern, f"<[i64; {count}]>::try_from({text}).unwrap()")

    def assign_each(self, node, names, values):
        if len(names) != len(values):
            raise Refuse(node, "what is unpacked has another length")
        fields = [isinstance(target, ast.Attribute) for target in names]
        if any(fields):
            return self.assign_fields(node, names, values)
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

    def assign_fields(self, node, targets, values):
        """`self.a, self.b = …`, as if written in several lines."""
        for target in targets:
            if not (
                isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
                and hasattr(self, "set_field")
            ):
                raise Refuse(node, "such an assignment has no Rust")
        for target, value in zip(targets, values):
            self.set_field(node, target.attr, value)
        return False

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
                    self.item.add(
                        self.indent, f"let {local.pattern()} = {render(left, 'owned', self)};"
                    )
                    left = Rust(local.name, "tensor", "place", local=local)
                    self.env[node.target.id] = left
                self.changes(node, left)
                left.local.used = True
                amount = render(right, "number" if is_number(right) else "ref", self)
                self.emit(f"{left.text} {sign} {amount};", node)
                return False
            value = self.binary(node, node.op, left, right)
            if (
                isinstance(value, Rust)
                and left.__class__ is Rust
                and left.local is not None
                and sign
            ):
                left.local.mutable = left.local.used = True
                self.emit(f"{left.text} {sign} {self.amount(left, right)};", node)
                return False
            return self.assign_name(node, node.target.id, value)
        raise Refuse(node, "such an assignment has no Rust")

    def amount(self, left, right):
        return render(right, left.type, self)
