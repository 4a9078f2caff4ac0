"""Layers under construction: their Rust text, given a path."""

import re

import torch

from . import spellings
from .refusals import Refuse
from .render import Unfit, render
from .specs import Spec
from .spellings import PLACEHOLDER, Mismatch
from .values import Built, Items, Known, Rust, is_known, known

# Where a layer is made, and of which dtype: as the store says, where Python does not say otherwise.
IGNORED = {"device": (None, "cpu", torch.device("cpu")), "dtype": (None, torch.float32)}


def layer(context, node, cls, positional, keywords):
    """A layer of torch.nn by the table."""
    rows = spellings.of_layer(cls)
    if not rows and not cls.__module__.startswith("torch."):
        raise Refuse(
            node,
            f"{cls.__name__} is a class of another module, {cls.__module__}, and one "
            "file is ported at a time",
        )
    if not rows:
        raise Refuse(node, f"the layer {cls.__name__} has no Rust")
    reasons = []
    for row in rows:
        try:
            return by_row(context, node, row, positional, keywords)
        except Mismatch as error:
            reasons.append(str(error))
    raise Refuse(node, reasons[0])


def by_row(context, node, row, positional, keywords):
    parameters = list(row.arguments.values())[1:]
    bound = dict(zip([p.name for p in parameters if p.kind is not p.KEYWORD_ONLY], positional))
    if len(positional) > len(parameters) and not any(
        p.kind is p.VAR_POSITIONAL for p in parameters
    ):
        raise Mismatch("there are more arguments than it takes")
    names = {p.name for p in parameters}
    if "args" in names:
        names |= {n for n, _, _ in row.fields} | placeholders(row)
        order = RECURRENT
        bound = dict(zip(order, positional))
    for name, value in keywords.items():
        if name not in names or name == "kwargs":
            raise Mismatch(f"it has no argument {name}")
        bound[name] = value
    used = placeholders(row) | {python for python, _, _ in row.fields}
    inplace = False
    for name, value in bound.items():
        if name == "inplace" and is_known(value):
            inplace = bool(known(value))
        elif name not in used and not (
            name in IGNORED and is_known(value) and known(value) in IGNORED[name]
        ):
            default = row.arguments[name].default if name in row.arguments else ...
            if not is_known(value) or known(value) != default:
                raise Mismatch(f"the argument {name} has no Rust counterpart")
    texts = new_text(context, row, bound)
    return finished(context, row, texts, inplace)


RECURRENT = [
    "input_size",
    "hidden_size",
    "num_layers",
    "bias",
    "batch_first",
    "dropout",
    "bidirectional",
    "proj_size",
]


def placeholders(row):
    return {n for n, _ in PLACEHOLDER.findall(row.new)} - {"path", "config"}


def new_text(context, row, bound):
    """A function from a path's text to the layer's."""
    context.calls_tch = False

    def value_of(name):
        if name in bound:
            return bound[name]
        default = row.arguments[name].default if name in row.arguments else None
        if default is row.arguments[name].empty:
            raise Mismatch(f"the argument {name} is missing")
        return Known(default)

    try:
        arguments = {}
        for name, kind in PLACEHOLDER.findall(row.new):
            if name not in ("path", "config"):
                arguments[name] = rendered(context, value_of(name), kind, name)
        fields = []
        for python, rust, kind in row.fields:
            if python not in bound:
                continue
            default = (
                row.arguments[python].default
                if python in row.arguments
                else RECURRENT_DEFAULTS.get(python)
            )
            value = bound[python]
            if is_known(value) and same_default(known(value), default):
                continue
            if kind.startswith("stride") and same_stride(bound):
                continue
            text = rendered(context, value, kind, python)
            fields.append(rust if text == rust else f"{rust}: {text}")
    finally:
        context.calls_tch = True
    struct = row.config or row.type

    def text(path):
        result = PLACEHOLDER.sub(
            lambda m: (
                {"path": path.owned, "config": config(struct, fields)}.get(m[1]) or arguments[m[1]]
            ),
            row.new,
        )
        if fields and "{config}" not in row.new:
            is_whole = len(fields) == len(row.fields) and result.endswith("::default()")
            rest = "" if is_whole else f", ..{result}"
            result = f"{struct} {{ {', '.join(fields)}{rest} }}"
        return result

    return text


