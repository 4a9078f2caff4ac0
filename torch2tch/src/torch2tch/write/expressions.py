"""Expressions as syntax: what is borrowed, what is copied, and in which brackets."""

from ..nodes import (
    Argument,
    Arithmetic,
    Call,
    Choice,
    Comparison,
    Constant,
    Expression,
    Held,
    Index,
    Initialize,
    Item,
    Literal,
    Name,
    NewClass,
    NewLayer,
    NewList,
    NewSequential,
    Operation,
    Rolled,
    Root,
    SizeOf,
    TensorOf,
    Train,
    Unset,
    Variable,
)
from ..nodes.expressions import Dropped, Earlier, MaybeCall, Optional, Shared
from ..subject import Refused
from . import layers, operations
from .scope import Scope
from .syntax import Group, Infix, Level, Prefixed, Syntax, Text, at_most, method
from .syntax import one_line as one
from .values import ELEMENTS, KINDS, element, floating, number, string


class Expressions:
    """The expressions of one method."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    # As what an expression is wanted

    def reference(self, node: Expression) -> Syntax:
        """`&Tensor`."""
        syntax = self.expression(node)
        if self.is_reference(node):
            return syntax
        return Prefixed("&", at_most(syntax, Level.PREFIX))

    def receiver(self, node: Expression) -> Syntax:
        """The tensor that a method is called on."""
        return at_most(self.expression(node), Level.ATOM)

    def mutable(self, node: Expression) -> Syntax:
        """The tensor that a method changes: a local, or another handle of what is borrowed."""
        syntax = self.receiver(node)
        return method(syntax, "shallow_clone") if isinstance(node, (Held, Item)) else syntax

    def operand(self, node: Expression) -> Syntax:
        """A side of an operator, which does not use up what has a name."""
        if self.is_place(node) and not self.is_reference(node):
            return Prefixed("&", self.expression(node))
        return self.expression(node)

    def owned(self, node: Expression) -> Syntax:
        """A tensor to give away."""
        syntax = self.expression(node)
        if self.is_reference(node) or isinstance(node, (Held, Item)) or node in self.scope.shared:
            return method(syntax, "shallow_clone")
        return syntax

    def number(self, node: Expression) -> Syntax:
        """A number as it is."""
        return self.expression(node)

    def floating(self, node: Expression) -> Syntax:
        if isinstance(node, Constant):
            return Text(floating(node.value))
        if isinstance(node, Choice):
            return choice(self.floating(node.training), self.floating(node.evaluation))
        if isinstance(node, (SizeOf, Arithmetic)):
            return Infix(
                at_most(self.expression(node), Level.ATOM), "as", Text("f64"), Level.PRODUCT
            )
        return self.expression(node)

    def is_reference(self, node: Expression) -> bool:
        return (
            node in self.scope.references
            if isinstance(node, Name)
            else isinstance(node, Held) and node.optional
        )

    def is_place(self, node: Expression) -> bool:
        return isinstance(node, (Name, Held, Item))

    def is_size(self, node: object) -> bool:
        return isinstance(node, (Name, Argument))

    # What an expression is

    def expression(self, node: Expression) -> Syntax:
        match node:
            case Constant(value=value):
                return Text(number(value), Level.PREFIX if _is_negative(value) else Level.ATOM)
            case Name():
                return Text(self.scope.names[node])
            case Argument(name=name):
                return Text(name)
            case Held():
                return self.held(node)
            case Train():
                return Text("train")
            case Choice(training=training, evaluation=evaluation):
                return choice(self.expression(training), self.expression(evaluation))
            case SizeOf(tensor=tensor, dimension=dimension):
                return Text(f"{one(self.receiver(tensor))}.size()[{dimension}]")
            case Comparison(sign=sign, left=left, right=right):
                return Infix(self.expression(left), sign, self.expression(right), Level.BLOCK)
            case Arithmetic(sign=sign, left=left, right=right):
                return self.arithmetic(sign, left, right)
            case Item(value=value, place=place, of_tuple=of_tuple):
                text = one(self.receiver(value))
                return Text(f"{text}.{place}" if of_tuple else f"{text}[{place}]")
            case Operation():
                return operations.operation(self, node)
            case Call():
                return self.call(node)
            case MaybeCall():
                return self.maybe_call(node)
            case Variable(name=name):
                return Group(
                    "get",
                    "()",
                    (
                        Text("&vs" if self.scope.path_is_owned else "vs"),
                        Text("name" if name is None else string(name)),
                    ),
                )
            case TensorOf():
                return tensor_of(node)
            case Initialize():
                return layers.initialize(self, node)
            case (
                NewLayer()
                | NewClass()
                | NewSequential()
                | NewList()
                | Earlier()
                | Rolled()
                | Optional()
                | Dropped()
                | Shared()
            ):
                return layers.new(self, node)
            case Unset():
                return Text("Tensor::new()")
            case Index():
                return Text("i")
            case Literal(value=None):
                return Text("None")
            case Root():
                return layers.path(node)
        raise Refused(f"{type(node).__name__} has no Rust")

    def held(self, node: Held) -> Syntax:
        first, *rest = node.parts
        text = str(first) if self.scope.constructing else f"self.{first}"
        for part in rest:
            text += f"[{part}]" if isinstance(part, int) else f".{part}"
        if node.optional:
            return Text(f'{text}.as_ref().expect("a bias")')
        return Text(text)

    def arithmetic(self, sign: str, left: Expression, right: Expression) -> Syntax:
        """Python rounds a quotient down, as Rust's Euclidean one does for a positive divisor."""
        if sign in ("//", "%"):
            name = "div_euclid" if sign == "//" else "rem_euclid"
            return method(at_most(self.expression(left), Level.ATOM), name, self.expression(right))
        level = Level.SUM if sign in "+-" else Level.PRODUCT
        return Infix(
            at_most(self.expression(left), level),
            sign,
            at_most(self.expression(right), Level(level - 1)),
            level,
        )

    def call(self, node: Call) -> Syntax:
        callee = self.expression(node.callee)
        if not node.unary:
            arguments = [self.reference(value) for value in node.inputs]
            return method(callee, "forward", *arguments, *([Text("train")] if node.trains else []))
        borrowed = callee if isinstance(node.callee, Name) else Prefixed("&", callee)
        receiver = self.receiver(node.inputs[0])
        if node.trains:
            return method(receiver, "apply_t", borrowed, Text("train"))
        return method(receiver, "apply", borrowed)

    def maybe_call(self, node: MaybeCall) -> Syntax:
        value = self.receiver(node.input)
        layer = node.callee.parts[-1]
        called = (
            method(value, "apply_t", Text(str(layer)), Text("train"))
            if node.trains
            else method(value, "apply", Text(str(layer)))
        )
        field = one(self.expression(node.callee))
        arms = (
            Prefixed(f"Some({layer}) => ", called),
            Prefixed("None => ", self.owned(node.input)),
        )
        return Group(f"match &{field}", "{}", arms, Level.BLOCK)


