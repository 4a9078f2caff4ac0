"""A module's `forward` as recorded: one statement for each operation, in Python's order."""

import operator
import re
from collections.abc import Mapping

import torch
from torch.fx import Node

from ..nodes import (
    Call,
    Choice,
    Do,
    Expression,
    Item,
    Let,
    Line,
    Method,
    Name,
    Operation,
    Return,
    Statement,
    Train,
    WhenTraining,
    constants,
    everything,
    key,
)
from ..observe import EVALUATION, TRAINING, Observed
from ..observe.calls import ModuleCall, given_as, is_number
from ..observe.exporting import Graph
from ..observe.python_lines import line_in_class, method_line, targets
from ..subject import Refused
from .instances import Chain, Instance, Leaf, Struct
from .modes import merged
from .operations import operation
from .sizes import UnknownSize, size
from .tensors import Tensors, is_below


class SeveralWays(Exception):
    """A module is called in several ways: `calls` are those that differ from the first."""

    def __init__(self, calls: list[ModuleCall]) -> None:
        super().__init__()
        self.calls = calls


def method(
    observed: Observed, path: str, understood: Mapping[str, Instance], tensors: Tensors
) -> Method | None:
    """`forward` of the module at `path`, in both modes; `None` where it is not called."""
    calls = {mode: _calls(observed.calls[mode], path) for mode in (TRAINING, EVALUATION)}
    bodies = {
        mode: [_Body(observed, mode, call, understood, tensors) for call in calls[mode]]
        for mode in calls
    }
    others = [
        body.call
        for several in bodies.values()
        for body in several[1:]
        if _form(body) != _form(several[0])
    ]
    if others:
        raise SeveralWays(others)
    training, evaluation = (bodies[mode][0] if bodies[mode] else None for mode in calls)
    first = training or evaluation
    if first is None:
        return None
    statements = _both(first, training, evaluation, _where(observed, path))
    cls = type(observed.modules[path])
    return Method(
        first.arguments,
        statements,
        len(first.call.outputs),
        trains(statements),
        method_line(cls, observed.subject.method if not path else "forward"),
    )


def _form(body: "_Body") -> object:
    """The same for two calls that do the same, to the numbers in them."""
    numbers = [(type(one.value), repr(one.value)) for one in constants(body.statements)]
    return key(body.statements), numbers


def _calls(root: ModuleCall, path: str) -> list[ModuleCall]:
    return [call for call in root.calls() if call.path == path] if path else [root]


def _where(observed: Observed, path: str) -> str:
    cls = type(observed.modules[path])
    line = method_line(cls, "forward")
    place = f"{line.file}:{line.number}" if line else observed.subject.target
    return f"{place}: {cls.__name__} ({path or 'the model'})"


def _both(
    first: "_Body", training: "_Body | None", evaluation: "_Body | None", where: str
) -> tuple[Statement, ...]:
    unary = len(first.arguments) == 1 and len(first.call.outputs) == 1
    if training is None or evaluation is None:
        if not unary:
            raise Refused(f"{where}: called in training only, or in evaluation only")
        through = (Return((first.arguments[0],)),)
        if evaluation is None:
            return (WhenTraining((), through), *first.statements)
        return (WhenTraining(through, ()), *first.statements)
    if len(training.arguments) != len(evaluation.arguments) or len(training.call.outputs) != len(
        evaluation.call.outputs
    ):
        raise Refused(f"{where}: takes or gives other tensors in training than in evaluation")
    return merged(training.statements, evaluation.statements) or (
        WhenTraining(training.statements, evaluation.statements),
    )


