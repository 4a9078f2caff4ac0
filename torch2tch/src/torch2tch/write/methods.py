"""Constructors and `forward` as rows."""

from ..arrange.bodies import uses
from ..arrange.initialization import roll_names
from ..arrange.naming import local_names
from ..arrange.paths import needs_path
from ..nodes import (
    Class,
    Do,
    Expect,
    Expression,
    For,
    Freeze,
    Held,
    Initialize,
    InitializeAll,
    Let,
    Line,
    Name,
    NewLayer,
    Operation,
    Register,
    Require,
    Return,
    Statement,
    Tie,
    Variable,
    WhenTraining,
    everything,
    names_in,
    transform,
)
from ..nodes.statements import Repeated
from .expressions import Expressions
from .rows import Rows
from .scope import Scope
from .syntax import Group, Prefixed, Syntax, Text, one_line
from .values import KINDS, string


def constructor(class_: Class, titles: dict[int, str], classes: dict[int, Class]) -> Rows:
    """`pub fn new`."""
    rows = Rows()
    body = class_.constructor
    fields = [s.field for s in body if isinstance(s, Register) and s.field]
    kept = [p.name for p in class_.parameters if p.kept]
    fixed = {s.target: s.field for s in body if isinstance(s, Register) and s.target and s.field}
    names = local_names(body, (), frozenset([*fields, *(p.name for p in class_.parameters)]), fixed)
    shared = frozenset(name for name, count in uses(body).items() if count > 2)
    write = Expressions(Scope(names, frozenset(), classes, titles, shared, True, "vs.device()"))
    path = ["vs: &Path" if uses_path(body, classes) else "_vs: &Path"] if class_.takes_path else []
    numbers = [f"{p.name}: {number_type(p.type)}" for p in class_.parameters]
    if len(class_.parameters) + class_.takes_path > 7:
        rows.add(1, "#[allow(clippy::too_many_arguments)] // as many as Python's")
    arguments = ", ".join([*path, *numbers])
    rows.add(1, f"pub fn new({arguments}) -> Self {{", class_.init)
    if all(isinstance(s, Register) and s.field and not _is_read(s, body) for s in body):
        rows.add(2, "Self {")
        for statement in body:
            value = register(write, statement)
            rows.add(3, Prefixed(f"{statement.field}: ", value, ","), statement.line)
        for name in kept:
            rows.add(3, f"{name},")
        rows.add(2, "}")
    else:
        changed = changed_names(body)
        tied = {s.target.parts[0] for s in body if isinstance(s, Tie)}
        if any(isinstance(s, (Do, InitializeAll)) and _changes_in_place(s.value) for s in body):
            rows.add(2, "let _guard = tch::no_grad_guard();")
        for statement in body:
            construct(rows, write, statement, changed, tied)
        rows.add(
            2,
            Group("Self", "{}", tuple(map(Text, [*fields, *kept])))
            if fields or kept
            else "Self {}",
        )
    rows.add(1, "}")
    return rows


def uses_path(body: tuple[Statement, ...], classes: dict[int, Class]) -> bool:
    """The constructor needs the path that it is given."""
    return any(needs_path(part, classes) for part in everything(body))


def _is_read(statement: Register, body: tuple[Statement, ...]) -> bool:
    return (
        statement.target is not None
        and sum(name == statement.target for name in names_in(body)) > 1
    )


def _changes_in_place(value: object) -> bool:
    return isinstance(value, Operation) and value.schema.is_in_place


def changed_names(body: tuple[Statement, ...]) -> set[Name]:
    """The locals that have to be `mut`."""
    found = set()
    for part in everything(body):
        if isinstance(part, Operation) and part.schema.is_in_place:
            found.add(part.arguments[0][1])
        elif isinstance(part, Initialize):
            found.add(part.tensor)
        elif isinstance(part, For):
            found.add(part.carried)
    return {name for name in found if isinstance(name, Name)}


def register(write: Expressions, statement: Register) -> Syntax:
    value = (
        write.owned(statement.value)
        if not isinstance(statement.value, NewLayer)
        else write.expression(statement.value)
    )
    if statement.stored is None:
        return value
    return Group(
        "vs.add",
        "()",
        (Text(string(statement.stored)), value, Text("true" if statement.trainable else "false")),
    )


