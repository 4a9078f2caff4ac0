"""Runs a script of this project with the Python that `scripts/setup` installed.

A script imports this module before any package that is not Python's own.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def enter():
    """Starts the running script again under `.venv`, unless it already is."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    python = VENV / "bin" / "python"
    if not python.exists():
        sys.exit("error: there is no .venv yet; run scripts/setup first")
    os.execv(python, [str(python), *sys.argv])


enter()
