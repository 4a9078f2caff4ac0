"""A module of an installed package, imported as `python -m` would."""

import importlib
import sys
from pathlib import Path

from ..subject import Refused
from .errors import Usage, located
from .script import Loaded, arguments


def load_module(name: str, argv: list[str]) -> Loaded:
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        with arguments([name, *argv]):
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name
            and (name == error.name or name.startswith(error.name + "."))
        ):
            raise Usage(
                f"{name}: there is no module {error.name} in this environment, {sys.prefix}"
            ) from error
        raise Refused(f"{name}: {located(error, (Path.cwd(), *folder_of(name)))}") from error
    file = getattr(module, "__file__", None)
    path = Path(file).resolve() if file else Path.cwd()
    return Loaded(module, path, (path.parent,))


def folder_of(name: str) -> tuple[Path, ...]:
    """The folder of the package that was found, if it was."""
    package = sys.modules.get(name.split(".")[0])
    file = getattr(package, "__file__", None)
    return (Path(file).resolve().parent,) if file else ()