RECURRENT_DEFAULTS = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
    "nonlinearity": "tanh",
}


def same_default(value, default):
    return value == default and type(value) in (type(default), int, float, bool)


def same_stride(bound):
    """Whether a pooling's stride is its window, which is the default."""
    pair = bound.get("kernel_size"), bound.get("stride")
    return all(p is not None and is_known(p) for p in pair) and (
        known(pair[1]) is None or known(pair[0]) == known(pair[1])
    )


# How many fields the smallest configurations have: `..Default::default()` would add nothing.
FIELDS = {
    "BilinearConfig": 1,
    "PReLUConfig": 2,
    "RMSNormConfig": 2,
    "RNNCellConfig": 2,
    "TransformerEncoderConfig": 3,
    "TransformerConfig": 5,
}

# Structs that are a field of another, `layer.dropout`.
WITHIN = {"layer": "TransformerLayerConfig"}


def within(fields):
    """The fields, those of a struct within it gathered in that struct."""
    outer, inner = [], {}
    for text in fields:
        name, _, rest = text.partition(".")
        if name not in WITHIN:
            outer.append(text)
            continue
        field, _, value = rest.partition(": ")
        inner.setdefault(name, []).append(field if field == value else rest)
    return outer + [f"{name}: {config(WITHIN[name], found)}" for name, found in inner.items()]


def config(struct, fields):
    fields = within(fields)
    if not fields:
        return "Default::default()"
    rest = "" if FIELDS.get(struct) == len(fields) else ", ..Default::default()"
    return f"{struct} {{ {', '.join(fields)}{rest} }}"


def rendered(context, value, kind, name):
    try:
        return render(value, kind, context)
    except Unfit:
        raise Mismatch(f"the argument {name} has no Rust counterpart") from None


# What does in place what the layer does.
IN_PLACE = {
    "ReLU": "relu_",
    "SiLU": "silu_",
    "Hardswish": "hardswish_",
    "SELU": "selu_",
    "Hardsigmoid": "hardsigmoid_",
    "Mish": "mish_",
}

# What Rust does not do in place: the same values, where nobody else sees the tensor.
NOT_IN_PLACE = {"LeakyReLU", "ELU", "CELU", "Hardtanh", "ReLU6", "RReLU", "Threshold"}


def finished(context, row, text, inplace):
    spec = Spec("row", row.type, row.trains, row)
    draws = "{path}" in row.new
    if inplace:
        if row.name not in IN_PLACE and row.name not in NOT_IN_PLACE:
            raise Mismatch("the argument inplace has no Rust counterpart")
        spec = Spec("inplace", row.type, row=row, name=IN_PLACE.get(row.name, ""))
    return Built(spec, lambda path: text(path), context.port.next_order() if draws else None)


def sequential(context, node, children):
    """`nn.Sequential`; `children` are (name, Built)."""
    trains = any(c.spec.trains for _, c in children)
    for _, child in children:
        if not child.spec.is_unary:
            raise Refuse(node, f"a {child.spec.type} cannot be in a Sequential of Rust's")
        if child.spec.kind == "class":
            context.port.simple(context, node, child.spec)
            trains = trains or child.spec.trains
    spec = Spec("sequential", "SequentialT" if trains else "Sequential", trains)
    built = Built(spec, None, None, list(children))

    def emit(path):
        start = "seq_t()" if built.spec.type == "SequentialT" else "seq()"
        previous, texts = None, []
        for name, child in built.children:
            texts.append(element(node, path.child(name), child, previous))
            previous = child
        if not texts:
            return start
        if len(texts) == 1 and "\n" not in texts[0] and len(texts[0]) < 50:
            return start + texts[0]
        return "\n".join([start, *("    " + t.replace("\n", "\n    ") for t in texts)])

    built.emit = emit
    return built