class _Body:
    """The statements of one call in one mode."""

    def __init__(
        self,
        observed: Observed,
        mode: str,
        call: ModuleCall,
        understood: Mapping[str, Instance],
        tensors: Tensors,
    ) -> None:
        self.observed, self.call, self.understood, self.tensors = (
            observed,
            call,
            understood,
            tensors,
        )
        self.graph: Graph = observed.graphs[mode]
        self.cls = type(observed.modules[call.path])
        self.count = 0
        self.values: dict[Node, Expression] = {}
        inputs = call.ordered_inputs()
        self.arguments = tuple(self.name(self.argument_hint(node)) for node in inputs)
        self.values.update(zip(inputs, self.arguments))
        self.out: list[Statement] = []
        lines = [self.line(item) for item in call.items]
        for place, item in enumerate(call.items):
            self.item(
                item, lines[place], place + 1 == len(lines) or lines[place + 1] != lines[place]
            )
        results = tuple(self.value(node) for node in call.outputs)
        last = lines[-1] if lines else None
        self.statements = (*self.out, Return(results, last))

    def name(self, hint: str) -> Name:
        self.count += 1
        return Name(self.count, hint)

    def argument_hint(self, node: Node) -> str:
        given = given_as(node, self.call.path)
        if given:
            return given.name
        return self.graph.held.get(node.name, _base(node)).rpartition(".")[2]

    def line(self, item: ModuleCall | Node) -> Line | None:
        node = next(item.nodes()) if isinstance(item, ModuleCall) else item
        return line_in_class(node.meta.get("stack_trace") or "", self.cls)

    def item(self, item: ModuleCall | Node, line: Line | None, is_last: bool) -> None:
        """Adds the statements of an operation or a call; the last of a line of Python has its
        name."""
        names = targets(line) if line and is_last else []
        if isinstance(item, ModuleCall):
            self.call_of(item, line, names)
        elif item.target is operator.getitem:
            of_tuple = isinstance(item.args[0].meta["val"], tuple)
            self.values[item] = Item(self.value(item.args[0]), item.args[1], of_tuple)
        elif isinstance(item.target, torch._ops.OpOverload) and item.target.namespace == "aten":
            value = operation(item.target, item.args, item.kwargs, self.value, _dtype(item))
            self.bind(item, value, line, names)
        else:
            raise self.refused(item, line)

    def refused(self, item: Node, line: Line | None) -> Refused:
        """What is no operation of libtorch, at its line: that of the first operation in it."""
        inner = [
            node.meta.get("stack_trace")
            for argument in item.all_input_nodes
            if argument.op == "get_attr"
            for node in getattr(self.graph.program.graph_module, str(argument.target)).graph.nodes
        ]
        trace = next(filter(None, inner), None)
        line = line_in_class(trace, self.cls) if trace else line
        place = f"{line.file}:{line.number}" if line else self.observed.subject.target
        if "set_grad_enabled" in str(item.target):
            return Refused(
                f"{place}: gradients are switched for a part of forward, which cannot be recorded; "
                "take detach() of its result instead"
            )
        if "autocast" in str(item.target):
            return Refused(
                f"{place}: a part of forward under torch.autocast on the CPU cannot be recorded; "
                "convert with to() instead"
            )
        return Refused(
            f"{place}: {item.target} is not an operation of libtorch and cannot be recorded; "
            "rewrite the line with tensor operations"
        )

    def bind(self, node: Node, value: Expression, line: Line | None, names: list[str]) -> None:
        if not isinstance(node.meta.get("val"), (torch.Tensor, tuple, list)):
            self.out.append(Do(value, line))
            return
        target = self.name(names[0] if len(names) == 1 else _base(node))
        self.out.append(Let(target, value, line))
        self.values[node] = target

    def call_of(self, call: ModuleCall, line: Line | None, names: list[str]) -> None:
        instance = self.understood.get(call.path)
        if instance is None or not is_below(call.path, self.call.path):
            raise Refused(
                f"{_where(self.observed, self.call.path)}: calls {call.path}, which it does not "
                "hold; hand the module's result on instead"
            )
        inputs = tuple(self.value(node) for node in self.inputs_of(call))
        value = Call(
            self.tensors.held(call.path, self.call.path),
            inputs,
            _trains(instance),
            not isinstance(instance, Struct) or instance.forward.unary,
            changes=_changes(instance),
            draws=_draws(instance),
        )
        if len(call.outputs) == 1:
            self.bind(call.outputs[0], value, line, names)
            if isinstance(instance, Leaf) and instance.in_place and call.inputs:
                # The input is the output from here on; the library's layer gives it anew.
                self.in_place(call, line)
            return
        target = self.name(f"{call.path.rpartition('.')[2]}_out")
        self.out.append(Let(target, value, line))
        for place, node in enumerate(call.outputs):
            self.values[node] = Item(target, place, True)

    def in_place(self, call: ModuleCall, line: Line | None) -> None:
        changed = call.inputs[0]
        self.values[changed] = self.values[call.outputs[0]]
        inside = set(call.nodes())
        for node in changed.users:
            later = node not in inside and _is_after(node, next(call.nodes()))
            is_view = isinstance(node.target, torch._ops.OpOverload) and _is_view(node.target)
            if (
                is_view
                and not later
                and any(_is_after(user, next(call.nodes())) for user in node.users)
            ):
                place = f"{line.file}:{line.number}" if line else self.observed.subject.target
                raise Refused(
                    f"{place}: {call.path} changes a tensor in place that has a view in use; "
                    "use inplace=False"
                )

    def inputs_of(self, call: ModuleCall) -> list[Node]:
        """The inputs in order; of a call on parameters alone, those."""
        found = call.ordered_inputs()
        if found:
            return found
        own = f"{call.path}."
        return [
            node
            for node in next(call.nodes()).all_input_nodes
            if not is_number(node) and not self.graph.held.get(node.name, own).startswith(own)
        ]

    def value(self, node: Node) -> Expression:
        if node in self.values:
            return self.values[node]
        if is_number(node):
            try:
                return size(node, self.values)
            except UnknownSize as error:
                raise Refused(
                    f"{_where(self.observed, self.call.path)}: the size {error} does not come "
                    "from the size of an argument"
                ) from None
        if node.name in self.graph.constants:
            return self.tensors.constant(node.name, self.graph.constants[node.name], self.call.path)
        if node.name in self.graph.held:
            return self.tensors.parameter(self.graph.held[node.name], self.call.path)
        raise AssertionError(f"{self.call.path}: {node} has no value")


