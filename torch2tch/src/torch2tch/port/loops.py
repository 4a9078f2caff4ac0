"""Loops while the network runs: over layers, numbers and lists of tensors."""

import ast

from .refusals import Refuse
from .render import render
from .values import Items, Known, Layer, Rust, TensorMethod, is_known, is_tensor, known


def called(node):
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def iteration(network, context, node, target, iterable):
    """The pattern and the iterator of a loop; its variables are declared."""
    match called(iterable):
        case "range":
            return context.bind_target(node, target, "int", "owned"), numbers(context, iterable)
        case "enumerate":
            return enumerated(network, context, node, target, iterable)
        case "zip":
            return zipped(network, context, node, target, iterable)
        case "reversed":
            pattern, text = iteration(network, context, node, target, iterable.args[0])
            return pattern, f"{as_iterator(text)}.rev()"
    return over(context, node, target, context.expression(iterable))


def numbers(context, node):
    values = [context.expression(a) for a in node.args]
    texts = [render(v, "int", context) for v in values]
    start, end = ("0", texts[0]) if len(texts) == 1 else texts[:2]
    if len(texts) < 3:
        return f"{start}..{end}"
    step = values[2]
    if is_known(step) and known(step) == -1:
        return f"({end} + 1..{start} + 1).rev()"
    if is_known(step) and known(step) < 0:
        raise Refuse(node, "a negative step has no Rust")
    return f"({start}..{end}).step_by({render(step, 'index', context)})"


def pair(node, target):
    if not isinstance(target, (ast.Tuple, ast.List)) or len(target.elts) != 2:
        raise Refuse(node, "what is unpacked has another form")
    return target.elts


def enumerated(network, context, node, target, iterable):
    number, element = pair(node, target)
    if len(iterable.args) != 1 or iterable.keywords:
        raise Refuse(node, "enumerate with a start has no Rust")
    first = context.bind_target(node, number, "int", "owned")
    second, text = iteration(network, context, node, element, iterable.args[0])
    return f"({first}, {second})", f"(0..).zip({text})"


def zipped(network, context, node, target, iterable):
    if len(iterable.args) != 2:
        raise Refuse(node, "zip of other than two has no Rust")
    parts = [
        iteration(network, context, node, t, i) for t, i in zip(pair(node, target), iterable.args)
    ]
    (left, one), (right, two) = parts
    return f"({left}, {right})", f"{as_iterator(one)}.zip({two})"


def as_iterator(text):
    if text.startswith("&"):
        return f"{text[1:]}.iter()"
    return text if text.startswith("(") else f"({text})" if ".." in text else f"{text}.into_iter()"


def over(context, node, target, value):
    if isinstance(value, TensorMethod) and isinstance(value.receiver, Layer):
        raise Refuse(node, "a loop over this has no Rust")
    if isinstance(value, Layer) and value.spec.kind in ("list", "dict"):
        pattern = context.bind_target(node, target, None, layer=value.spec.item)
        return pattern, value.text if value.form == "ref" else f"&{value.text}"
    if is_tensor(value):
        text = render(value, "receiver", context)
        return context.bind_target(node, target, "tensor"), f"{text}.unbind(0)"
    if isinstance(value, Rust) and value.type == "tensors":
        context.use(value)
        if value.form == "owned":
            return context.bind_target(node, target, "tensor"), value.text
        text = value.text if value.form == "ref" else f"&{value.text}"
        return context.bind_target(node, target, "tensor", "ref"), text
    if isinstance(value, Items) and all(is_tensor(v) for v in value.values):
        texts = ", ".join(render(v, "ref", context) for v in value.values)
        return context.bind_target(node, target, "tensor", "ref"), f"[{texts}]"
    if is_known(value):
        values = list(known(value))
        if values and all(type(v) is int for v in values):
            return context.bind_target(node, target, "int", "owned"), str(values)
    raise Refuse(node, "a loop over this has no Rust")


def comprehension(network, context, node):
    """A list of tensors."""
    generator = node.generators[0]
    if len(node.generators) != 1 or generator.ifs:
        raise Refuse(node, "such a list has no Rust")
    value = None
    if called(generator.iter) not in ("range", "enumerate", "zip", "reversed"):
        value = context.expression(generator.iter)
    held = dict(context.env)
    try:
        if isinstance(value, (Items, Known)):
            return unrolled(context, node, generator, value)
        pattern, text = context.iteration(node, generator.target, generator.iter, None)
        element = context.expression(node.elt)
    finally:
        context.env = held
    if not is_tensor(element):
        raise Refuse(node, "only a list of tensors has Rust here")
    source = as_iterator(text)
    body = render(element, "owned", context)
    return Rust(f"{source}.map(|{pattern}| {body}).collect::<Vec<Tensor>>()", "tensors")


def unrolled(context, node, generator, value):
    values = value.values if isinstance(value, Items) else [Known(v) for v in known(value)]
    found = []
    for element in values:
        if not isinstance(generator.target, ast.Name):
            raise Refuse(node, "such a list has no Rust")
        context.env[generator.target.id] = element
        found.append(context.expression(node.elt))
    return Items(found, "list")
