"""Runs a script of this project with the Python that `scripts/setup` installed.

A script imports this module before any package that is not Python's own.
"""

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"

# Set while a script starts again under .venv, that it does so once and not for ever.
MARK = "FINAL_LAYER_ENTERS_VENV"


def enter():
    """Starts the running script again under `.venv`, unless it already is."""
    entered = os.environ.pop(MARK, None)
    if Path(sys.prefix).resolve() == VENV.resolve():
        sys.excepthook = explain
        return
    python = VENV / "bin" / "python"
    if not python.exists():
        sys.exit("error: there is no .venv yet; run scripts/setup first")
    if entered:
        # Its Python takes itself for another one: pyvenv.cfg is missing, for instance.
        half_made(f"{python} is no Python of its own")
    try:
        os.execve(python, [str(python), *sys.argv], os.environ | {MARK: "1"})
    except OSError as error:
        half_made(f"{python}: {error.strerror}")


def torch2tch(*command):
    """Runs the package torch2tch under `.venv`, with the arguments of the running script.

    Its program lies in a folder without modules, so that no module of ours can be imported by a
    bare name that is a user's.
    """
    if importlib.util.find_spec("torch2tch") is None:
        half_made("No module named 'torch2tch'")
    run("torch2tch/bin/torch2tch", *command)


def run(program, *arguments):
    """Runs a program of the checkout under `.venv`, with the arguments of the running script."""
    python = VENV / "bin" / "python"
    os.execve(python, [str(python), str(ROOT / program), *arguments, *sys.argv[1:]], os.environ)


def explain(kind, error, trace):
    """Says in a line which package is missing or broken; shows any other error as Python does."""
    if is_of_packages(error, traceback.extract_tb(trace)):
        print(half_made_message(error), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def is_of_packages(error, frames):
    """Returns true for what a package that is missing or cut off leads to."""
    if isinstance(error, ImportError):
        # A module of the checkout that lacks a name is no fault of the packages.
        file = Path(error.path) if error.path else None
        return file is None or VENV in file.parents or ROOT not in file.parents
    # A package whose files are gone but for its folder is a module without a file.
    module = getattr(error, "obj", None) if isinstance(error, AttributeError) else None
    is_empty = isinstance(module, ModuleType) and getattr(module, "__file__", None) is None
    in_package = any("site-packages" in frame.filename for frame in frames[-1:])
    return is_empty or (isinstance(error, OSError) and in_package)


def half_made(why):
    sys.exit(half_made_message(why))


def half_made_message(why):
    why = " ".join(str(why).split())
    return f"error: .venv is not complete ({why}); run scripts/setup, which repairs it"


enter()