def choice(training: Syntax, evaluation: Syntax) -> Syntax:
    return Text(f"if train {{ {one(training)} }} else {{ {one(evaluation)} }}", Level.BLOCK)


def tensor_of(node: TensorOf) -> Syntax:
    """A tensor, written out; equal elements are said once."""
    type_ = ELEMENTS.get(node.dtype)
    if type_ is None:
        raise Refused(f"a tensor of {node.dtype} that no operation of torch made")
    if not node.shape:
        return (
            method(
                Group("Tensor::from", "()", (Text(_typed(node.elements[0], type_)),)),
                "to_kind",
                Text(KINDS[node.dtype]),
            )
            if type_ == "bool"
            else Group("Tensor::from", "()", (Text(_typed(node.elements[0], type_)),))
        )
    elements = tuple(
        Text(_typed(value, type_) if place == 0 else element(value, type_))
        for place, value in enumerate(node.elements)
    )
    made = Group("Tensor::from_slice", "()", (Prefixed("&", Group("", "[]", elements)),))
    if len(node.shape) == 1:
        return made
    return method(made, "view", Group("", "[]", tuple(Text(str(size)) for size in node.shape)))


def _typed(value: int | float | bool, type_: str) -> str:
    text = element(value, type_)
    if type_ == "bool" or "::" in text:
        return text
    return (text + "0" if text.endswith(".") else text) + ("" if type_ == "bool" else type_)


def _is_negative(value: int | float | bool) -> bool:
    return not isinstance(value, bool) and value < 0
