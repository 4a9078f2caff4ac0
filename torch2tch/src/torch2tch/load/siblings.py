"""How the user's own modules are found: by their own code, and by nobody else."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType

# Frames of the machinery that lies between an `import` and this finder.
MACHINERY = ("importlib", "<frozen")


class Siblings(MetaPathFinder):
    """Finds modules in the user's folders, before any other, for the code of these folders alone. A
    sibling named as a package (`triton.py`) hides that package from the user's code, as in Python,
    and from nothing else."""

    def __init__(self, folders: Sequence[Path], files: Sequence[Path] = ()) -> None:
        self.folders = [str(folder) for folder in folders]
        self.roots = tuple(folders)
        self.files = {str(file) for file in files}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or not self.is_asked_by_user():
            return None
        return PathFinder.find_spec(name, self.folders, target)

    def is_asked_by_user(self) -> bool:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if not (file.startswith("<frozen") or "/importlib/" in file):
                parents = Path(file).parents
                inside = any(root in parents for root in self.roots)
                return file in self.files or (inside and "site-packages" not in file)
            frame = frame.f_back
        return False


def module_name(file: Path, level: int = 0) -> tuple[str, Path]:
    """The dotted name of a file in its package, and the folder that its package is in. A file
    outside of a package has its own name, unless a module of that name is there already. `level` is
    that of its relative imports: as many folders around it are packages, even without an
    `__init__.py`."""
    folder, parts = file.parent, [file.stem]
    while (folder / "__init__.py").exists() or (len(parts) <= level and folder.name.isidentifier()):
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    name = ".".join(parts)
    if len(parts) == 1 and (not name.isidentifier() or is_taken(name, file)):
        name = "user_" + "".join(c if c.isalnum() else "_" for c in name)
    return name, folder


def is_taken(name: str, file: Path) -> bool:
    """Python or a package has a module of that name."""
    if name in sys.modules:
        return True
    found = importlib.util.find_spec(name)
    return found is not None and found.origin != str(file)
