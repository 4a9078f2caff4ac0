"""`with` statements: a part that runs without gradients, or that only measures."""

import ast

import torch

from .names import assigned
from .refusals import Refuse
from .values import Known, Rust, is_known, known

# What changes nothing of what is computed.
MEASURES = (torch.profiler.record_function, torch.autograd.profiler.record_function)


def manager(context, node):
    """The class of the context manager, such as `torch.no_grad`."""
    call = node.items[0].context_expr if len(node.items) == 1 else None
    if not isinstance(call, ast.Call) or node.items[0].optional_vars is not None:
        raise Refuse(node, "`with` has no Rust")
    found = context.expression(call.func)
    return (found.value, call) if isinstance(found, Known) else (None, call)


class Contexts:
    """The `with` of a function that runs with the network."""

    # The depth of the block of the innermost closure: what ends there is its value.
    closure = 0

    def do_With(self, node):
        function, call = manager(self, node)
        if any(function is measures for measures in MEASURES):
            return self.block(node.body)
        if function is torch.no_grad and not call.args:
            return self.without_gradients(node)
        raise Refuse(node, "`with` has no Rust")

    def without_gradients(self, node):
        """`no_grad(|| …)`; what the block makes and others use is what the closure gives."""
        returns = [n for s in node.body for n in ast.walk(s) if isinstance(n, ast.Return)]
        if returns:
            if returns != node.body[-1:] or self.function.body[-1:] != [node]:
                raise Refuse(node, "a return out of `with` has no Rust")
            self.emit_header("no_grad(|| {", node, node.body)
            self.inside(node.body)
            self.item.add(self.indent, "})")
            return True
        only = node.body[0]
        if (
            len(node.body) == 1
            and isinstance(only, ast.Assign)
            and len(only.targets) == 1
            and isinstance(only.targets[0], ast.Name)
        ):
            value = self.expression(only.value)
            if isinstance(value, Rust) and value.type == "tensor" and value.form == "owned":
                return self.declare(node, only.targets[0].id, f"no_grad(|| {value.text})", "tensor")
        self.prepare(node, assigned(node.body))
        made = self.made_for_later(node)
        row = len(self.item.rows)
        self.emit_header("no_grad(|| {", node, node.body)
        row = next(i for i in range(row, len(self.item.rows)) if "no_grad" in self.item.rows[i][1])
        self.inside(node.body)
        kept = {name: self.env[name] for name in made if not is_known(self.env[name])}
        if not all(isinstance(v, Rust) and v.local is not None for v in kept.values()):
            raise Refuse(node, "what `with` makes has no Rust outside of it")
        if not kept:
            self.item.add(self.indent, "});")
            return False
        self.give(kept, row)
        return False

    def give(self, kept, row):
        """The variables that outlive the closure: declared before it, and its last line."""
        texts, patterns = [], []
        for name, value in kept.items():
            value.local.used = True
            texts.append(value.text)
            local = self.new_local(name)
            self.env[name] = Rust(local.name, value.type, "place", local=local)
            patterns.append(local.pattern())
        one = len(kept) == 1
        self.item.add(self.indent + 1, texts[0] if one else f"({', '.join(texts)})")
        self.item.add(self.indent, "});")
        indent, text, right = self.item.rows[row]
        pattern = patterns[0] if one else f"({', '.join(patterns)})"
        self.item.rows[row] = (indent, f"let {pattern} = {text}", right)

    def made_for_later(self, node):
        """Names that the block makes and that are read behind it, in the order of the lines."""
        reads = {
            n.id
            for n in ast.walk(self.function)
            if isinstance(n, ast.Name)
            and isinstance(n.ctx, ast.Load)
            and (n.lineno > node.end_lineno or self.loops)
        }
        names = [
            n.id
            for s in node.body
            for n in ast.walk(s)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        ]
        return [n for n in dict.fromkeys(names) if n in reads and n not in self.env]

    def inside(self, statements):
        held, self.closure = self.closure, self.depth + 1
        try:
            return self.inner(statements)
        finally:
            self.closure = held


class ContextsOfNew:
    """The `with` of `__init__`: what it draws has no gradient in Rust anyway."""

    def do_With(self, node):
        function, call = manager(self, node)
        if (
            function is torch.no_grad
            and not call.args
            and not assigned(node.body)
            and not any(
                isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
                for s in node.body
                for n in ast.walk(s)
            )
        ):
            self.flush()
            self.item.add(self.indent, "no_grad(|| {", node.lineno, node.body[0].lineno - 1)
            self.indent += 1
            try:
                self.block(node.body)
            finally:
                self.indent -= 1
            self.item.add(self.indent, "});")
            return False
        if function is torch.device and all(is_known(self.expression(a)) for a in call.args):
            places = [known(self.expression(a)) for a in call.args]
            if all(torch.device(place).type == "cpu" for place in places):
                return self.block(node.body)
        raise Refuse(node, "`with` has no Rust")
