"""Modules that the library has as they are, and chains of modules."""

import inspect

from torch import nn

from ..load.untouched import is_replaced
from ..nodes import Constant, Expression, ListOf, Literal
from ..observe import Observed, is_stateless
from ..observe.calls import ModuleCall
from ..observe.tape import Made, storage
from ..observe.ties import shares_all
from ..tables.layers import LayerRow, fit
from .instances import Chain, Instance, Leaf, Struct

# Layers without parameters that draw nevertheless, when they are called.
DRAWING = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")


def leaf(observed: Observed, path: str) -> Leaf | None:
    """The layer at `path` as the library has it; `None` where it does not."""
    module = observed.modules[path]
    made = observed.tape.made.get(id(module)) or as_it_is(module)
    found = made and layer_row(made)
    if not found or not _is_as_made(module, made):
        return None
    row, arguments = found
    tied = tuple(
        (name, owner)
        for name, tensor in module.named_parameters()
        if (owner := observed.owners[storage(tensor)]) != f"{path}.{name}"
    )
    if tied and not shares_all(observed.model, path, observed.first_names):
        return None
    return Leaf(path, row, arguments, getattr(module, "inplace", False), row.name in DRAWING, tied)


def as_it_is(module: nn.Module) -> Made | None:
    """A layer of torch that was made with the class, such as a default activation, from its
    attributes."""
    if not is_stateless(module):
        return None
    names = list(inspect.signature(type(module).__init__).parameters)[1:]
    found = {name: getattr(module, name) for name in names if hasattr(module, name)}
    return Made(-1, module, (), found)


def layer_row(made: Made) -> tuple[LayerRow, tuple[tuple[str, Expression], ...]] | None:
    """The row of the table that a module was made by, and what is written of its arguments."""
    found = fit(type(made.module), made.bound())
    if found is None:
        return None
    row, written = found
    return row, tuple((name, _argument(value, name)) for name, value in written.items())


def _argument(value: object, name: str) -> Expression:
    if isinstance(value, (tuple, list)) and name != "normalized_shape" and len(set(value)) == 1:
        value = value[0]
    if isinstance(value, (tuple, list)):
        return ListOf(tuple(_argument(one, name) for one in value))
    return Constant(value, name) if isinstance(value, (int, float)) else Literal(value)


def _is_as_made(module: nn.Module, made: Made) -> bool:
    """Whether nothing that counts was changed after the module was made."""
    if (
        module._forward_hooks
        or module._forward_pre_hooks
        or "forward" in vars(module)
        or is_replaced(type(module))
        or module._modules
    ):
        return False
    for name, value in made.bound().items():
        now = getattr(module, name, value)
        if (
            isinstance(now, (int, float, str, bool, type(None)))
            and isinstance(value, type(now))
            and now is not None
            and now != value
        ):
            return False
    return True


def chain(observed: Observed, path: str, understood: dict[str, Instance]) -> Chain | None:
    """The `nn.Sequential` at `path`, if it is called on a tensor and runs what is in it, in
    order."""
    if type(observed.modules[path]) is not nn.Sequential:
        return None
    children = observed.children(path)
    if len(children) != len(observed.modules[path]._modules):
        return None
    items = tuple(understood.get(child) for child in children)
    if any(not _is_unary(item) for item in items):
        return None
    found = False
    for root in observed.calls.values():
        for call in root.calls():
            if call.path == path:
                found = True
                if not _runs_in_order(call, children, observed):
                    return None
    return Chain(path, items) if found else None


def _is_unary(instance: Instance | None) -> bool:
    match instance:
        case Leaf(tied=tied):
            return not tied
        case Chain():
            return True
        case Struct(forward=forward):
            return forward is not None and forward.unary
        case _:
            return False


def _runs_in_order(call: ModuleCall, children: list[str], observed: Observed) -> bool:
    """Each child once, in order, but for those that do nothing: `Identity`, or a layer that does
    nothing in evaluation."""
    if len(call.inputs) != 1 or len(call.outputs) != 1:
        return False
    if not all(isinstance(item, ModuleCall) for item in call.items):
        return False
    if any(len(item.inputs) != 1 or len(item.outputs) != 1 for item in call.items):
        return False
    called = [item.path for item in call.items]
    return [child for child in children if child in called] == called


def starts(observed: Observed, path: str) -> int:
    """The place of the first module at or below `path` in the order of making."""
    module = observed.modules[path]
    orders = [made.order for one in module.modules() if (made := observed.tape.made.get(id(one)))]
    return min(orders, default=-1)