def construct(
    rows: Rows, write: Expressions, statement: Statement, changed: set[Name], tied: set[str]
) -> None:
    """A statement of a constructor."""
    match statement:
        case Tie(target=target, value=value, line=line):
            given = write.expression(value)
            if target.optional:
                given = Group("Some", "()", (given,))
            place = one_line(write.expression(Held(target.parts)))
            rows.add(2, Prefixed(f"{place} = ", given, ";"), line)
        case Register(field=field, target=target, line=line):
            name = field or write.scope.names[target]
            mut = "mut " if target in changed or field in tied else ""
            prefix = (
                f"let {mut}{name} = "
                if field or mut
                else ("let _ = " if target is None else f"let {name} = ")
            )
            rows.add(2, Prefixed(prefix, register(write, statement), ";"), line)
            write.scope.shadowed.add(name)
        case InitializeAll(names=names, value=value, line=line):
            initialize_all(rows, write, roll_names(names), value, line)
        case Freeze(names=names, line=line):
            rows.add(
                2,
                Prefixed(
                    "for name in ", Group("", "[]", tuple(Text(string(n)) for n in names)), " {"
                ),
                line,
            )
            rows.add(3, "let _ = get(vs, name).set_requires_grad(false);")
            rows.add(2, "}")
        case _:
            body_statement(rows, write, statement, 2, changed)


def initialize_all(
    rows: Rows,
    write: Expressions,
    names: tuple[str | Repeated, ...],
    value: Expression,
    line: Line | None,
) -> None:
    """A loop over names, and one over the elements of each list."""
    one = of_parameter(value, None)
    plain: list[str] = []
    for name in (*names, None):
        if isinstance(name, str):
            plain.append(name)
            continue
        if len(plain) == 1:
            rows.add(2, effect(write, of_parameter(value, plain[0])), line)
        elif plain:
            loop_over(rows, plain, 2, line)
            rows.add(3, effect(write, one), line)
            rows.add(2, "}")
        plain = []
        if name is not None:
            place = " / ".join(
                ["vs", *(p if p.isdigit() else string(p) for p in name.prefix.split(".") if p), "i"]
            )
            rows.add(2, f"for vs in (0..{name.count}).map(|i| {place}) {{", line)
            loop_over(rows, list(name.names), 3, line)
            write.scope.path_is_owned = True
            rows.add(4, effect(write, one), line)
            write.scope.path_is_owned = False
            rows.add(3, "}")
            rows.add(2, "}")


def of_parameter(value: Expression, name: str | None) -> Expression:
    """What is done, to the parameter of that name."""
    return transform(value, lambda part: Variable(name) if isinstance(part, Variable) else part)


def loop_over(rows: Rows, names: list[str], indent: int, line: Line | None) -> None:
    listed = Group("", "[]", tuple(Text(string(name)) for name in names))
    rows.add(indent, Prefixed("for name in ", listed, " {"), line)


def effect(write: Expressions, value: object) -> Syntax:
    """An expression for the sake of its effect."""
    syntax = write.expression(value)
    gives_nothing = isinstance(value, Initialize) or (
        isinstance(value, Operation) and value.schema.base == "copy_"
    )
    return Prefixed("" if gives_nothing else "let _ = ", syntax, ";")


def forward(class_: Class, titles: dict[int, str], classes: dict[int, Class]) -> Rows:
    """`forward` or `forward_t`."""
    method = class_.forward
    rows = Rows()
    changed = changed_names(method.body)
    names = local_names(method.body, method.arguments)
    copied = [name for name in method.arguments if name in changed]
    items = {s.item for s in everything(method.body) if isinstance(s, For)}
    references = (frozenset(method.arguments) - set(copied)) | items
    device = f"{names[method.arguments[0]]}.device()" if method.arguments else "Device::Cpu"
    shared = frozenset(name for name, count in uses(method.body).items() if count > 2)
    write = Expressions(Scope(names, references, classes, titles, shared, False, device))
    used = set(names_in(method.body))
    arguments = "".join(
        f", {'' if a in used else '_'}{names[a]}: &Tensor" for a in method.arguments
    )
    train = ", train: bool" if method.trains else ""
    gives = "Tensor" if method.results == 1 else f"({', '.join(['Tensor'] * method.results)})"
    public = "" if method.unary else "pub "
    name = "forward_t" if method.unary and method.trains else "forward"
    rows.add(1, f"{public}fn {name}(&self{arguments}{train}) -> {gives} {{", method.line)
    for argument in copied:
        rows.add(2, f"let mut {names[argument]} = {names[argument]}.shallow_clone();")
    for statement in method.body:
        body_statement(rows, write, statement, 2, changed)
    rows.add(1, "}")
    return rows


