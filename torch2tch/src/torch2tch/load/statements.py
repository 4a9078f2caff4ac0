"""The statements of a file: which names each binds, changes and reads, and which of them a class
needs."""

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Calls that change how torch, Python or NumPy behave from there on.
SETTINGS = (
    "set_",
    "manual_seed",
    "seed",
    "use_deterministic_algorithms",
    "filterwarnings",
    "simplefilter",
)

# Functions and modules that change nothing that they are given.
HARMLESS = set(dir(builtins)) | {"os", "sys", "logging", "plt", "pprint", "json", "time"}

# Functions that a file may define for the proof; a variable of such a name is a script's own.
OF_THE_PROOF = {"draw_input", "draw_target", "loss", "readings"}

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass
class Statement:
    """A statement of a file's first level. `plain` ones define something and compute nothing: they
    are run in any case, as far as they can be. `guarded` ones stand below
    `if __name__ == "__main__"`."""

    node: ast.stmt
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    plain: bool = False
    always: bool = False
    guarded: bool = False
    kept: bool = False


def statements(tree: ast.Module) -> list[Statement]:
    """The statements in order; those below the guard for scripts one by one."""
    imported = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    imported |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and is_another_name(node.value, imported)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    functions = {
        node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    constants = names_of_constants(tree)
    found = []
    for node in tree.body:
        if is_guard(node):
            inner = node.body if isinstance(node, ast.If) else []
            found += [describe(one, imported, functions, constants, guarded=True) for one in inner]
        else:
            found.append(describe(node, imported, functions, constants))
    return found


def names_of_constants(tree: ast.Module) -> set[str]:
    """The names that stand for numbers, texts or devices wherever the file sets them: nothing
    changes these by being handed them."""
    stored = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    constant = [
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and is_constant(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return {name for name in constant if stored.count(name) == constant.count(name)}


def is_constant(value: ast.expr) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=inner):
            return is_constant(inner)
        case ast.BinOp(left=left, right=right):
            return is_constant(left) and is_constant(right)
        case ast.IfExp(body=body, orelse=orelse):
            return is_constant(body) and is_constant(orelse)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="device")):
            return True
        case _:
            return False


def is_another_name(value: ast.expr, imported: set[str]) -> bool:
    """`torch.FloatTensor`, or one such where a condition holds and another where not."""
    if isinstance(value, ast.IfExp):
        return is_another_name(value.body, imported) and is_another_name(value.orelse, imported)
    return isinstance(value, ast.Attribute) and root_of(value) in imported


def is_guard(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )


def describe(
    node: ast.stmt,
    imported: set[str],
    functions: dict[str, ast.FunctionDef | ast.ClassDef],
    constants: set[str],
    guarded: bool = False,
) -> Statement:
    binds, reads = names_of(node)
    changes, always = changed_by(node, imported, functions, constants)
    return Statement(node, binds, changes, reads, is_plain(node), always and not guarded, guarded)


def names_of(node: ast.stmt) -> tuple[set[str], set[str]]:
    """The global names that a statement binds, and those that it or what it defines reads."""
    binds, reads = set(), set()

    def visit(table: symtable.SymbolTable, top: bool) -> None:
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if top or symbol.is_global():
                if symbol.is_assigned() or symbol.is_imported() or (top and symbol.is_namespace()):
                    binds.add(name)
                if symbol.is_referenced():
                    reads.add(name)
        for child in table.get_children():
            visit(child, False)

    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        return {"*"}, set()
    visit(symtable.symtable(ast.unparse(node), "statement", "exec"), True)
    return binds, reads


