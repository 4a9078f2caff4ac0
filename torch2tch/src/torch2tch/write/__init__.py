"""A model as a file of Rust: each class a struct, with its Python beside it."""

import re
import textwrap

from ..arrange.instances import fields_of
from ..nodes import (
    TENSOR,
    Class,
    ClassType,
    Earlier,
    Expression,
    LayerType,
    ListType,
    Model,
    NewClass,
    NewLayer,
    NewList,
    NewSequential,
    NumberType,
    Optional,
    OptionType,
    Rolled,
    SequentialType,
    Type,
)
from ..nodes.expressions import Shared
from .expressions import Expressions
from .layers import _trains
from .methods import constructor, forward, number_type
from .rows import Rows
from .scope import Scope

__all__ = ["write"]

# Where rustfmt breaks a line.
WIDEST = 100

# Names that a struct cannot have beside the library's.
TCH = {"Device", "Kind", "Reduction", "Tensor"}
MODULES = {"functional", "init"}

# Names that need no `use`.
PRELUDE = {
    "Self",
    "Some",
    "None",
    "Vec",
    "Option",
    "Default",
    "Debug",
    "get",
    "if",
    "match",
    "for",
    "in",
    "return",
    "derive",
    "allow",
}

GET = """\
/// The parameter or buffer of that name below `vs`.
fn get(vs: &Path, name: &str) -> Tensor {
    let (parents, name) = name.rsplit_once('.').unwrap_or(("", name));
    let place = parents.split('.').filter(|part| !part.is_empty());
    let place = place.fold(vs.clone(), |place, part| place / part);
    place.get(name).expect("the layers above have made it")
}
"""


def write(
    model: Model,
    notes: tuple[str, ...],
    library: str = "torch_parity::nn",
    library_names: frozenset[str] = frozenset(),
) -> str:
    """The text of the file; `notes` say for what the model was recorded."""
    titles = titles_of(model, library_names)
    classes = {class_.number: class_ for class_ in model.classes}
    parts: list[tuple[list[str], Rows]] = []
    for class_ in reversed(model.classes):
        parts += _class(class_, titles, classes, notes if class_ is model.root else ())
    column = max(rows.column() for _, rows in parts)
    blocks = ["\n".join([*header, *rows.text(column)]) for header, rows in parts]
    body = "\n\n".join(blocks) + "\n"
    if re.search(r"\bget\(vs", body):
        body += "\n" + GET
    return f"{_uses(body, library, set(titles.values()))}\n{body}"


def titles_of(model: Model, library_names: frozenset[str]) -> dict[int, str]:
    """The name of each class: Python's, unless it is a name of the library or of another class.
    The model's own comes first."""
    titles: dict[int, str] = {}
    taken = {*library_names, *TCH, "Path", "VarStore", "Module", "ModuleT"}
    for class_ in (model.root, *model.classes):
        if class_.number in titles:
            continue
        name, number = class_.name, 2
        while name in taken:
            name, number = f"{class_.name}{number}", number + 1
        taken.add(name)
        titles[class_.number] = name
    return titles


def _class(
    class_: Class, titles: dict[int, str], classes: dict[int, Class], notes: tuple[str, ...]
) -> list[tuple[list[str], Rows]]:
    title = titles[class_.number]
    paths = ", ".join(f"`{path}`" for path in class_.paths[:3] if path)
    more = " …" if len(class_.paths) > 3 else ""
    where = f": {paths}{more}" if paths else ""
    header = [f"/// `{class_.name}` of `{class_.module}`, as recorded{where}."]
    header += [line for note in notes for line in ("///", f"/// {note}")]
    struct = Rows()
    fields = fields_of(class_, lambda value: type_of(value, classes, titles))
    end = " {" if fields else ";" if class_.is_unit else " {}"
    struct.add(0, f"pub struct {title}{end}", class_.line)
    for field in fields:
        struct.add(1, f"{field.name}: {type_text(field.type, titles)},")
    if fields:
        struct.add(0, "}")
    skip = "#[rustfmt::skip]"
    parts = [([*header, skip, "#[derive(Debug)]"], struct)]
    if not class_.is_unit:
        new = constructor(class_, titles, classes)
        new.add(0, "}")
        parts.append(([skip, f"impl {title} {{"], new))
    if class_.forward is not None:
        rows = forward(class_, titles, classes)
        rows.add(0, "}")
        trait = ("ModuleT" if class_.forward.trains else "Module") if class_.forward.unary else None
        head = f"impl {trait} for {title} {{" if trait else f"impl {title} {{"
        parts.append(([skip, head], rows))
    return parts


def type_of(value: Expression, classes: dict[int, Class], titles: dict[int, str]) -> Type:
    """The type of what a constructor makes."""
    match value:
        case NewLayer(row=row) | Shared(layer=NewLayer(row=row)):
            return LayerType(row.type)
        case NewClass(number=number):
            return ClassType(number)
        case NewSequential():
            write = Expressions(Scope({}, frozenset(), classes, titles))
            return SequentialType(_trains(write, value))
        case Earlier(layer=layer):
            return type_of(layer, classes, titles)
        case Optional(layer=layer):
            return OptionType(type_of(layer, classes, titles))
        case NewList(items=items):
            return ListType(type_of(items[0], classes, titles))
        case Rolled(item=item):
            return ListType(type_of(item, classes, titles))
        case _:
            return TENSOR


def type_text(type_: Type, titles: dict[int, str]) -> str:
    match type_:
        case LayerType(name=name):
            return name
        case ClassType(number=number):
            return titles[number]
        case SequentialType(trains=trains):
            return "SequentialT" if trains else "Sequential"
        case OptionType(item=item):
            return f"Option<{type_text(item, titles)}>"
        case ListType(item=item):
            return f"Vec<{type_text(item, titles)}>"
        case NumberType():
            return number_type(type_)
        case _:
            return "Tensor"


def _uses(body: str, library: str, own: set[str]) -> str:
    """The `use` lines, of the names that the code has."""
    texts = (re.sub(r'"(\\.|[^"\\])*"', '""', line) for line in body.splitlines())
    code = "\n".join(re.sub(r"//.*", "", line) for line in texts)
    words = set(re.findall(r"(?<![\w.:])([A-Z]\w*)", code)) - own - PRELUDE
    words |= {
        w for w in re.findall(r"(?<![\w.:!])(?<!fn )([a-z]\w*)(?=\()", code) if w not in PRELUDE
    }
    words |= set(re.findall(r"(?<![\w.:])([a-z]\w*)(?=::)", code)) & MODULES
    tch, nn = sorted(words & TCH), words - TCH
    listed = sorted(nn, key=lambda n: (n[0].islower(), n))
    lines = _use(library, listed) + _use("tch", tch)
    return "\n".join(lines) + "\n"


def _use(path: str, names: list[str]) -> list[str]:
    """The lines of a `use`, as rustfmt breaks them."""
    if not names:
        return []
    if len(names) == 1:
        return [f"use {path}::{names[0]};"]
    whole = f"use {path}::{{{', '.join(names)}}};"
    if len(whole) <= WIDEST:
        return [whole]
    filled = textwrap.wrap(f"{', '.join(names)},", WIDEST - 4, break_long_words=False)
    return [f"use {path}::{{", *(f"    {line}" for line in filled), "};"]
