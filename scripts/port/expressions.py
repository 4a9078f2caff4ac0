"""Expressions: a syntax tree of Python to a value (see values.py)."""

import ast
import builtins
import math
import operator
import re

import torch

from .indexing import Indexing
from .calls import Calls
from .refusals import Poisoned, Refuse
from .render import Unfit, operand, render
from .values import (
    ATOM, COMPARISON, LOGIC, PRODUCT, SUM, UNARY, Items, Known, Layer, Method, Poison, Rust,
    SelfValue, TensorMethod, is_known, is_number, is_tensor, known, parenthesized, string_text,
)

OPERATORS = {
    ast.Add: (operator.add, "+", SUM), ast.Sub: (operator.sub, "-", SUM),
    ast.Mult: (operator.mul, "*", PRODUCT), ast.Div: (operator.truediv, "/", PRODUCT),
    ast.FloorDiv: (operator.floordiv, "//", PRODUCT), ast.Mod: (operator.mod, "%", PRODUCT),
    ast.Pow: (operator.pow, "**", UNARY), ast.MatMult: (operator.matmul, "@", PRODUCT),
    ast.BitAnd: (operator.and_, "&", PRODUCT), ast.BitOr: (operator.or_, "|", SUM),
}
COMPARISONS = {
    ast.Eq: (operator.eq, "==", "eq"), ast.NotEq: (operator.ne, "!=", "ne"),
    ast.Lt: (operator.lt, "<", "lt"), ast.LtE: (operator.le, "<=", "le"),
    ast.Gt: (operator.gt, ">", "gt"), ast.GtE: (operator.ge, ">=", "ge"),
}
# What a layer's parameters are called in Rust.
ATTRIBUTES = {"weight": "ws", "bias": "bs"}


