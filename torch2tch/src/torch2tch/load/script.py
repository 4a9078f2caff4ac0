"""A file as Python loads it: in its package, statement by statement, but for a script's own
work."""

import __future__

import ast
import contextlib
import importlib
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from ..subject import Refused
from . import untouched  # noqa: F401  # before any code of the user's
from .errors import Usage, located, one_line, place_in, shown
from .siblings import Siblings, module_name
from .statements import Statement, keep_needed, statements


@dataclass
class Loaded:
    """A module of the user's. `failed` has the statements that ended with an error, by the names
    that they would have bound; `notes` what was left out, for the screen."""

    module: ModuleType
    path: Path
    roots: tuple[Path, ...]
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def load_file(path: Path, wanted: Iterable[str], argv: list[str]) -> Loaded:
    """The module that a file is. `wanted` are the names that have to be there afterwards."""
    text, tree = read(path)
    path = path.resolve()
    name, folder = module_name(path, import_level(tree))
    folders = [folder] if folder == path.parent else [folder, path.parent]
    sys.meta_path.insert(0, Siblings(folders, [path]))
    sys.path.extend(one for one in (str(folder), str(Path.cwd())) if one not in sys.path)
    roots = (folder,)
    notes: list[str] = []
    parent = name.rpartition(".")[0]
    with arguments([str(path), *argv]):
        if parent:
            import_package(parent, folder, roots, notes)
            if name in sys.modules:
                return Loaded(sys.modules[name], path, roots, tree, notes=notes)
        loaded = Loaded(make_module(name, path), path, roots, tree, notes=notes)
        run_file(loaded, text, wanted)
    return loaded


def read(path: Path) -> tuple[str, ast.Module]:
    """The text as Python decodes it, and its syntax tree."""
    if path.exists() and not path.is_file():
        raise Usage(f"{path}: expected a file of Python, found a folder or a device")
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, SyntaxError) as error:
        raise Usage(f"{path}: expected Python, found a file that is not UTF-8") from error
    try:
        return text, ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f"{shown(path)}:{line}: " if line else f"{shown(path)}: "
        raise Usage(
            f"{place}{type(error).__name__}: {getattr(error, 'msg', None) or error}"
        ) from error


def import_level(tree: ast.Module) -> int:
    """The most dots of a relative import."""
    return max(
        (node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0
    )


@contextlib.contextmanager
def arguments(argv: list[str]) -> Iterator[None]:
    before, sys.argv = sys.argv, argv
    try:
        yield
    finally:
        sys.argv = before


def import_package(name: str, folder: Path, roots: tuple[Path, ...], notes: list[str]) -> None:
    """Imports the packages around a file. One whose `__init__.py` wants a package that is not
    installed stays empty, and the screen says so."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        package = ".".join(parts[:count])
        inside = folder.joinpath(*parts[:count])
        try:
            importlib.import_module(package)
        except (Exception, SystemExit) as error:
            notes.append(
                f"{shown(inside / '__init__.py')} is left out, as it ends with "
                f"{located(error, roots)}"
            )
            module = sys.modules[package] = ModuleType(package)
            module.__path__ = [str(inside)]
            module.__spec__ = ModuleSpec(package, None, is_package=True)
            module.__package__ = package


def make_module(name: str, path: Path) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = str(path)
    module.__package__ = name.rpartition(".")[0]
    module.__spec__ = ModuleSpec(name, None, origin=str(path))
    sys.modules[name] = module
    if module.__package__:
        setattr(sys.modules[module.__package__], name.rpartition(".")[2], module)
    return module


def run_file(loaded: Loaded, text: str, wanted: Iterable[str]) -> None:
    found = statements(loaded.tree)
    needed = keep_needed(found, wanted)
    flags = sum(getattr(__future__, name).compiler_flag for name in future_names(loaded.tree))
    skipped = []
    for one in found:
        if one.kept or (one.plain and not one.guarded):
            run(one, loaded, needed, flags)
        elif not one.guarded:
            skipped.append(one.node)
    if skipped:
        lines = ", ".join(ranges(skipped))
        loaded.notes.append(
            f"{shown(loaded.path)}: {lines} not run: the script's own work, on which "
            f"{first(wanted)} does not depend"
        )
    below = [one.node for one in found if one.guarded and one.kept]
    if below:
        loaded.notes.append(
            f"{shown(loaded.path)}: {', '.join(ranges(below))} run, though below "
            f'`if __name__ == "__main__"`: {first(wanted)} reads what they define'
        )


def run(one: Statement, loaded: Loaded, needed: set[str], flags: int) -> None:
    try:
        code = compile(
            ast.Module([one.node], []), str(loaded.path), "exec", flags, dont_inherit=True
        )
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            exec(code, vars(loaded.module))
    except (Exception, SystemExit) as error:
        cause = reason(error, said.getvalue() if not isinstance(error, SyntaxError) else "")
        place = f"{shown(loaded.path)}:{one.node.lineno}: `{first_line(one.node)}`"
        inner = place_in(error, loaded.roots)
        if inner.startswith(f"{shown(loaded.path)}:{one.node.lineno}:"):
            inner = ""
        line = f"{place}: {inner}{cause}"
        bound = one.binds | one.changes
        for name in bound:
            loaded.failed.setdefault(name, line)
        if one.always or (one.kept and not one.plain):
            raise Refused(line) from error


def reason(error: BaseException, said: str) -> str:
    """The error; of a command line that argparse refuses, the cause that it prints."""
    if isinstance(error, SystemExit):
        last = said.strip().splitlines()[-1:]
        if error.code == 2 and last and "error:" in last[0]:
            return f"{last[0].partition('error: ')[2]} (--argv gives the script its command line)"
    return one_line(error)


def future_names(tree: ast.Module) -> list[str]:
    return [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]


def ranges(nodes: list[ast.stmt]) -> list[str]:
    """`line 4`, `lines 7-12`."""
    spans: list[list[int]] = []
    for node in nodes:
        end = node.end_lineno or node.lineno
        if spans and node.lineno <= spans[-1][1] + 2:
            spans[-1][1] = end
        else:
            spans.append([node.lineno, end])
    return [f"line {a}" if a == b else f"lines {a}-{b}" for a, b in spans]


def first_line(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    return ast.unparse(node).splitlines()[0][:90]


def first(wanted: Iterable[str]) -> str:
    return next(iter(wanted), "the class")
