"""Prints the packages of the running Python that are broken, as name==version, one a line.

A package is broken if one of its files is missing or cut off, or if it is missing though
`installed-packages.txt` beside its environment's `bin/` lists it.

    .venv/bin/python scripts/checks/packages.py
    .venv/bin/python scripts/checks/packages.py --record    lists those that are there now
"""

import csv
import os
import sys
import sysconfig
from pathlib import Path

PACKAGES = Path(sysconfig.get_path("purelib"))
LIST = Path(sys.prefix) / "installed-packages.txt"


def installed() -> dict[str, Path]:
    """The folder of facts about each package, by name==version."""
    folders = PACKAGES.glob("*-*.dist-info")
    return {
        folder.name.removesuffix(".dist-info").replace("-", "==", 1): folder for folder in folders
    }


def is_broken(folder: Path) -> bool:
    # Installed from a folder or an address, from which nothing here can install it again.
    if (folder / "direct_url.json").exists():
        return False
    try:
        with open(folder / "RECORD", newline="", encoding="utf-8") as file:
            rows = [(row[0], row[-1]) for row in csv.reader(file) if row]
    except OSError:
        return True
    # Python makes .pyc files anew.
    return any(is_cut_off(path, size) for path, size in rows if not path.endswith(".pyc"))


def is_cut_off(path: str, size: str) -> bool:
    """Is a file missing, or shorter than recorded?"""
    try:
        return os.stat(PACKAGES / path).st_size < int(size or 0)
    except OSError:
        return True


def missing(present: dict[str, Path]) -> list[str]:
    """The packages that are listed and not there in any version."""
    listed = LIST.read_text().split() if LIST.exists() else []
    names = {package.partition("==")[0] for package in present}
    return [package for package in listed if package.partition("==")[0] not in names]


def main() -> None:
    present = installed()
    if sys.argv[1:] == ["--record"]:
        partial = LIST.with_suffix(".partial")
        partial.write_text("".join(f"{package}\n" for package in sorted(present)))
        partial.replace(LIST)
        return
    broken = [package for package, folder in present.items() if is_broken(folder)]
    print("\n".join(sorted(broken + missing(present))))


main()