class Expressions(Calls, Indexing):
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
                return Known(False)
        return TensorMethod(value, name)

    def attribute_of_layer(self, node, value, name):
        found = self.port.attribute_of_layer(value, name)
        if found is None:
            raise Refuse(node, f"the attribute {name} of this layer has no Rust")
        return found

    # Operators

    def on_UnaryOp(self, node):
        value = self.expression(node.operand)
        if is_known(value):
            functions = {ast.USub: operator.neg, ast.Not: operator.not_, ast.UAdd: operator.pos,
                         ast.Invert: operator.invert}
            return Known(functions[type(node.op)](known(value)))
        match node.op:
            case ast.USub() if is_tensor(value):
                return Rust(f"-{operand(value, self, UNARY)}", "tensor", level=UNARY)
            case ast.USub() if is_number(value):
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
        if isinstance(left, Known) and isinstance(left.value, list) and sign == "*" and \
                len(left.value) == 1:
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
            return Rust(f"{render(left, 'receiver', self)}.pow({render(right, 'ref', self)})", "tensor")
        if sign == "**":
            text = f"Tensor::pow_scalar({render(left, 'number', self)}, {render(right, 'ref', self)})"
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
                text = f"{render(right, 'receiver', self)}.rsub_scalar({render(left, 'number', self)})"
                return Rust(text, "tensor")
            if sign == "/":
                text = f"{render(right, 'receiver', self)}.reciprocal()"
                return Rust(f"{text} * {render(left, 'number', self)}", "tensor", level=PRODUCT)
        if not all(is_tensor(v) or is_number(v) for v in (left, right)):
            raise Unfit
        if is_number(left) and sign in "+*":
            # What `2. * x` is in tch, too, where the compiler does not always find the type of `2.`.
            left, right = right, left
        texts = operand(left, self, level), operand(right, self, level - 1)
        return Rust(f"{texts[0]} {sign} {texts[1]}", "tensor", level=level)

    def number_operation(self, node, sign, level, left, right):
        integers = all(
            (isinstance(v, Known) and isinstance(v.value, int)) or
            (isinstance(v, Rust) and v.type == "int") for v in (left, right)
        )
        for value in (left, right):
            self.use(value)
        if sign == "**":
            base = render(left, "float" if not integers else "int", self)
            if integers and isinstance(right, Known) and right.value >= 0:
                return Rust(f"{parenthesized(self.number(left, True), ATOM)}.pow({right.value})", "int")
            if isinstance(right, Known) and right.value == 0.5:
                return Rust(f"{self.float_atom(left)}.sqrt()", "float")
            if isinstance(right, Known) and right.value == -0.5:
                return Rust(f"{self.float_atom(left)}.powf(-0.5)", "float")
            return Rust(f"({base}).powf({render(right, 'float', self)})", "float")
        if sign in ("//", "%") and integers:
            # Python rounds down, Rust towards zero: one where nothing is below zero, as sizes are not.
            texts = self.number(left, True), self.number(right, True)
            if any("-" in text.text for text in texts):
                if not (isinstance(right, Known) and right.value > 0):
                    raise Refuse(node, "what may be below zero is rounded otherwise in Rust")
                name = "div_euclid" if sign == "//" else "rem_euclid"
                return Rust(f"{parenthesized(texts[0], ATOM)}.{name}({texts[1].text})", "int")
            text = f"{parenthesized(texts[0], level)} {sign[0]} {parenthesized(texts[1], level - 1)}"
            return Rust(text, "int", level=level)
        if sign == "/" or not integers:
            if sign not in "+-*/":
                raise Refuse(node, "the operator has no Rust for these")
            texts = self.number(left, False), self.number(right, False)
            return Rust(f"{parenthesized(texts[0], level)} {sign} {parenthesized(texts[1], level - 1)}",
                        "float", level=level)
        if sign not in "+-*%":
            raise Refuse(node, "the operator has no Rust for these")
        texts = self.number(left, True), self.number(right, True)
        return Rust(f"{parenthesized(texts[0], level)} {sign} {parenthesized(texts[1], level - 1)}",
                    "int", level=level)

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
            integers = all(isinstance(v, Known) and isinstance(v.value, int) or
                           isinstance(v, Rust) and v.type == "int" for v in (left, right))
            texts = [self.number(v, integers) for v in (left, right)]
            for value in (left, right):
                self.use(value)
            joined = f" {sign} ".join(parenthesized(t, SUM) for t in texts)
            return Rust(joined, "bool", level=COMPARISON)
        if isinstance(left, Rust) and left.type == "shape" and isinstance(right, Rust):
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
        if isinstance(value, Layer):
            return Known(True)
        raise Refuse(node, "its truth is not known")

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
        return self.either(node, condition, self.expression(node.body), self.expression(node.orelse))

    def either(self, node, condition, left, right):
        kind = self.common_kind(node, left, right)
        texts = [render(v, {"tensor": "owned"}.get(kind, kind), self) for v in (left, right)]
        return Rust(f"if {condition.text} {{ {texts[0]} }} else {{ {texts[1]} }}", kind, level=LOGIC)

    def common_kind(self, node, left, right):
        for kind, fits in (("tensor", is_tensor), ("bool", self.is_bool), ("int", self.is_int),
                           ("float", is_number)):
            if fits(left) and fits(right):
                return kind
        raise Refuse(node, "the two are of different types")

    def is_bool(self, value):
        return (isinstance(value, Known) and isinstance(value.value, bool)) or (
            isinstance(value, Rust) and value.type == "bool")

    def is_int(self, value):
        return is_number(value) and not self.is_bool(value) and (
            isinstance(value.value, int) if isinstance(value, Known) else value.type == "int")

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


PURE = {
    len, range, int, float, bool, str, min, max, sum, abs, round, sorted, list, tuple, dict, zip,
    enumerate, reversed, isinstance, issubclass, getattr, hasattr, type, any, all, set, divmod, pow,
    repr, map,
}


def is_pure(function):
    """Whether a call with known arguments can be made at port time."""
    try:
        if function in PURE:
            return True
    except TypeError:
        return False
    if function in (torch.cuda.is_available, torch.accelerator.is_available):
        return True
    owner = getattr(function, "__self__", None)
    if isinstance(owner, torch.Tensor):
        return getattr(function, "__name__", "") in ("dim", "size", "numel", "ndimension")
    if isinstance(owner, (str, list, dict, tuple, int, float)) and not isinstance(owner, type):
        return True
    return getattr(function, "__module__", None) in ("math", "collections", "itertools", "functools",
                                                     "numpy") or function is math.sqrt or \
        function in (torch.device, torch.Size)
