"""Subscripts: of tensors, of shapes, of lists and of layers."""

import ast

from .calls import may_draw
from .refusals import Refuse
from .render import Unfit, render
from .values import (
    ATOM,
    Items,
    Known,
    Layer,
    Rust,
    is_known,
    is_number,
    is_tensor,
    known,
    parenthesized,
)


class Indexing:
    def on_Subscript(self, node):
        value = self.expression(node.value)
        if is_tensor(value):
            return self.tensor_subscript(node, value)
        if isinstance(value, Rust) and value.type == "shape":
            return self.shape_subscript(node, value)
        if isinstance(value, Layer):
            return self.layer_subscript(node, value)
        if isinstance(value, Rust):
            return self.rust_subscript(node, value)
        if isinstance(node.slice, ast.Slice):
            bounds = [
                self.known_of(b) if b else None
                for b in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            key = slice(*bounds)
        else:
            index = self.expression(node.slice)
            if not is_known(index):
                return self.choose(node, value, index)
            key = known(index)
        try:
            if isinstance(value, Items):
                found = value.values[key]
                return Items(found, value.kind) if isinstance(key, slice) else found
            found = known(value)[key]
            return found if isinstance(found, (Rust, Items, Layer, Known)) else Known(found)
        except LookupError as error:
            raise Refuse(node, f"there is no such element ({error})") from None

    def choose(self, node, value, index):
        """An element of a known list at a place that is not known."""
        if isinstance(value, Known) and isinstance(value.value, (list, tuple)):
            kind = "int" if all(isinstance(v, int) for v in value.value) else "float"
            texts = ", ".join(render(Known(v), kind, self) for v in value.value)
            return Rust(f"[{texts}][{render(index, 'index', self)}]", kind)
        raise Refuse(node, "the place in the list is not known")

    def rust_subscript(self, node, value):
        if isinstance(value.type, tuple):
            index = self.known_of(node.slice)
            index = index + len(value.type) if index < 0 else index
            if not 0 <= index < len(value.type):
                raise Refuse(node, "there is no such element")
            self.use(value)
            form = "place" if value.form != "owned" else "owned"
            text, kind = f"{parenthesized(value, ATOM)}.{index}", value.type[index]
            if kind in ("gru_state", "elman_state"):
                text, kind = text + ".0", "tensor"
            return Rust(text, kind, form)
        if value.type == "packed" and self.known_of(node.slice) == 0:
            self.use(value)
            return Rust(f"{parenthesized(value, ATOM)}.data()", "tensor", "ref")
        if value.type == "lstm_state":
            self.use(value)
            text = f"{parenthesized(value, ATOM)}.0.{self.known_of(node.slice)}"
            return Rust(text, "tensor", value.form)
        if value.type == "tensors" and not isinstance(node.slice, ast.Slice):
            index = self.expression(node.slice)
            self.use(value)
            if is_known(index) and known(index) < 0:
                place = f"{value.text}.len() - {-known(index)}"
                return Rust(f"{value.text}[{place}]", "tensor", "place")
            return Rust(
                f"{parenthesized(value, ATOM)}[{render(index, 'index', self)}]", "tensor", "place"
            )
        raise Refuse(node, "the subscript has no Rust for this")

    def layer_subscript(self, node, value):
        return self.port.layer_element(self, node, value, self.expression(node.slice))

    def shape_subscript(self, node, value):
        self.use(value)
        if isinstance(node.slice, ast.Slice):
            lower, upper, step = (
                self.expression(b) if b else None
                for b in (node.slice.lower, node.slice.upper, node.slice.step)
            )
            if step is not None:
                raise Refuse(node, "a step has no Rust for shapes")
            bounds = [self.shape_bound(value, b) if b else "" for b in (lower, upper)]
            return Rust(f"{value.text}[{bounds[0]}..{bounds[1]}]", "shape", "slice")
        index = self.expression(node.slice)
        return Rust(f"{value.text}[{self.shape_bound(value, index)}]", "int")

    def shape_bound(self, value, index):
        if is_known(index) and known(index) < 0:
            tensor = value.text.removesuffix(".size()")
            if may_draw(tensor):
                raise Refuse(None, "an expression that draws numbers would be written twice")
            length = f"{tensor}.dim()" if tensor != value.text else f"{value.text}.len()"
            return f"{length} - {-known(index)}"
        return render(index, "index", self)

    # Tensors

    def tensor_subscript(self, node, value):
        """Slices and selects one dimension after the other, as Python does."""
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        text, tensors = render(value, "receiver", self), {}
        steps = self.subscript_steps(node, parts)
        for step, dim, arguments in steps:
            match step:
                case "select":
                    text += f".get({arguments})" if dim == 0 else f".select({dim}, {arguments})"
                case "slice":
                    text += f".slice({dim}, {arguments})"
                case "unsqueeze":
                    text += f".unsqueeze({dim})"
                case "index":
                    tensors[dim] = arguments
        if tensors:
            places = range(max(tensors) + 1)
            options = [f"Some({tensors[d]})" if d in tensors else "None" for d in places]
            text += f".index(&[{', '.join(options)}])"
            return Rust(text, "tensor")
        if not steps:
            return value
        return Rust(text, "tensor")

    def subscript_steps(self, node, parts):
        """(what is done, dimension, text of its arguments) in Python's order."""
        steps, dim = [], 0
        for i, part in enumerate(parts):
            if isinstance(part, ast.Constant) and part.value is Ellipsis:
                rest = parts[i + 1 :]
                return steps + self.steps_from_the_end(node, rest)
            taken = self.subscript_step(node, part, dim)
            if taken is None:
                dim += 1
                continue
            steps.append(taken)
            dim += taken[0] != "select"
        return steps

    def steps_from_the_end(self, node, parts):
        """Behind `...`, dimensions count from the end."""
        steps, dim = [], -1
        for part in reversed(parts):
            taken = self.subscript_step(node, part, dim)
            if taken and taken[0] == "index":
                raise Refuse(node, "a tensor as a subscript behind `...` has no Rust")
            if taken:
                steps.append(taken)
            dim -= taken is None or taken[0] != "select"
        return steps

    def subscript_step(self, node, part, dim):
        if isinstance(part, ast.Slice):
            bounds = [
                self.expression(b) if b else None for b in (part.lower, part.upper, part.step)
            ]
            if all(b is None or (is_known(b) and known(b) is None) for b in bounds):
                return None
            texts = [self.bound(b) for b in bounds[:2]]
            step = render(bounds[2], "int", self) if bounds[2] else "1"
            return "slice", dim, f"{texts[0]}, {texts[1]}, {step}"
        index = self.expression(part)
        if isinstance(index, Known) and index.value is None:
            return "unsqueeze", dim, ""
        if is_number(index) and not self.is_bool(index):
            return "select", dim, render(index, "int", self)
        if is_tensor(index):
            return "index", dim, render(index, "ref", self)
        if isinstance(index, (Known, Items)):
            try:
                numbers = render(index, "slice", self)
            except Unfit:
                raise Refuse(node, "the subscript has no Rust") from None
            return "index", dim, f"Tensor::from_slice({numbers})"
        raise Refuse(node, "the subscript has no Rust")

    def bound(self, value):
        if value is None or (isinstance(value, Known) and value.value is None):
            return "None"
        return render(value, "int", self)
