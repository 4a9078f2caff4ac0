"""The graphs of a model, in training and in evaluation, with the sizes that stay free."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.fx import Node
from torch.fx.experimental.proxy_tensor import get_proxy_mode, get_proxy_slot
from torch.utils._pytree import TreeSpec, tree_flatten, tree_leaves, tree_map, tree_unflatten

from ..subject import Refused, Subject
from ..tables.operations import schema_of
from .direct_calls import forwards_as_calls
from .free_sizes import FixedSize, as_it_comes, by_names, check_free, each
from .numpy_recorded import numpy_recorded, tensor_of
from .regions import inline_regions
from .results import opened
from .user_modules import integers_recorded, lengths_recorded

# An end of a slice that is beyond every tensor's.
BEYOND = 2**62

# The mark of an argument of a module on the node that was given as it.
ARGUMENT = "torch2tch_argument"


@dataclass(frozen=True)
class GivenAs:
    """A node was given to the module at `path` as its argument `name`, the `place`th tensor."""

    path: str
    name: str
    place: int


@dataclass(frozen=True)
class Graph:
    """A model's graph in one mode. `held` names the parameter, buffer or constant of a placeholder;
    `inputs` are the placeholders of the inputs, `outputs` the nodes of the results."""

    program: torch.export.ExportedProgram
    held: dict[str, str]
    constants: dict[str, torch.Tensor]
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]

    @property
    def nodes(self) -> list[Node]:
        return [node for node in self.program.graph.nodes if node.op == "call_function"]


class Entry(nn.Module):
    """The model with its tensors as inputs, and every other argument fixed."""

    def __init__(self, model: nn.Module, method: str, spec: TreeSpec, values: list[object]) -> None:
        super().__init__()
        self.model, self.method, self.spec, self.values = model, method, spec, values
        self.training = model.training

    def forward(self, *tensors: torch.Tensor) -> object:
        rest = iter(tensors)
        values = [next(rest) if isinstance(v, torch.Tensor) else v for v in self.values]
        positional, named = tree_unflatten(values, self.spec)
        call = self.model if self.method == "forward" else getattr(self.model, self.method)
        return tree_map(tensor_of, opened(call(*positional, **named)))


def draw(subject: Subject, turn: int) -> tuple[TreeSpec, list[object]]:
    """The arguments of the call at the first or the second of the sizes, flat."""
    torch.manual_seed(turn)
    values, spec = tree_flatten(subject.draw(subject.observed(turn)))
    return spec, values


def tensors_of(value: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def export(subject: Subject, model: nn.Module, train: bool) -> Graph:
    """The graph in one mode, as `model.train()` or `model.eval()` leave the model. Where the code
    fixes a size with `int`, it is recorded again with another `int`."""
    model.train() if train else model.eval()
    try:
        return _exported(subject, model)
    except FixedSize as fixed:
        with contextlib.suppress(Refused), integers_recorded():
            return _exported(subject, model)
        raise fixed


def _exported(subject: Subject, model: nn.Module) -> Graph:
    attempts = (by_names, each, as_it_comes)
    for attempt in attempts:
        spec, values = draw(subject, 0)
        _, others = draw(subject, 1)
        entry = Entry(model, subject.method, spec, values)
        first, second = tensors_of(values), tensors_of(others)
        free = attempt(subject, first, second)
        try:
            with (
                data_recorded(),
                numpy_recorded(),
                lengths_recorded(),
                forwards_as_calls(model),
                arguments_marked(model),
            ):
                program = torch.export.export(
                    entry, tuple(first), dynamic_shapes={"tensors": free}, strict=False
                )
        except Exception as error:
            if attempt is attempts[-1]:
                raise Refused(_cause(subject, error)) from error
        else:
            graph = _graph(program, subject.target)
            check_free(subject, graph.inputs, first, second)
            return graph
    raise AssertionError("the last attempt returns or raises")


@contextlib.contextmanager
def data_recorded() -> Iterator[None]:
    """`tensor.data` as `tensor.detach()`, which a graph can have."""
    plain = torch._C.TensorBase.data

    def get(tensor: torch.Tensor) -> torch.Tensor:
        return plain.__get__(tensor) if get_proxy_mode() is None else tensor.detach()

    torch.Tensor.data = property(get, plain.__set__, plain.__delete__)
    try:
        yield
    finally:
        del torch.Tensor.data


@contextlib.contextmanager
def arguments_marked(model: nn.Module) -> Iterator[None]:
    hooks = [
        module.register_forward_pre_hook(_marking(path), with_kwargs=True)
        for path, module in model.named_modules()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _marking(path: str) -> Callable:
    """A hook that marks the nodes of a module's arguments with their names."""

    def mark(module: nn.Module, positional: tuple, named: dict) -> None:
        mode = get_proxy_mode()
        if mode is None:
            return
        try:
            bound = (
                inspect.signature(type(module).forward).bind(module, *positional, **named).arguments
            )
        except (TypeError, ValueError):
            return
        for place, (name, value) in enumerate(_flat(list(bound.items())[1:])):
            slot = (
                get_proxy_slot(value, mode.tracer, None)
                if isinstance(value, torch.Tensor)
                else None
            )
            if slot is not None:
                slot.proxy.node.meta.setdefault(ARGUMENT, []).append(GivenAs(path, name, place))

    return mark


