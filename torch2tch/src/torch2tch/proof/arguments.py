"""What goes into a network in Rust and comes out of it, beside what it is in Python."""


def type_of(value):
    """Rust's type of what Python has: several in a tuple are a tuple, in a list a `Vec`."""
    if isinstance(value, list):
        return (
            "Vec<Tensor>"
            if all(not isinstance(part, (tuple, list)) for part in value)
            else f"Vec<{type_of(value[0])}>"
        )
    if isinstance(value, tuple):
        return (
            "Vec<Tensor>" if not value else f"({''.join(type_of(part) + ', ' for part in value)})"
        )
    return "Tensor"


def read(value, name):
    """Rust that takes the given tensors."""
    if isinstance(value, (tuple, list)):
        parts = ", ".join(read(part, f"{name}.{place}") for place, part in enumerate(value))
        if isinstance(value, list) or not value:
            return f"vec![{parts}]"
        return f"({parts}{',' if len(value) == 1 else ''})"
    return f"given::tensor({quoted(name)})?"


def argument(value, place, kind):
    """The argument at `place`, which Rust takes as `kind`."""
    if kind.startswith("Option<"):
        return f"Some({argument(value, place, kind[7:-1])})"
    bare = kind.removeprefix("&")
    borrow = "&" if kind.startswith("&") else ""
    if isinstance(value, list) and kind == "&[Tensor]" and is_whole(place):
        return place
    if isinstance(value, (tuple, list)):
        parts = [
            f"{place}[{i}]" if isinstance(value, list) else f"{place}.{i}"
            for i in range(len(value))
        ]
        copies = ", ".join(f"{part}.shallow_clone()" for part in parts)
        if bare == "LSTMState":
            return f"{borrow}LSTMState(({copies}))"
        if bare in ("[Tensor]", "Vec<Tensor>"):
            return f"{borrow}{'' if borrow else 'vec!'}[{copies}]"
        if bare.startswith("(&"):
            end = "," if len(parts) == 1 else ""
            inner = [borrowed(one, part) for one, part in zip(value, parts)]
            return f"{borrow}({', '.join(inner)}{end})"
        return f"{borrow}({copies})"
    if bare == "GRUState":
        return f"{borrow}GRUState({place}.shallow_clone())"
    if not borrow:
        return f"{place}.shallow_clone()"
    return place if is_whole(place) else f"&{place}"


def borrowed(value, place):
    """A reference to a tensor, and tuples of such."""
    if not isinstance(value, tuple):
        return f"&{place}"
    parts = [borrowed(part, f"{place}.{i}") for i, part in enumerate(value)]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def is_whole(place):
    """Whether it is the name of a reference, and not a part of what one refers to."""
    return place.isidentifier()


def output(value, kind, place):
    """Rust that makes tensors of what the network gives, such as a state of a recurrent layer."""
    if "State" not in kind:
        return place
    if kind == "LSTMState":
        return f"{place}.0"
    if kind == "GRUState":
        return f"{place}.0"
    kinds = [part for part, _ in parameters(kind.removeprefix("(").removesuffix(")"))]
    return "(" + ", ".join(output(None, part, f"{place}.{i}") for i, part in enumerate(kinds)) + ")"


def parameters(text):
    """(name, type) of each, `&self` being ("&self", "")."""
    parts, depth, last = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{<") - (character in ")]}>")
        if character == "," and depth == 0:
            parts.append(text[last:place])
            last = place + 1
    parts.append(text[last:])
    pairs = [part.partition(":")[::2] for part in parts if part.strip()]
    return [(name.strip().removeprefix("mut "), " ".join(kind.split())) for name, kind in pairs]


def quoted(text):
    """A literal of Rust."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
