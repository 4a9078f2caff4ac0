"""`torch.nn.init`, `self.apply` and what else changes parameters in `__init__`."""

import ast

import torch

from . import spellings
from .refusals import Refuse
from .specs import Path
from .values import SELF, Built, Known, Method, Rust, TensorMethod

# What a parameter of a layer is called in Rust; `?` marks an Option.
PARAMETERS = {
    **{
        (t, n): r
        for t in (
            "Linear",
            "Conv1D",
            "Conv2D",
            "Conv3D",
            "ConvTranspose1D",
            "ConvTranspose2D",
            "ConvTranspose3D",
            "Bilinear",
        )
        for n, r in (("weight", "ws"), ("bias", "bs?"))
    },
    **{
        (t, n): r
        for t in ("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm")
        for n, r in (("weight", "ws?"), ("bias", "bs?"))
    },
    ("Embedding", "weight"): "ws",
    ("PReLU", "weight"): "ws",
}
# Methods that change a tensor, as functions of torch.nn.init.
METHODS = {"uniform_": "uniform_", "normal_": "normal_", "fill_": "constant_", "zero_": "zeros_"}


def is_init(function):
    return (
        isinstance(function, Known) and getattr(function.value, "__module__", "") == "torch.nn.init"
    )


def attribute(context, node, field, value, name):
    """A parameter of a layer that is a variable now."""
    text = PARAMETERS.get((value.spec.type, name))
    modules = context.port.facts.of(context.owner.name).objects
    found = [getattr(m, python_name(context, field), None) for m in modules]
    python = found[0] if found else None
    if (
        python is not None
        and hasattr(python, name)
        and not isinstance(getattr(python, name), torch.Tensor)
    ):
        # What one instance has is known only if the others have it, too.
        if not all(alike(python, other, name) for other in found):
            if value.spec.kind == "tensor":
                tensor = Rust(field.local.name, "tensor", "place", local=field.local)
                return TensorMethod(tensor, name)
            raise Refuse(node, f"{name} is another in another instance of the class")
        return Known(getattr(python, name))
    if text is None:
        raise Refuse(node, f"the parameter {name} of a {value.spec.type} has no Rust")
    if text.endswith("?"):
        path = Path((python_name(context, field),)).owned
        return Rust(f'({path}).get("{name}").unwrap()', "tensor")
    return Rust(f"{field.local.name}.{text}", "tensor", "place", local=field.local)


