"""A graph as the calls of modules that it came from: each with what goes in and what comes out."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch.fx import Node

from .exporting import ARGUMENT, GivenAs, Graph

# Operations that check and compute nothing.
CHECKS = ("_assert", "sym_constrain", "_check")


@dataclass(eq=False)
class ModuleCall:
    """One call of the module at `path`: operations and calls of other modules, in order. `turn`
    counts the calls of that module."""

    path: str
    turn: int = 0
    items: list["ModuleCall | Node"] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    outputs: list[Node] = field(default_factory=list)

    def nodes(self) -> Iterator[Node]:
        for item in self.items:
            if isinstance(item, ModuleCall):
                yield from item.nodes()
            else:
                yield item

    def calls(self) -> Iterator["ModuleCall"]:
        yield self
        for item in self.items:
            if isinstance(item, ModuleCall):
                yield from item.calls()

    def write_out(self, calls: list["ModuleCall"]) -> None:
        """Puts what these calls below this one consist of in their places."""
        items: list[ModuleCall | Node] = []
        for item in self.items:
            if isinstance(item, ModuleCall):
                item.write_out(calls)
                items += item.items if item in calls else [item]
            else:
                items.append(item)
        self.items = items

    def ordered_inputs(self) -> list[Node]:
        """The inputs in the order of the module's arguments."""
        return sorted(
            self.inputs,
            key=lambda node: (
                given.place
                if (given := given_as(node, self.path))
                else 1000 + self.inputs.index(node)
            ),
        )


def given_as(node: Node, path: str) -> GivenAs | None:
    """The argument of the module at `path` that the node was given as."""
    return next((given for given in node.meta.get(ARGUMENT, ()) if given.path == path), None)


def is_number(node: Node) -> bool:
    """The node computes a size and no tensor."""
    return isinstance(
        node.meta.get("val"), (torch.SymInt, torch.SymFloat, torch.SymBool, int, float)
    )


def is_check(node: Node) -> bool:
    return any(check in str(node.target) for check in CHECKS)


def call_tree(
    graph: Graph, first_paths: Mapping[str, str], names: Mapping[str, list[str]]
) -> ModuleCall:
    """The call of the model itself. A number is no item: it is computed where it is used. A module
    with several paths goes by the first, as `first_paths` says; `names` has all names of each
    parameter and buffer."""
    root = ModuleCall("")
    stack: list[tuple[str, ModuleCall]] = [("", root)]
    turns: dict[str, int] = {}
    for node in graph.nodes:
        if is_check(node) or is_number(node):
            continue
        modules = [(key, first_paths.get(path, path)) for key, path in _modules(node)]
        depth = 0
        while (
            depth < len(modules)
            and depth + 1 < len(stack)
            and stack[depth + 1][0] == modules[depth][0]
        ):
            depth += 1
        del stack[depth + 1 :]
        for key, path in modules[depth:]:
            caller = stack[-1][1]
            if caller.path and not path.startswith(f"{caller.path}."):
                # A module that is handed to another: its operations are the other's, and its
                # parameters go in.
                stack.append((key, caller))
                continue
            call = ModuleCall(path, turns.get(path, 0))
            turns[path] = call.turn + 1
            stack[-1][1].items.append(call)
            stack.append((key, call))
        stack[-1][1].items.append(node)
    _connect(root, graph, names)
    _give_alike(root)
    root.inputs = list(graph.inputs)
    root.outputs = list(graph.outputs)
    return root


def _give_alike(root: ModuleCall) -> None:
    """Calls of one module that run the same operations give the same results, those included that
    only some of them have a use for."""
    by_path: dict[str, list[ModuleCall]] = {}
    for call in root.calls():
        by_path.setdefault(call.path, []).append(call)
    for calls in by_path.values():
        nodes = [list(call.nodes()) for call in calls]
        if len(calls) < 2 or any(_targets(one) != _targets(nodes[0]) for one in nodes[1:]):
            continue
        given = {
            place
            for call, own in zip(calls, nodes)
            for place, node in enumerate(own)
            if node in call.outputs
        }
        for call, own in zip(calls, nodes):
            call.outputs = [own[place] for place in sorted(given)]


def _targets(nodes: list[Node]) -> list[object]:
    return [(node.target, *node.args[1:2]) if _is_item(node) else node.target for node in nodes]


def _is_item(node: Node) -> bool:
    return node.target is operator.getitem


def _modules(node: Node) -> list[tuple[str, str]]:
    """The modules that ran the node, below the model: (the call's key, the path)."""
    found = []
    for key, (path, _) in (node.meta.get("nn_module_stack") or {}).items():
        if path.startswith("model."):
            found.append((key, path.removeprefix("model.")))
    return found


def module_stacks(graph: Graph) -> set[tuple[str, ...]]:
    """The paths of modules that run at once, from the outermost below the model on."""
    stacks = {tuple(path for _, path in _modules(node)) for node in graph.nodes}
    return {stack[:end] for stack in stacks for end in range(1, len(stack) + 1)}


def _connect(call: ModuleCall, graph: Graph, names: Mapping[str, list[str]]) -> None:
    """Finds what goes into a call and comes out of it. A parameter that the module does not hold
    goes in."""
    inside = set(call.nodes())
    inputs, outputs = {}, {}
    results = set(graph.outputs)
    for node in call.nodes():
        for used in node.all_input_nodes:
            held = used.name in graph.constants or _is_held(used, call.path, graph, names)
            if used not in inside and not is_number(used) and not held:
                inputs[used] = True
        if node in results or any(
            user not in inside and not is_check(user) and not is_number(user)
            for user in node.users
            if user.op != "output"
        ):
            outputs[node] = True
    call.inputs, call.outputs = list(inputs), list(outputs)
    for item in call.items:
        if isinstance(item, ModuleCall):
            _connect(item, graph, names)


def _is_held(node: Node, path: str, graph: Graph, names: Mapping[str, list[str]]) -> bool:
    name = graph.held.get(node.name)
    return name is not None and any(
        not path or one.startswith(f"{path}.") for one in names.get(name, (name,))
    )
