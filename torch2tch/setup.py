"""Puts the Rust library's sources into the wheel and the source archive, from the checkout around
it.

They are in the repository once, in `crates/`; here they are copied, and what their
manifest takes from the workspace is written out.
"""

import json
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
CRATES = HERE.parent / "crates"
# The library, and what a program that takes pictures needs besides.
CARRIED_CRATES = ("torch-parity", "torchvision-parity")
CARRIED = Path("src/torch2tch/_library")


def carry(folder: Path) -> None:
    """Copies the library's sources to `folder`."""
    if not CRATES.is_dir():
        # Built from a source archive, which has them already.
        shutil.copytree(HERE / CARRIED, folder, dirs_exist_ok=True)
        return
    workspace = tomllib.loads((HERE.parent / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
    for crate in CARRIED_CRATES:
        # They lie side by side there too.
        workspace["dependencies"][crate] = {"path": f"../{crate}"}
    for crate in CARRIED_CRATES:
        target = folder / crate
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(CRATES / crate / "src", target / "src")
        shutil.copy(CRATES / crate / "build.rs", target)
        manifest = tomllib.loads((CRATES / crate / "Cargo.toml").read_text(encoding="utf-8"))
        (target / "Cargo.toml").write_text(toml(alone(manifest, workspace)), encoding="utf-8")


def alone(manifest: dict, workspace: dict) -> dict:
    """The manifest of a package in no workspace. Tests stay behind."""
    package = {
        name: inherited(value, workspace["package"].get(name))
        for name, value in manifest["package"].items()
        if name not in ("include", "metadata")
    }
    kept = {"package": package, "features": manifest.get("features", {})}
    for table in ("dependencies", "build-dependencies"):
        kept[table] = dependencies(manifest.get(table, {}), workspace)
    for target, tables in manifest.get("target", {}).items():
        found = dependencies(tables.get("dependencies", {}), workspace)
        kept.setdefault("target", {})[target] = {"dependencies": found}
    return kept


def dependencies(table: dict, workspace: dict) -> dict:
    return {
        name: inherited(value, workspace["dependencies"].get(name)) for name, value in table.items()
    }


def inherited(value: object, there: object) -> object:
    return there if isinstance(value, dict) and value.get("workspace") else value


def toml(tables: dict, path: str = "") -> str:
    """Tables of tables at the first levels, everything below inline."""
    text = ""
    for name, value in tables.items():
        inner = f"{path}{key(name)}"
        if inner == "target" or (
            inner.startswith("target.") and inner.count(".") == 1 and "dependencies" in value
        ):
            text += toml(value, f"{inner}.")
        else:
            rows = "".join(f"{key(field)} = {inline(one)}\n" for field, one in value.items())
            text += f"[{inner}]\n{rows}\n"
    return text


def key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)


def inline(value: object) -> str:
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{key(name)} = {inline(one)}" for name, one in value.items()) + " }"
        )
    return json.dumps(value)


class Build(build_py):
    """`build_py`, and the library's sources."""

    def run(self) -> None:
        super().run()
        carry(Path(self.build_lib) / "torch2tch" / "_library")


class Archive(sdist):
    """`sdist`, and the library's sources."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        carry(Path(base_dir) / CARRIED)


setup(cmdclass={"build_py": Build, "sdist": Archive})
