"""A Python file: its text, its syntax tree, and the module that it is."""

import ast
from pathlib import Path

from .refusals import Refused, Wrong


class Source:
    def __init__(self, path):
        from torch2tch.load.script import read
        from torch2tch.subject import Refused as NotLoaded

        self.path = str(path)
        try:
            self.text, self.tree = read(Path(path))
        except NotLoaded as error:
            raise Wrong(str(error)) from error
        self.lines = self.text.splitlines()
        self.module, self.failed = None, {}
        self.classes = {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}
        self.functions = {n.name: n for n in self.tree.body if isinstance(n, ast.FunctionDef)}

    def load(self, wanted=()):
        """Makes the module that the file is; what fails in it is refused where it is needed."""
        from torch2tch.load.script import load_file
        from torch2tch.subject import Refused as NotLoaded

        try:
            loaded = load_file(Path(self.path), list(wanted), [])
        except NotLoaded as error:
            raise Refused(list(error.lines)) from error
        self.module, self.failed = loaded.module, loaded.failed
        return self.module

    def check(self, class_name):
        """Raises `Refused` if the class is one whose definition failed."""
        if class_name in self.failed:
            failed_imports = [line for line in self.failed.values() if "import " in line]
            raise Refused(list(dict.fromkeys([*failed_imports, self.failed[class_name]])))

    def causes(self, error):
        """The statements whose failing is why a name is not there."""
        name = error.name if isinstance(error, NameError) else None
        return [self.failed[n] for n in (name, "*") if name and n in self.failed][:1]

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