def body_statement(
    rows: Rows, write: Expressions, statement: Statement, indent: int, changed: set[Name]
) -> None:
    match statement:
        case Let(target=target, value=value, line=line):
            mut = "mut " if target in changed else ""
            syntax = write.owned(value) if not _is_number(value) else write.expression(value)
            rows.add(
                indent, Prefixed(f"let {mut}{write.scope.names[target]} = ", syntax, ";"), line
            )
        case Do(value=value, line=line):
            rows.add(indent, effect(write, value), line)
        case For(field=field, item=item, carried=carried, value=value, line=line):
            rows.add(indent, f"for {write.scope.names[item]} in &self.{field} {{", line)
            rows.add(
                indent + 1,
                Prefixed(f"{write.scope.names[carried]} = ", write.expression(value), ";"),
                line,
            )
            rows.add(indent, "}")
        case WhenTraining(training=training, evaluation=()):
            block(rows, write, "if train {", training, indent, changed)
        case WhenTraining(training=(), evaluation=evaluation):
            block(rows, write, "if !train {", evaluation, indent, changed)
        case WhenTraining(training=training, evaluation=evaluation):
            block(rows, write, "if train {", training, indent, changed, last=True, close="} else {")
            block(rows, write, None, evaluation, indent, changed, last=True)
        case Return(values=values, line=line):
            result = returned(write, values)
            rows.add(indent, result, line)
        case Expect():
            expect(rows, write, statement, indent)
        case Require(condition=condition, words=words):
            text = Text(string(f"recorded for sizes with {words}"))
            rows.add(
                indent,
                Prefixed("", Group("assert!", "()", (write.expression(condition), text)), ";"),
            )
        case _:
            raise AssertionError(statement)


def returned(write: Expressions, values: tuple[Expression, ...]) -> Syntax:
    """The results: a local is given away unless another of them uses it."""
    count = uses(values)
    given = {
        v
        for v in values
        if isinstance(v, Name) and v not in write.scope.references and count[v] == 1
    }
    items = [write.expression(v) if v in given else write.owned(v) for v in values]
    return items[0] if len(items) == 1 else Group("", "()", tuple(items))


def block(
    rows: Rows,
    write: Expressions,
    head: str | None,
    body: tuple[Statement, ...],
    indent: int,
    changed: set[Name],
    last: bool = False,
    close: str = "}",
) -> None:
    if head is not None:
        rows.add(indent, head)
    for statement in body:
        if isinstance(statement, Return) and not last:
            rows.add(indent + 1, f"return {one_line(returned(write, statement.values))};")
        else:
            body_statement(rows, write, statement, indent + 1, changed)
    rows.add(indent, close)


def expect(rows: Rows, write: Expressions, statement: Expect, indent: int) -> None:
    """The check of an input's sizes and dtype: another is refused in one line."""
    name = write.scope.names[statement.argument]
    shape = ", ".join("_" if size is None else str(size) for size in statement.shape)
    kind = KINDS[statement.dtype]
    rows.add(indent, "assert!(")
    rows.add(indent + 1, f"matches!({name}.size()[..], [{shape}]) && {name}.kind() == {kind},")
    words = ", ".join(statement.words)
    rows.add(
        indent + 1,
        string(
            f"{name}: expected [{words}] of {kind[6:]}, as it was recorded, found {{:?}} of {{:?}}"
        )
        + ",",
    )
    rows.add(indent + 1, f"{name}.size(),")
    rows.add(indent + 1, f"{name}.kind(),")
    rows.add(indent, ");")


def _is_number(value: object) -> bool:
    from ..nodes import Arithmetic, Constant, SizeOf

    return isinstance(value, (SizeOf, Arithmetic, Constant))


def number_type(type_: object) -> str:
    return {int: "i64", float: "f64", bool: "bool"}[type_.python]
