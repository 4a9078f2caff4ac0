"""A Python file: its text, its syntax tree, and the module that it is."""

import ast
import contextlib
import io
import sys
from pathlib import Path
from types import ModuleType

from .refusals import Wrong

# The statements of a file that define something.
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign,
               ast.If, ast.Try)


def is_main(statement):
    """`if __name__ == "__main__":`."""
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


class Source:
    def __init__(self, path):
        self.path = str(path)
        try:
            self.text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise Wrong(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise Wrong(f"{path}: expected Python, found a file that is not UTF-8") from error
        try:
            self.tree = ast.parse(self.text)
        except SyntaxError as error:
            raise Wrong(f"{path}:{error.lineno}: {error.msg}") from error
        self.lines = self.text.splitlines()
        self.module, self.failed = None, {}
        self.classes = {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}
        self.functions = {n.name: n for n in self.tree.body if isinstance(n, ast.FunctionDef)}

    def load(self):
        """Makes the module of what the file defines: its imports, classes, functions and names.

        What else a script does, such as to train, is not run. A definition that fails (a package
        that is not installed, an argument that is not given) is passed over: what needs it is
        refused later.
        """
        folder = str(Path(self.path).resolve().parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        name = Path(self.path).stem
        self.module = ModuleType(name)
        self.module.__file__ = str(Path(self.path).resolve())
        sys.modules[name] = self.module
        argv, sys.argv = sys.argv, [self.path]
        try:
            for statement in self.tree.body:
                if isinstance(statement, DEFINITIONS) and not is_main(statement):
                    self.run(statement)
        finally:
            sys.argv = argv
        return self.module

    def run(self, statement):
        code = compile(ast.Module([statement], []), self.path, "exec")
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                exec(code, vars(self.module))
        except (Exception, SystemExit) as error:
            if isinstance(statement, ast.ClassDef):
                place = f"{self.path}:{statement.lineno}: `class {statement.name}`"
                self.failed[statement.name] = f"{place}: {one_line(error)}"

    def text_of(self, node):
        """The text of a place, in a line."""
        text = ast.get_source_segment(self.text, node) if hasattr(node, "lineno") else None
        text = " ".join((text or "").split())
        return text if len(text) <= 90 else text[:87] + "..."

    def method(self, cls, name):
        """The syntax tree of a method of a class of this file, or None."""
        node = self.classes.get(cls)
        found = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == name]
        return found[-1] if found else None


def one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__


def docstring(node):
    """The text of a class's or function's docstring, its lines without indentation."""
    text = ast.get_docstring(node)
    return text.splitlines() if text else []


def is_docstring(node):
    """Whether a statement is a text that nobody uses."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