def element(node, path, child, previous):
    """`.add(…)` of a layer behind another."""
    if child.spec.kind != "inplace":
        return f".add({in_a_line(child.emit(path))})"
    if previous is not None and is_fresh(previous):
        return f".add({child.emit(path)})"
    if not child.spec.name:
        raise Refuse(
            node, f"{child.spec.type} in place, on a tensor that others may see, has no Rust"
        )
    return f".add_fn(|x| x.shallow_clone().{child.spec.name}())"


def in_a_line(text):
    """`seq().add(…)` as an argument, which is broken where it is too long."""
    return re.sub(r"\n *", "", text) if text.startswith("seq") else text


def is_fresh(built):
    """Whether what a layer gives is a tensor of its own, so that a change in place changes no
    other, and its gradient does not hang on it."""
    return (
        built.spec.kind == "row"
        and "{path}" in built.spec.row.new
        and built.spec.row.name not in ("Embedding",)
    )


def module_list(context, node, children):
    """`nn.ModuleList`."""
    spec = Spec("list", "", any(c.spec.trains for _, c in children))
    built = Built(spec, None, None, list(children))
    refresh(context, node, built)

    def emit(path):
        texts = [wrap_item(spec, c.emit(path.child(n))) for n, c in built.children]
        return list_text(context, path, built, texts)

    built.emit = emit
    return built


def refresh(context, node, built):
    """The type of a list whose elements changed."""
    spec, children = built.spec, built.children
    items = [c.spec for _, c in children]
    types = {item.type for item in items}
    spec.names = [n for n, _ in children]
    if len(types) <= 1 and not any(i.kind == "inplace" for i in items):
        spec.item = (
            items[0]
            if items
            else Spec("row", "Identity", row=spellings.of_layer(torch.nn.Identity)[0])
        )
        spec.trains = any(i.trains for i in items)
        spec.item.trains = spec.trains
        spec.type = f"Vec<{spec.item.type}>"
        return
    for item in items:
        if not item.is_unary or item.kind == "inplace":
            raise Refuse(node, "layers of different kinds in one list have no Rust")
        if item.kind == "class":
            context.port.simple(context, node, item)
    trains = any(i.trains for i in items)
    spec.item = Spec("boxed", f"Box<dyn {'ModuleT' if trains else 'Module'}>", trains)
    spec.trains = trains
    spec.type = f"Vec<{spec.item.type}>"


def wrap_item(spec, text):
    return f"Box::new({text})" if spec.item.kind == "boxed" else text


def list_text(context, path, built, texts):
    """`vec![…]`, or a loop where the elements are the same but for their number."""
    names = [n for n, _ in built.children]
    marks = [t.replace(path.child(n).owned, "\x03") for n, t in zip(names, texts)]
    counted = names == [str(number) for number in range(len(names))]
    alike = len(texts) > 1 and len(set(marks)) == 1 and "\x03" in marks[0]
    if alike and counted and built.spec.kind == "list":
        variable = path.child(Rust("i", "int")).owned
        body = marks[0].replace("\x03", variable)
        return f"(0..{len(texts)}).map(|i| {body}).collect()"
    if not texts:
        return "vec![]"
    inner = "\n".join("    " + t.replace("\n", "\n    ") + "," for t in texts)
    return f"vec![\n{inner}\n]"


def children_of(context, node, positional, keywords):
    """(name, Built) of the elements given to a container."""
    values = list(positional)
    if len(values) == 1:
        only = values[0]
        if isinstance(only, Known) and isinstance(only.value, dict):
            return [(str(k), check(node, v)) for k, v in only.value.items()]
        if isinstance(only, Items):
            values = only.values
        elif isinstance(only, Known) and isinstance(only.value, (list, tuple)):
            values = list(only.value)
    found = []
    for i, value in enumerate(values):
        if isinstance(value, Items) and len(value.values) == 2 and is_known(value.values[0]):
            found.append((str(known(value.values[0])), check(node, value.values[1])))
        else:
            found.append((str(i), check(node, value)))
    return found


def check(node, value):
    if not isinstance(value, Built):
        raise Refuse(node, "an element of the container is not a layer")
    return value


def orders(built):
    """When its parts were made, in the order in which Rust makes them."""
    if built.order is not None and not built.children:
        return [*(o for layer in built.arguments for o in orders(layer)), built.order]
    return [o for _, child in built.children for o in orders(child)]
