"""Comparisons, and what is true or false."""

import ast
import operator
import re

from .refusals import Refuse
from .render import render
from .values import (
    COMPARISON,
    LOGIC,
    SUM,
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

COMPARISONS = {
    ast.Eq: (operator.eq, "==", "eq"),
    ast.NotEq: (operator.ne, "!=", "ne"),
    ast.Lt: (operator.lt, "<", "lt"),
    ast.LtE: (operator.le, "<=", "le"),
    ast.Gt: (operator.gt, ">", "gt"),
    ast.GtE: (operator.ge, ">=", "ge"),
}


class Conditions:
    def on_Compare(self, node):
        values = [self.expression(v) for v in [node.left, *node.comparators]]
        parts = [
            self.compared(node, op, left, right)
            for op, left, right in zip(node.ops, values, values[1:])
        ]
        if all(isinstance(p, Known) for p in parts):
            return Known(all(p.value for p in parts))
        if len(parts) == 1:
            return parts[0]
        if any(p.type == "tensor" for p in parts if isinstance(p, Rust)):
            raise Refuse(node, "a chain of comparisons has no Rust for tensors")
        return Rust(" && ".join(p.text for p in parts if isinstance(p, Rust)), "bool", level=LOGIC)

    def compared(self, node, op, left, right):
        if isinstance(op, (ast.Is, ast.IsNot)):
            none = lambda v: isinstance(v, Known) and v.value is None  # noqa: E731
            if none(left) or none(right):
                other = right if none(left) else left
                if isinstance(other, Layer) and other.spec.kind == "option":
                    name = "is_none" if isinstance(op, ast.Is) else "is_some"
                    return Rust(f"{other.text}.{name}()", "bool")
                if isinstance(other, Rust) and other.type == "option":
                    self.use(other)
                    name = "is_none" if isinstance(op, ast.Is) else "is_some"
                    return Rust(f"{other.text}.{name}()", "bool")
                same = none(left) and none(right)
                return Known(same if isinstance(op, ast.Is) else not same)
            if is_known(left) and is_known(right):
                same = known(left) is known(right)
                return Known(same if isinstance(op, ast.Is) else not same)
            raise Refuse(node, "`is` has no Rust for these")
        if isinstance(op, (ast.In, ast.NotIn)):
            if is_known(left) and is_known(right):
                found = known(left) in known(right)
                return Known(found if isinstance(op, ast.In) else not found)
            raise Refuse(node, "`in` has no Rust for these")
        function, sign, name = COMPARISONS[type(op)]
        if is_known(left) and is_known(right):
            return Known(function(known(left), known(right)))
        if is_tensor(left):
            receiver = render(left, "receiver", self)
            if is_number(right):
                return Rust(f"{receiver}.{name}({render(right, 'number', self)})", "tensor")
            return Rust(f"{receiver}.{name}_tensor({render(right, 'ref', self)})", "tensor")
        if is_number(left) and is_number(right):
            integers = all(
                (isinstance(v, Known) and isinstance(v.value, int))
                or (isinstance(v, Rust) and v.type == "int")
                for v in (left, right)
            )
            texts = [self.number(v, integers) for v in (left, right)]
            for value in (left, right):
                self.use(value)
            joined = f" {sign} ".join(parenthesized(t, SUM) for t in texts)
            return Rust(joined, "bool", level=COMPARISON)
        shapes = (
            isinstance(left, Rust)
            and isinstance(right, Rust)
            and left.type == right.type == "shape"
        )
        if shapes:
            self.use(left)
            self.use(right)
            return Rust(f"{left.text} {sign} {right.text}", "bool", level=COMPARISON)
        raise Refuse(node, "the comparison has no Rust for these")

    def on_BoolOp(self, node):
        is_and = isinstance(node.op, ast.And)
        texts = []
        for part in node.values:
            value = self.expression(part)
            if is_known(value):
                # What decides, decides; what does not is passed over.
                if bool(known(value)) != is_and:
                    if not texts:
                        return value
                    return Known(known(value))
                last = value
                continue
            last = None
            texts.append(self.condition(part, value))
        if not texts:
            return last
        level = LOGIC if len(texts) > 1 else texts[0].level
        joined = (" && " if is_and else " || ").join(
            parenthesized(t, COMPARISON if len(texts) > 1 else LOGIC) for t in texts
        )
        return Rust(joined, "bool", level=level)

    def condition(self, node, value):
        """A value of which Python takes the truth."""
        if isinstance(value, Rust) and value.type == "bool":
            self.use(value)
            return value
        if is_tensor(value):
            raise Refuse(node, "which way it goes hangs on data; a network of Rust's goes one way")
        if isinstance(value, Rust) and value.type == "int":
            self.use(value)
            return Rust(f"{parenthesized(value, SUM)} != 0", "bool", level=COMPARISON)
        if isinstance(value, (Items,)):
            return Known(bool(value.values))
        if isinstance(value, Layer) and value.spec.kind == "option":
            return self.is_there(node, value)
        if isinstance(value, Layer):
            return Known(True)
        raise Refuse(node, "its truth is not known")

    def is_there(self, node, layer):
        """`if self.layer:` of a layer or None. A container without layers is false in Python,
        too."""
        field = next(
            f for f in self.owner.fields if f"self.{self.owner.fields[f].name}" == layer.text
        )
        found = [getattr(o, field, None) for o in self.port.facts.of(self.owner.name).objects]
        if not all(value is None or value for value in found):
            raise Refuse(node, "its truth is not known")
        return Rust(f"{layer.text}.is_some()", "bool")

    def on_IfExp(self, node):
        test = self.expression(node.test)
        option = isinstance(test, Rust) and re.fullmatch(r"self\.(\w+)\.is_some\(\)", test.text)
        if option:
            self.present[f"self.{option[1]}"] = option[1]
            test = Rust(f"let Some({option[1]}) = &self.{option[1]}", "bool")
        if is_known(test):
            return self.expression(node.body if known(test) else node.orelse)
        condition = self.condition(node.test, test)
        if isinstance(condition, Known):
            return self.expression(node.body if condition.value else node.orelse)
        return self.either(
            node, condition, self.expression(node.body), self.expression(node.orelse)
        )

    def either(self, node, condition, left, right):
        kind = self.common_kind(node, left, right)
        texts = [render(v, {"tensor": "owned"}.get(kind, kind), self) for v in (left, right)]
        return Rust(
            f"if {condition.text} {{ {texts[0]} }} else {{ {texts[1]} }}", kind, level=LOGIC
        )

    def common_kind(self, node, left, right):
        for kind, fits in (
            ("tensor", is_tensor),
            ("bool", self.is_bool),
            ("int", self.is_int),
            ("float", is_number),
        ):
            if fits(left) and fits(right):
                return kind
        raise Refuse(node, "the two are of different types")

    def is_bool(self, value):
        return (isinstance(value, Known) and isinstance(value.value, bool)) or (
            isinstance(value, Rust) and value.type == "bool"
        )

    def is_int(self, value):
        return (
            is_number(value)
            and not self.is_bool(value)
            and (isinstance(value.value, int) if isinstance(value, Known) else value.type == "int")
        )
