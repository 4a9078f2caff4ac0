"""Operators: signs and arithmetic, of tensors, numbers, lists and shapes."""

import ast
import operator
import re

from .refusals import Refuse
from .render import Unfit, operand, render
from .values import (
    ATOM,
    PRODUCT,
    SUM,
    UNARY,
    Items,
    Known,
    Rust,
    is_known,
    is_number,
    is_tensor,
    known,
    parenthesized,
)

OPERATORS = {
    ast.Add: (operator.add, "+", SUM),
    ast.Sub: (operator.sub, "-", SUM),
    ast.Mult: (operator.mul, "*", PRODUCT),
    ast.Div: (operator.truediv, "/", PRODUCT),
    ast.FloorDiv: (operator.floordiv, "//", PRODUCT),
    ast.Mod: (operator.mod, "%", PRODUCT),
    ast.Pow: (operator.pow, "**", UNARY),
    ast.MatMult: (operator.matmul, "@", PRODUCT),
    ast.BitAnd: (operator.and_, "&", PRODUCT),
    ast.BitOr: (operator.or_, "|", SUM),
}


class Operators:
    def on_UnaryOp(self, node):
        value = self.expression(node.operand)
        if is_known(value):
            functions = {
                ast.USub: operator.neg,
                ast.Not: operator.not_,
                ast.UAdd: operator.pos,
                ast.Invert: operator.invert,
            }
            return Known(functions[type(node.op)](known(value)))
        match node.op:
            case ast.USub() if is_tensor(value):
                return Rust(f"-{operand(value, self, UNARY)}", "tensor", level=UNARY)
            case ast.USub() if is_number(value):
                self.use(value)
                return Rust(f"-{parenthesized(value, UNARY)}", value.type, level=UNARY)
            case ast.Not():
                if isinstance(value, Rust) and value.type == "bool":
                    self.use(value)
                    return Rust(f"!{parenthesized(value, UNARY)}", "bool", level=UNARY)
                if isinstance(value, Items):
                    return Known(not value.values)
            case ast.Invert() if is_tensor(value):
                return Rust(f"{render(value, 'receiver', self)}.bitwise_not()", "tensor")
        raise Refuse(node, "the operator has no Rust for these")

    def on_BinOp(self, node):
        left, right = self.expression(node.left), self.expression(node.right)
        return self.binary(node, node.op, left, right)

    def binary(self, node, op, left, right):
        if type(op) not in OPERATORS:
            raise Refuse(node, "the operator has no Rust")
        function, sign, level = OPERATORS[type(op)]
        if is_known(left) and is_known(right):
            try:
                return Known(function(known(left), known(right)))
            except Exception as error:
                raise Refuse(node, str(error)) from None
        if is_tensor(left) or is_tensor(right):
            return self.tensor_operation(node, sign, level, left, right)
        if is_number(left) and is_number(right):
            return self.number_operation(node, sign, level, left, right)
        if (
            isinstance(left, Known)
            and isinstance(left.value, list)
            and sign == "*"
            and len(left.value) == 1
        ):
            raise Refuse(node, "the length of the list is not known")
        if sign == "+":
            parts = [self.sequence(left), self.sequence(right)]
            if None not in parts:
                return Items(parts[0] + parts[1], getattr(left, "kind", "tuple"))
            shape = [self.shape_part(left), self.shape_part(right)]
            if None not in shape:
                return Rust(f"[{shape[0]}, {shape[1]}].concat()", "shape")
        raise Refuse(node, "the operator has no Rust for these")

    def sequence(self, value):
        if isinstance(value, Items):
            return value.values
        if isinstance(value, Known) and isinstance(value.value, (tuple, list)):
            return [Known(v) for v in value.value]
        return None

    def shape_part(self, value):
        if isinstance(value, Rust) and value.type == "shape":
            self.use(value)
            return f"&{value.text}[..]" if not value.text.endswith("]") else f"&{value.text}"
        if isinstance(value, (Items, Known)):
            return render(value, "slice", self)
        return None

    def tensor_operation(self, node, sign, level, left, right):
        if sign == "@":
            text = f"{render(left, 'receiver', self)}.matmul({render(right, 'ref', self)})"
            return Rust(text, "tensor")
        if sign == "**" and is_tensor(left):
            if is_number(right):
                text = f"{render(left, 'receiver', self)}.pow_tensor_scalar"
                return Rust(f"{text}({render(right, 'number', self)})", "tensor")
            return Rust(
                f"{render(left, 'receiver', self)}.pow({render(right, 'ref', self)})", "tensor"
            )
        if sign == "**":
            text = (
                f"Tensor::pow_scalar({render(left, 'number', self)}, {render(right, 'ref', self)})"
            )
            return Rust(text, "tensor")
        if sign in ("&", "|"):
            name = {"&": "bitwise_and_tensor", "|": "bitwise_or_tensor"}[sign]
            text = f"{render(left, 'receiver', self)}.{name}({render(right, 'ref', self)})"
            return Rust(text, "tensor")
        if sign in ("//", "%"):
            name = {"//": "floor_divide", "%": "remainder"}[sign]
            if is_number(right):
                name = {"//": "floor_divide_scalar", "%": "remainder"}[sign]
                text = f"{render(left, 'receiver', self)}.{name}({render(right, 'number', self)})"
                return Rust(text, "tensor")
            raise Refuse(node, "the operator has no Rust for two tensors")
        if is_number(left):
            # tch computes `1 - x` as `-(x - 1)`, which gives another zero, and `1 / x` as a power.
            if sign == "-":
                text = (
                    f"{render(right, 'receiver', self)}.rsub_scalar({render(left, 'number', self)})"
                )
                return Rust(text, "tensor")
            if sign == "/":
                text = f"{render(right, 'receiver', self)}.reciprocal()"
                return Rust(f"{text} * {render(left, 'number', self)}", "tensor", level=PRODUCT)
        if not all(is_tensor(v) or is_number(v) for v in (left, right)):
            raise Unfit
        if is_number(left) and sign in "+*":
            # What `2. * x` is in tch, too, where the compiler does not always find the type of
            # `2.`.
            left, right = right, left
        texts = operand(left, self, level), operand(right, self, level - 1)
        return Rust(f"{texts[0]} {sign} {texts[1]}", "tensor", level=level)

    def number_operation(self, node, sign, level, left, right):
        integers = all(
            (isinstance(v, Known) and isinstance(v.value, int))
            or (isinstance(v, Rust) and v.type == "int")
            for v in (left, right)
        )
        if integers and (same := unchanged(sign, left, right)) is not None:
            return same
        for value in (left, right):
            self.use(value)
        if sign == "**":
            base = render(left, "float" if not integers else "int", self)
            if integers and isinstance(right, Known) and right.value >= 0:
                return Rust(
                    f"{parenthesized(self.number(left, True), ATOM)}.pow({right.value})", "int"
                )
            if isinstance(right, Known) and right.value == 0.5:
                return Rust(f"{self.float_atom(left)}.sqrt()", "float")
            if isinstance(right, Known) and right.value == -0.5:
                return Rust(f"{self.float_atom(left)}.powf(-0.5)", "float")
            return Rust(f"({base}).powf({render(right, 'float', self)})", "float")
        if sign in ("//", "%") and integers:
            # Python rounds down, Rust towards zero: one where nothing is below zero, as sizes are
            # not.
            texts = self.number(left, True), self.number(right, True)
            if any(self.may_be_negative(text.text) for text in texts):
                if not (isinstance(right, Known) and right.value > 0):
                    raise Refuse(node, "what may be below zero is rounded otherwise in Rust")
                name = "div_euclid" if sign == "//" else "rem_euclid"
                return Rust(f"{parenthesized(texts[0], ATOM)}.{name}({texts[1].text})", "int")
            text = (
                f"{parenthesized(texts[0], level)} {sign[0]} {parenthesized(texts[1], level - 1)}"
            )
            return Rust(text, "int", level=level)
        if sign == "/" or not integers:
            if sign not in "+-*/":
                raise Refuse(node, "the operator has no Rust for these")
            texts = self.number(left, False), self.number(right, False)
            return Rust(
                f"{parenthesized(texts[0], level)} {sign} {parenthesized(texts[1], level - 1)}",
                "float",
                level=level,
            )
        if sign not in "+-*%":
            raise Refuse(node, "the operator has no Rust for these")
        texts = self.number(left, True), self.number(right, True)
        return Rust(
            f"{parenthesized(texts[0], level)} {sign} {parenthesized(texts[1], level - 1)}",
            "int",
            level=level,
        )

    def may_be_negative(self, text):
        """An integer of Rust that subtracts, or a variable that was made by subtracting."""
        words = re.findall(r"[A-Za-z_]\w*", text)
        return "-" in text or not self.port.signed.isdisjoint(words)

    def number(self, value, integer):
        """A number as a value with text."""
        if isinstance(value, Known):
            text = render(value, "int" if integer else "float", self)
            if not integer and "." not in text and "e" not in text and "f64" not in text:
                text += "."
            return Rust(text, "int" if integer else "float")
        if not integer and value.type == "int":
            return Rust(f"{parenthesized(value, ATOM)} as f64", "float", level=UNARY)
        return value

    def float_atom(self, value):
        number = self.number(value, False)
        return parenthesized(number, ATOM)


def unchanged(sign, left, right):
    """What `1 * n` and `n + 0` are, or None."""
    if is_known(left) and sign in "+*":
        left, right = right, left
    nothing = {"+": 0, "-": 0, "*": 1, "//": 1}.get(sign)
    return left if nothing is not None and is_known(right) and known(right) == nothing else None
