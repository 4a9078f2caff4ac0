"""Branches and loops while the network runs."""

import ast
import re

from .names import Late, assigned, is_blank
from .refusals import Refuse
from .render import render
from .values import Known, Layer, Poison, Rust, is_known, is_number, known


class Control:
    """The statements of a function that hold others."""

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
            self.item.add(
                self.indent,
                "} else {",
                None,
                self.first_line(node.orelse) - 1 if not self.is_elif(node) else None,
            )
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
        return (
            len(node.orelse) == 1
            and isinstance(node.orelse[0], ast.If)
            and self.port.source.lines[node.orelse[0].lineno - 1].strip().startswith("elif")
        )

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
            if (
                isinstance(value, Rust)
                and value.type == "tensor"
                and (value.local is None or value.form != "place")
            ):
                local = self.new_local(name)
                self.item.add(
                    self.indent, f"let {local.pattern()} = {render(value, 'owned', self)};"
                )
                self.env[name] = Rust(local.name, "tensor", "place", local=local)
            elif isinstance(value, Known) and is_number(value):
                kind = "int" if self.is_int(value) else "float"
                local = self.new_local(name)
                text = render(value, kind, self)
                self.item.add(self.indent, f"let {local.pattern()} = {text};")
                self.env[name] = Rust(local.name, kind, "place", local=local)
            elif (
                value is not None
                and not isinstance(value, Poison)
                and not (
                    isinstance(value, Rust) and value.local is not None and value.form == "place"
                )
            ):
                # What is known would be taken for what it is before the block.
                raise Refuse(
                    node, f"{name} changes in a block, and is no variable of Rust's before it"
                )

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