def _flat(items: list[tuple[str, object]]) -> list[tuple[str, object]]:
    """Arguments by name, those in lists numbered, those in dictionaries by their keys."""
    found: list[tuple[str, object]] = []
    for name, value in items:
        if isinstance(value, dict):
            found += _flat(list(value.items()))
        elif isinstance(value, (tuple, list)):
            named = name if len(value) == 1 else f"{name}_"
            found += _flat(
                [(named if len(value) == 1 else f"{named}{i}", v) for i, v in enumerate(value)]
            )
        else:
            found.append((name, value))
    return found


def _graph(program: torch.export.ExportedProgram, target: str) -> Graph:
    signature = program.graph_signature
    held = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    held = {node: name.removeprefix("model.") for node, name in held.items()}
    lifted = {
        node: program.constants[name]
        for node, name in signature.inputs_to_lifted_tensor_constants.items()
    }
    name_changed(program.graph, set(held))
    inline_regions(program.graph_module, target, ARGUMENT, frozenset(signature.inputs_to_buffers))
    sizes_alone(program.graph)
    drop_no_ops(program.graph)
    name_changed(program.graph, set(held))
    by_name = {node.name: node for node in program.graph.nodes}
    inputs = tuple(by_name[name] for name in signature.user_inputs if isinstance(name, str))
    results = next(node for node in program.graph.nodes if node.op == "output").args[0]
    outputs = tuple(
        node
        for node, spec in zip(results, signature.output_specs)
        if spec.kind is torch.export.graph_signature.OutputKind.USER_OUTPUT
        and isinstance(node, Node)
    )
    return Graph(program, held, lifted, inputs, outputs)


def drop_no_ops(graph: torch.fx.Graph) -> None:
    """Puts its input in the place of what gives just that: a conversion to the dtype that is there
    (the inputs' dtypes are checked), a slice of everything, an alias. From such a line on, the
    graph has its result wherever Python goes on with the input."""
    for node in list(graph.nodes):
        if node.op == "call_function" and _is_no_op(node):
            source = node.args[0]
            source.meta.setdefault(ARGUMENT, []).extend(node.meta.get(ARGUMENT, ()))
            node.replace_all_uses_with(source)
            graph.erase_node(node)


def sizes_alone(graph: torch.fx.Graph) -> None:
    """`upsample_*` to a size in the form that takes no factors: of the form with either, tch gives
    always both."""
    for node in graph.nodes:
        name = str(node.target)
        if not (name.startswith("aten.") and "upsample_" in name and name.endswith(".vec")):
            continue
        source, size, *others = node.args
        if size is None:
            continue
        packet = getattr(torch.ops.aten, name.split(".")[1])
        count = len(packet.default._schema.arguments)
        given = (source, size, *(others[:1] if "nearest" not in name else ()))
        node.target = packet.default
        node.args = (*given, *(None for _ in range(count - len(given))))


def name_changed(graph: torch.fx.Graph, held: set[str]) -> None:
    """What is left of a parameter or buffer that is changed in place goes by its own name: another
    call of the module finds it where it is."""
    for node in graph.nodes:
        if (
            isinstance(node.target, torch._ops.OpOverload)
            and schema_of(node.target).is_in_place
            and isinstance(node.args[0], Node)
            and node.args[0].name in held
        ):
            node.replace_all_uses_with(node.args[0])


def _is_no_op(node: Node) -> bool:
    name = str(node.target)
    if name.startswith("aten.to."):
        return (
            node.meta["val"].dtype == node.args[0].meta["val"].dtype and True not in node.args[2:]
        )
    if name == "aten.slice.Tensor":
        _, _, start, end, step = (*node.args, *(0, None, None, 1)[len(node.args) - 1 :])
        return (
            start in (None, 0)
            and (end is None or (isinstance(end, int) and end >= BEYOND))
            and step == 1
        )
    return name in ("aten.alias.default", "aten.lift_fresh_copy.default", "aten.detach_.default")


def _cause(subject: Subject, error: Exception) -> str:
    """The first line of what torch.export says, with the words of the field."""
    text = str(error)
    if "data-dependent" in text or "GuardOnDataDependent" in type(error).__name__:
        return (
            f"{subject.target}: data-dependent control flow is not supported; compute with "
            "tensors, "
            "such as torch.where"
        )
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return (
        f"{subject.target}: torch.export cannot record it: {type(error).__name__}: {first.strip()}"
    )
