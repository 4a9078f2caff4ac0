#!/usr/bin/env python3
"""Holds the oldest Rust that Cargo.toml promises (`rust-version`) against the dependencies.

    scripts/checks/rust_version.py [FOLDER]      of another project than this one

No dependency may state that it needs a newer one, on any platform. Where rustup has a toolchain of
just that version, it also checks the whole project, without libtorch. clippy, which scripts/check
runs before, names every function of the standard library that came later (`incompatible_msrv`), but
not what is newer in the language itself: only the old toolchain finds that.

The exit code is 1 on a failure, and 77 if there is no such toolchain and the rest is well.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import in_venv

# What `make` and others take for "skipped".
SKIPPED = 77


def version(text):
    """(1, 89, 0) for "1.89"."""
    numbers = [int(number) for number in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def packages(folder):
    """The project's own package, and all that it depends on."""
    command = ["cargo", "metadata", "--quiet", "--format-version=1"]
    output = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False)
    if output.returncode != 0:
        sys.exit("error: cargo metadata failed; its message is above")
    metadata = json.loads(output.stdout)
    root = metadata["resolve"]["root"]
    own = next(package for package in metadata["packages"] if package["id"] == root)
    return own, [package for package in metadata["packages"] if package is not own]


def check_dependencies(promised, dependencies):
    """Fails if one of them states that it needs a newer Rust than is promised."""
    stated = [package for package in dependencies if package["rust_version"]]
    too_new = [
        package for package in stated if version(package["rust_version"]) > version(promised)
    ]
    for package in too_new:
        print(
            f"error: Cargo.toml promises Rust {promised}, but {package['name']} "
            f"{package['version']} needs {package['rust_version']}",
            file=sys.stderr,
        )
    if too_new:
        sys.exit(1)
    print(
        f"Rust {promised}: of {len(dependencies)} dependencies {len(stated)} state what they "
        f"need, none of them more; {len(dependencies) - len(stated)} state nothing"
    )


def toolchain(promised):
    """The name of rustup's toolchain of that version, if there is one."""
    if shutil.which("rustup") is None:
        return None
    command = ["rustup", "toolchain", "list"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    names = [line.split()[0] for line in listed.splitlines()]
    return next(
        (name for name in names if name.startswith((f"{promised}-", f"{promised}.0-"))), None
    )


def check_with(name, folder):
    """Lets that toolchain check everything, documentation only, as this needs no C++."""
    command = [
        "rustup",
        "run",
        name,
        "cargo",
        "check",
        "--quiet",
        "--all-targets",
        "--features=doc-only",
        "--target-dir=target/rust-version",
    ]
    if subprocess.run(command, cwd=folder, check=False).returncode != 0:
        sys.exit(f"error: {name} cannot compile this; its message is above")
    print(f"{name} compiles everything")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else in_venv.ROOT
    own, dependencies = packages(folder)
    promised = own["rust_version"]
    if promised is None:
        sys.exit(f"error: {own['manifest_path']} promises no rust-version")
    check_dependencies(promised, dependencies)
    name = toolchain(promised)
    if name is None:
        print(
            f"not compiled with Rust {promised}, as rustup has none here "
            f"(rustup toolchain install {promised})"
        )
        sys.exit(SKIPPED)
    check_with(name, folder)


main()
