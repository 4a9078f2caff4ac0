"""How a user's file finds the files beside it: as Python would, and for the user's own code
alone."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType


class Siblings(MetaPathFinder):
    """Finds the modules of a folder for imports that the code of this folder makes.

    An import of torch's own does not see them, so a sibling that is named as a package hides that
    package from nobody else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if path is not None or not self.is_asked(sys._getframe(1)):
            return None
        return PathFinder.find_spec(fullname, [str(self.folder)], target)

    def is_asked(self, frame: FrameType | None) -> bool:
        """Returns true if the import that runs stands in a file of the folder or below it."""
        while frame is not None:
            file = frame.f_code.co_filename
            if not (file.startswith("<frozen") or "/importlib/" in file):
                return self.folder in Path(file).resolve().parents and "site-packages" not in file
            frame = frame.f_back
        return False


def watch(folder: Path) -> None:
    """Makes the modules of a folder importable for its own code."""
    known = [f.folder for f in sys.meta_path if isinstance(f, Siblings)]
    if folder not in known:
        sys.meta_path.insert(0, Siblings(folder))


def module_name(file: Path) -> str:
    """The name under which a user's file stands in `sys.modules`: its own, unless Python or a
    package has a module of that name."""
    name = file.stem
    there = sys.modules.get(name)
    if there is not None:
        is_taken = getattr(there, "__file__", None) != str(file)
    else:
        is_taken = name.isidentifier() and importlib.util.find_spec(name) is not None
    return f"user_{name}" if is_taken else name
