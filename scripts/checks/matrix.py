#!/usr/bin/env python3
"""Builds and compares on every pair of torch and tch, and prints a table.

Each torch gets a copy of the project with a .venv and a target folder of its own (8 GB), where
`scripts/setup --torch VERSION`, `cargo build --examples` and `scripts/compare.py` run as they
stand. A second run in the same folder goes on from what is there. The exit code is 0 if every pair
builds without a warning and every tensor is equal.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ["2.11.0", "2.12.0", "2.13.0"]


def main():
    args = parse_arguments()
    rows = []
    for version in args.versions:
        rows.append(run_pair(args.folder / f"torch-{version}", version, args.steps))
        show(rows, args.steps)
    sys.exit(not all(row.passed for row in rows))


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "versions", nargs="*", metavar="VERSION", help=f"of torch (default: {' '.join(VERSIONS)})"
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the copies go")
    parser.add_argument("--steps", type=int, default=1000, metavar="N", help="see compare.py")
    args = parser.parse_args()
    args.versions = args.versions or VERSIONS
    unknown = [version for version in args.versions if version not in VERSIONS]
    if unknown:
        parser.error(f"torch {unknown[0]}: expected one of {', '.join(VERSIONS)}")
    args.folder = outside_project(parser, args.folder)
    return args


def outside_project(parser, folder):
    folder = folder.resolve()
    if folder.is_relative_to(ROOT):
        parser.error(f"--folder {folder} is in the project; give one outside")
    return folder


@dataclass
class Pair:
    """How one pair fared."""

    torch: str
    tch: str = "–"
    seconds: float | None = None  # of the processors
    warnings: int | None = None
    verdict: str = ""
    passed: bool = False


def run_pair(project, version, steps):
    """Sets up, builds and compares in `project`; stops at the first step that fails."""
    pair = Pair(version)
    copy_project(project)
    setup = run(project, "scripts/setup", "--torch", version)
    if setup.returncode:
        pair.verdict = f"not set up: {last_line(setup.stderr)}"
        return pair
    pair.tch = locked_tch(project)

    # Downloads stay out of the time.
    run(project, "cargo", "fetch", "--quiet", "--locked")
    before = os.times()
    build = run(project, "cargo", "build", "--examples", "--locked")
    after = os.times()
    pair.seconds = sum(after[i] - before[i] for i in (2, 3))  # the children's, user and system
    pair.warnings = len(re.findall(r"^warning: (?!.* generated )", build.stderr, re.MULTILINE))
    if build.returncode:
        pair.verdict = f"not built: {first_error(build.stderr)}"
        return pair

    compare = run(project, "scripts/compare.py", "--steps", str(steps))
    pair.verdict = last_line(compare.stdout if compare.stdout else compare.stderr)
    pair.passed = compare.returncode == 0 and pair.warnings == 0
    return pair


def copy_project(project):
    """Copies what git tracks, changes included, over what is there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, project / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def locked_tch(project):
    lock = (project / "Cargo.lock").read_text()
    found = re.search(r'name = "tch"\nversion = "(.*)"', lock)
    assert found, "Cargo.lock names no tch"
    return found[1]


def run(project, *command):
    """Runs a command where nothing but the project itself says which libtorch it is."""
    print(f"{project.name}: {' '.join(command)}", file=sys.stderr)
    ours = ("LIBTORCH", "CARGO_TARGET_DIR", "LD_LIBRARY_PATH")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return subprocess.run(
        command,
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def last_line(text):
    return text.strip().splitlines()[-1] if text.strip() else "no message"


def first_error(text):
    return next((line for line in text.splitlines() if "error" in line), last_line(text))


def show(rows, steps):
    """Prints the table so far."""
    print(f"\n{date.today()}, {steps} steps")
    print("| torch | tch | build, processor time | warnings | comparison |")
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        build = "–" if row.seconds is None else f"{row.seconds:.0f} s"
        warnings = "–" if row.warnings is None else row.warnings
        print(f"| {row.torch} | {row.tch} | {build} | {warnings} | {row.verdict} |", flush=True)


if __name__ == "__main__":
    main()