def _base(node: Node) -> str:
    return re.sub(r"_+\d*$", "", node.name).lstrip("_") or "value"


def _dtype(node: Node) -> object:
    value = node.meta.get("val")
    return value.dtype if isinstance(value, torch.Tensor) else None


def _is_view(function: torch._ops.OpOverload) -> bool:
    return any(
        a.alias_info is not None and not a.alias_info.is_write for a in function._schema.returns
    )


def _is_after(node: Node, other: Node) -> bool:
    return other < node


def _trains(instance: Instance) -> bool:
    match instance:
        case Leaf():
            return instance.trains
        case Chain():
            return True
        case Struct():
            return instance.forward is not None and instance.forward.trains


def _draws(instance: Instance) -> bool:
    match instance:
        case Leaf():
            return instance.draws
        case Chain(items=items):
            return any(_draws(item) for item in items)
        case Struct():
            return True


def _changes(instance: Instance) -> bool:
    """It may change what it is given. A batch norm changes its buffers, which nothing else
    reads."""
    match instance:
        case Leaf():
            return False
        case Chain(items=items):
            return any(_changes(item) for item in items)
        case Struct(forward=forward):
            return forward is not None and any(
                (isinstance(part, Call) and part.changes)
                or (isinstance(part, Operation) and part.schema.is_in_place)
                for part in everything(forward.body)
            )


def trains(statements: tuple[Statement, ...]) -> bool:
    """The body does something else in training than in evaluation."""
    return any(
        isinstance(part, (Train, Choice, WhenTraining)) or (isinstance(part, Call) and part.trains)
        for part in everything(statements)
    )