def is_plain(node: ast.stmt) -> bool:
    """It defines something, and computes nothing on the way."""
    if isinstance(node, DEFINITIONS):
        return True
    if isinstance(node, (ast.If, ast.Try)):
        parts = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)]
        for handler in getattr(node, "handlers", []):
            parts += handler.body
        return all(is_plain(one) or isinstance(one, ast.Pass) for one in parts)
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        computes = (ast.Call, ast.Await, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)
        return all(isinstance(one, ast.Name) for one in targets) and not any(
            isinstance(part, computes) for part in ast.walk(node)
        )
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def changed_by(
    node: ast.stmt,
    imported: set[str],
    functions: dict[str, ast.FunctionDef | ast.ClassDef],
    constants: set[str],
) -> tuple[set[str], bool]:
    """The names whose values a statement may change, and whether it changes a setting of all."""
    changes: set[str] = set()
    always = False
    if isinstance(node, DEFINITIONS):
        return changes, always
    for part in own_nodes(node):
        if isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(
            part.ctx, (ast.Store, ast.Del)
        ):
            root = root_of(part)
            changes.add(root)
            always |= root in imported
        if isinstance(part, ast.AugAssign):
            changes.add(root_of(part.target))
        if isinstance(part, ast.Call):
            found, setting = changed_by_call(part, imported, functions, constants)
            changes |= found
            always |= setting
    return changes - {""}, always


def changed_by_call(
    call: ast.Call,
    imported: set[str],
    functions: dict[str, ast.FunctionDef | ast.ClassDef],
    constants: set[str],
) -> tuple[set[str], bool]:
    root = root_of(call.func)
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    # Modules, functions and classes are not changed by being handed over, nor is an object by
    # handing
    # over a setting of it.
    arguments = {root_of(one) for one in given if not isinstance(one, (ast.Call, ast.Attribute))}
    arguments -= {"", *imported, *functions, *constants, *dir(builtins)}
    if isinstance(call.func, ast.Attribute):
        name = call.func.attr
        if root in imported:
            setting = name.startswith(SETTINGS) or ast.unparse(call.func).startswith("sys.path")
            return (arguments if name.endswith("_") else set()), setting
        return {root} | (set() if root in HARMLESS else arguments), False
    if root in functions:
        function = functions[root]
        globals_ = {
            name
            for part in ast.walk(function)
            if isinstance(part, ast.Global)
            for name in part.names
        }
        return globals_ | (arguments if changes_parameters(function) else set()), False
    return (set() if root in HARMLESS else arguments), False


def changes_parameters(function: ast.FunctionDef | ast.ClassDef) -> bool:
    """It assigns to, or calls a method of, something that it is given."""
    if isinstance(function, ast.ClassDef):
        return any(
            changes_parameters(one)
            for one in function.body
            if isinstance(one, ast.FunctionDef) and one.name in ("__init__", "__new__")
        )
    given = {
        one.arg
        for one in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    } - {"self"}
    for part in ast.walk(function):
        target = part.func if isinstance(part, ast.Call) else part
        if not isinstance(target, (ast.Attribute, ast.Subscript)) or root_of(target) not in given:
            continue
        if isinstance(part, ast.Call) or isinstance(target.ctx, (ast.Store, ast.Del)):
            return True
    return False


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with a statement: not those of the functions and classes in it."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*DEFINITIONS, ast.Lambda)):
            yield from own_nodes(child)


def root_of(node: ast.AST) -> str:
    """`a` of `a.b[c].d` and of `a.b().c`; nothing of `a().b`, which is another object."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return ""
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def keep_needed(found: list[Statement], wanted: Iterable[str]) -> set[str]:
    """Marks the statements on which the wanted names depend; returns all names that these read."""
    needed = set(wanted) | {
        name
        for one in found
        if isinstance(one.node, ast.FunctionDef) and not one.guarded
        for name in one.binds & OF_THE_PROOF
    }
    keep(found, needed, guarded=False)
    bound = set().union(*(one.binds for one in found if not one.guarded), set())
    missing = needed - bound - set(dir(builtins))
    if missing and "*" not in bound:
        # What a script defines for itself below the guard.
        keep([one for one in found if one.guarded], missing, guarded=True)
        needed |= missing
        keep(found, needed, guarded=False)
    return needed


def keep(found: list[Statement], needed: set[str], guarded: bool) -> None:
    changed = True
    while changed:
        changed = False
        for one in found:
            if one.kept or (one.guarded and not guarded):
                continue
            if one.always or (one.binds | one.changes) & needed:
                one.kept = changed = True
                needed |= one.reads