def alike(a, b, name):
    """Whether an attribute of two layers or tensors is one and the same value."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and a.dtype == b.dtype
    return bool(getattr(a, name) == getattr(b, name, None))


def python_name(context, field):
    return next(n for n, f in context.fields.items() if f is field)


def statement(context, node, function, call):
    """`nn.init.xavier_uniform_(self.fc1.weight)`, `self.fc1.weight.data.zero_()`."""
    positional, keywords = context.arguments(call)
    if is_init(function):
        if not positional:
            raise Refuse(node, "the tensor has to come first")
        text = init_text(context, node, function.value.__name__, positional, keywords)
    else:
        name = METHODS.get(function.name)
        target = function.receiver
        if name is None or not owns_parameter(target):
            rows = spellings.of_method(function.name)
            if isinstance(target, Rust) and target.type == "tensor" and rows:
                result = context.call(call, function, positional, keywords)
                context.emit(f"let _ = {result.text};", node)
                return False
            raise Refuse(node, f"the method {function.name} has no Rust here")
        text = init_text(context, node, name, [target, *positional], keywords)
    return out(context, node, text)


def owns_parameter(value):
    if isinstance(value, Known):
        return isinstance(value.value, torch.Tensor)
    return (
        isinstance(value, Rust)
        and value.type in ("tensor", "data")
        and (value.form == "place" or ".get(" in value.text)
    )


def out(context, node, text):
    if context.collected is not None:
        context.collected.append(text)
    else:
        context.emit(f"{text};", node)
    return False


def init_text(context, node, name, positional, keywords):
    rows = [r for r in spellings.functions() if r.name == name and "I" in r.spaces]
    if not rows:
        raise Refuse(node, f"nn.init.{name} has no Rust")
    target = mutable(context, node, positional[0])
    value = context.spelled(node, rows, [target, *positional[1:]], keywords)
    return value.text


def mutable(context, node, value):
    """What is drawn into."""
    if isinstance(value, Known) and isinstance(value.value, torch.Tensor):
        return Rust(parameter_at(context, node, value.value), "mutable")
    if isinstance(value, Rust) and value.type in ("tensor", "data"):
        if value.local is not None:
            value.local.mutable = value.local.used = True
        return Rust(f"&mut {value.text}", "mutable")
    raise Refuse(node, "what is drawn into is not known")


def parameter_at(context, node, tensor):
    """A parameter by its path in the store."""
    module = context.port.facts.of(context.owner.name).objects[0]
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if parameter.data_ptr() == tensor.data_ptr() and parameter.shape == tensor.shape:
            *path, last = name.split(".")
            if context.place == tuple(path):
                return f'&mut \x04.get("{last}").unwrap()'
            owned = Path(tuple(path)).owned
            return (
                f'&mut ({owned}).get("{last}").unwrap()'
                if path
                else f'&mut vs.get("{last}").unwrap()'
            )
    raise Refuse(node, "the tensor is not a parameter")


def instance(context, node):
    """The instance of the class; several have to look the same."""
    objects = context.port.facts.of(context.owner.name).objects
    names = {tuple((n, type(m)) for n, m in o.named_modules()) for o in objects}
    if len(names) != 1:
        raise Refuse(node, "the instances of the class have different layers")
    return objects[0]


def apply(context, node, function_node, field=None):
    """`self.apply(function)`: the function for every layer, the innermost first."""
    function = context.expression(function_node)
    if isinstance(function, Method) and function.owner is None and isinstance(function.name, str):
        syntax, receiver = context.port.source.functions[function.name], None
    elif isinstance(function, Method) and function.receiver is not None:
        syntax, receiver = context.port.source.method(context.owner.name, function.name), "self"
    else:
        raise Refuse(node, "such a function has no Rust")
    context.flush()
    module, name = instance(context, node), ""
    if field is not None:
        name = python_name(context, field)
        module = getattr(module, name)
    layers = list(applied(module, name))
    for_each(context, node, layers, lambda m: run(context, node, syntax, receiver, m))
    return False


def applied(module, name):
    for child_name, child in module.named_children():
        yield from applied(child, f"{name}.{child_name}" if name else child_name)
    yield name, module


def run(context, node, syntax, receiver, module):
    context.inline_value(node, syntax, [Known(module)], {}, SELF if receiver else None)


def for_each(context, node, layers, function):
    """What a function does to each layer; neighbours for which it is the same share a loop."""
    groups = []
    for name, module in layers:
        held, context.collected = context.collected, []
        context.place = tuple(name.split(".")) if name else ()
        rows = len(context.item.rows)
        try:
            function(module)
            texts = context.collected
        finally:
            context.collected, context.place = held, None
        if len(context.item.rows) > rows:
            raise Refuse(node, "a loop that does this to parameters has no Rust")
        if not texts:
            continue
        path = Path(tuple(name.split(".")) if name else ()).owned
        if groups and groups[-1][1] == texts:
            groups[-1][0].append(path)
        else:
            groups.append(([path], texts))
    for paths, texts in groups:
        if len(paths) == 1:
            for text in texts:
                place = f"({paths[0]})" if " " in paths[0] else paths[0]
                context.emit(text.replace("\x04", place) + ";", node)
            continue
        context.emit(f"for layer in [{', '.join(paths)}] {{", node)
        for text in texts:
            context.item.add(context.indent + 1, text.replace("\x04", "layer") + ";")
        context.item.add(context.indent, "}")


def assign(context, node, target, value):
    """`self.decoder.weight = self.encoder.weight`: one tensor under two names."""
    layer = context.expression(target.value)
    field = context.field_of(layer) if isinstance(layer, Built) else None
    if field is None or not (
        isinstance(value, Rust)
        and value.type == "tensor"
        and target.attr == "weight"
        and PARAMETERS.get((layer.spec.type, "weight")) == "ws"
    ):
        raise Refuse(node, "the assignment has no Rust")
    context.flush()
    field.local.mutable = True
    name = python_name(context, field)
    context.emit(
        f'{field.local.name}.ws = (vs / "{name}")'
        f'.add("weight", {value.text}.shallow_clone(), true);',
        node,
    )
    return False


def tied(function, objects):
    """The layers of a constructor whose weight is another's in the end."""
    found = set()
    for node in ast.walk(function):
        for target in node.targets if isinstance(node, ast.Assign) else []:
            if (
                isinstance(target, ast.Attribute)
                and target.attr == "weight"
                and isinstance(target.value, ast.Attribute)
                and isinstance(target.value.value, ast.Name)
            ):
                found.add(target.value.attr)
    return {name for name in found if any(shares_weight(o, name) for o in objects)}


def shares_weight(module, name):
    """Whether the weight of a layer is another's as well, as the instance has it."""
    weight = getattr(getattr(module, name, None), "weight", None)
    names = [n for n, p in module.named_parameters(remove_duplicate=False) if p is weight]
    return len(names) > 1


def is_modules_of_self(context, iterable):
    """Whether a loop goes over `self.modules()`."""
    return ast.unparse(iterable) == f"{context.self_name}.modules()"


def parameters_of_self(context, iterable):
    """(name, parameter) of each that a loop over `self.parameters()` goes over, or None."""
    if ast.unparse(iterable) not in (
        f"{context.self_name}.parameters()",
        f"{context.self_name}.named_parameters()",
    ):
        return None
    module = instance(context, iterable)
    context.flush()
    return [(n, p) for n, p in module.named_parameters() if n.split(".")[0] in context.fields]


def modules(context, iterable):
    """`self.modules()`, `self.layer.parameters()`: what is there, as it is in Python."""
    if not (isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Attribute)):
        return None
    name, of = iterable.func.attr, iterable.func.value
    if name not in ("modules", "parameters", "children", "named_parameters", "named_modules"):
        return None
    layer = of.attr if isinstance(of, ast.Attribute) and of.attr in context.fields else None
    of = of.value if layer else of
    if not (isinstance(of, ast.Name) and of.id == context.self_name):
        return None
    module = instance(context, iterable)
    context.flush()
    made = set(context.fields)
    if layer:
        return [Known(found) for found in getattr(getattr(module, layer), name)()]
    if name == "parameters":
        return [Known(p) for n, p in module.named_parameters() if n.split(".")[0] in made]
    if name == "named_parameters":
        return [Known((n, p)) for n, p in module.named_parameters() if n.split(".")[0] in made]
    if name == "named_modules":
        return [
            Known((n, m)) for n, m in module.named_modules() if not n or n.split(".")[0] in made
        ]
    if name == "children":
        return [Known(m) for n, m in module.named_children() if n in made]
    return [Known(m) for n, m in module.named_modules() if not n or n.split(".")[0] in made]
