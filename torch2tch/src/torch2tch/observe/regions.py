"""Regions of a graph that stand under `torch.no_grad()` or `torch.autocast`, as a part of the graph
around them."""

import torch
from torch.fx import GraphModule, Node

from ..subject import Refused


def inline_regions(module: GraphModule, target: str, mark: str, buffers: frozenset[str]) -> None:
    """Puts the operations of each region in its place. What leaves a region without gradients is
    detached; a region of `autocast` that does nothing on the CPU is a part like any other. `mark`
    is the mark of a module's argument, which stays on what the module is given; `buffers` are the
    inputs that have no gradients anyway."""
    for node in list(module.graph.nodes):
        name = str(node.target)
        if node.op != "call_function":
            continue
        if "wrap_with_set_grad_enabled" in name:
            enabled, inner, *inputs = node.args
            _Region(module, node, inner, target, mark, buffers).inline(inputs, detached=not enabled)
        elif "wrap_with_autocast" in name:
            device, _, enabled, _, inner, *inputs = node.args
            if not enabled or device != "cpu":
                _Region(module, node, inner, target, mark, buffers).inline(inputs, detached=False)


class _Region:
    def __init__(
        self,
        module: GraphModule,
        node: Node,
        inner: Node,
        target: str,
        mark: str,
        buffers: frozenset[str],
    ) -> None:
        self.module, self.graph, self.node, self.inner = module, module.graph, node, inner
        self.target, self.mark, self.buffers = target, mark, buffers

    def inline(self, inputs: list[Node], detached: bool) -> None:
        region = getattr(self.module, str(self.inner.target))
        inline_regions(region, self.target, self.mark, frozenset())
        places = [one for one in region.graph.nodes if one.op == "placeholder"]
        held: dict[Node, Node] = dict(zip(places, inputs))
        results: tuple = ()
        with self.graph.inserting_before(self.node):
            for one in region.graph.nodes:
                if one.op == "output":
                    results = tuple(held.get(result, result) for result in one.args[0])
                elif one.op == "call_function":
                    changed = one.args[0] if one.args and _changes(one) else None
                    if (
                        detached
                        and changed in places
                        and held[changed].name not in self.buffers
                        and not _is_fresh(held[changed])
                    ):
                        raise Refused(
                            f"{self.target}: a tensor is changed in place under torch.no_grad(), "
                            "which is not supported; assign the result outside of it"
                        )
                    held[one] = self.graph.node_copy(one, lambda used: held[used])
                elif one.op != "placeholder":
                    raise Refused(
                        f"{self.target}: {one.target} under torch.no_grad() cannot be recorded"
                    )
            if detached:
                results = tuple(map(self.detached, results))
        for user in list(self.node.users):
            user.replace_all_uses_with(results[user.args[1]])
            self.graph.erase_node(user)
        self.graph.erase_node(self.node)
        if not self.inner.users:
            self.graph.erase_node(self.inner)

    def detached(self, result: Node) -> Node:
        value = result.meta.get("val") if isinstance(result, Node) else None
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return result
        detach = self.graph.call_function(torch.ops.aten.detach.default, (result,))
        stack = self.node.meta["nn_module_stack"]
        kept = {key: result.meta[key] for key in ("stack_trace", self.mark) if key in result.meta}
        detach.meta = {"val": value, "nn_module_stack": stack} | kept
        return detach


def _changes(node: Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _is_fresh(node: Node) -> bool:
    """A tensor that the graph makes, and that has no gradients: the weight of a layer that is made
    in forward."""
    while str(node.target) in ("aten.detach.default", "aten.alias.default"):
        node = node.args[0]
    return str(node.target).startswith("aten.empty.")
