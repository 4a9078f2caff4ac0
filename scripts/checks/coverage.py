#!/usr/bin/env python3
"""Measures what torch2tch ports: runs the calls of a file of cases with --prove, and prints a
table.

A line of the file is a case, its fields between `|`: id, TARGET below the folder of repositories,
--args, --input (several between `;;`), --target, --loss, lines that are put in front of the file,
the folder on PYTHONPATH. `--builders torchvision|timm|transformers` runs builders of an installed
package instead. Each case is equal, unequal, does not compile, refused (with its cause), a
traceback, or over its deadline.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "torch2tch" / "bin" / "torch2tch"
OUTCOMES = ["equal", "unequal", "does not compile", "refused", "traceback", "over its deadline"]


@dataclass(frozen=True)
class Case:
    id: str
    target: str
    args: str = ""
    inputs: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    loss: str = ""
    front: str = ""
    path: str = ""
    call: str = ""


@dataclass
class Result:
    id: str
    outcome: str
    way: str
    seconds: float
    cause: str


def main() -> int:
    arguments = parse_arguments()
    cases = [
        case
        for case in read_cases(arguments)
        if re.search(arguments.only, case.id)
        and not (arguments.without and re.search(arguments.without, case.id))
    ]
    if not cases:
        sys.exit("error: no case is left to run")
    results = []
    with concurrent.futures.ThreadPoolExecutor(arguments.parallel) as pool:
        for result in pool.map(lambda case: run(case, arguments), cases):
            results.append(result)
            print(
                f"{result.id:<36} {result.outcome:<18} {result.way:<9} {result.seconds:6.1f} "
                f"s  {result.cause}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    summarize(results)
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="?", type=Path, metavar="FILE", help="the file of cases")
    parser.add_argument(
        "--repositories",
        type=Path,
        default=Path("."),
        metavar="FOLDER",
        help="where the targets lie, each repository in OWNER_NAME/ (default: here)",
    )
    parser.add_argument(
        "--builders",
        choices=["torchvision", "timm", "transformers"],
        help="the builders of an installed package instead of a file of cases",
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="FILE",
        help="the Python that has the packages (default: this one)",
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="the cases whose ids match")
    parser.add_argument("--without", default="", metavar="REGEX", help="not those whose ids match")
    parser.add_argument(
        "--as", dest="as_", choices=["written", "recorded"], help="in this way alone"
    )
    parser.add_argument("--parallel", type=int, choices=[1, 2], default=1)
    parser.add_argument(
        "--deadline", type=int, default=600, metavar="SECONDS", help="for each case"
    )
    parser.add_argument(
        "--steps", type=int, default=3, metavar="N", help="training steps (default: 3)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results to this file, too"
    )
    arguments = parser.parse_args()
    if bool(arguments.cases) == bool(arguments.builders):
        parser.error("expected a file of cases or --builders")
    return arguments


def read_cases(arguments: argparse.Namespace) -> list[Case]:
    if arguments.builders:
        # The Python that has the packages lists them.
        command = [
            arguments.python,
            str(Path(__file__).with_name("builders.py")),
            arguments.builders,
        ]
        listed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        return [Case(**json.loads(line)) for line in listed.splitlines()]
    try:
        lines = arguments.cases.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        sys.exit(f"error: {arguments.cases}: {error.strerror}")
    return [read_case(line) for line in lines if line.strip() and not line.startswith("#")]


def read_case(line: str) -> Case:
    fields = [field.strip() for field in re.split(r"\s\|(?=\s|$)", line)]
    fields += [""] * (8 - len(fields))
    name, target, args, inputs, targets, loss, front, path = fields[:8]
    return Case(name, target, args, several(inputs), several(targets), loss, front, path)


def several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";;") if part.strip())


def run(case: Case, arguments: argparse.Namespace) -> Result:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        target = placed(case, arguments.repositories, Path(folder))
        command = [
            arguments.python,
            str(PROGRAM),
            target,
            "--prove",
            f"--steps={arguments.steps}",
            f"--output={folder}/port.rs",
            f"--args={case.args}",
            f"--call={case.call}",
        ]
        command += [f"--input={text}" for text in case.inputs]
        command += [f"--target={text}" for text in case.targets]
        command += [f"--loss={case.loss}"] if case.loss else []
        command += [f"--as={arguments.as_}"] if arguments.as_ else []
        paths = [str(arguments.repositories / case.path)] if case.path else []
        paths += filter(None, [os.environ.get("PYTHONPATH")])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        try:
            out, notes = process.communicate(timeout=arguments.deadline)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return Result(case.id, "over its deadline", "", time.monotonic() - start, "")
    outcome, cause = judged(process.returncode, out, notes)
    way = (
        "recorded" if "is ported as recorded" in notes else "written" if outcome == "equal" else ""
    )
    if way == "recorded":
        cause = next(
            (line for line in notes.splitlines() if line.startswith("note: not as written")), ""
        )
    return Result(case.id, outcome, way, time.monotonic() - start, cause[:600])


def placed(case: Case, repositories: Path, folder: Path) -> str:
    """The target; with lines in front, in a copy of the file's folder."""
    if case.target.endswith(".pt2") or ".py:" not in case.target:
        return case.target
    file, _, name = case.target.rpartition(":")
    path = repositories / file
    if not case.front:
        return f"{path}:{name}"
    copy = folder / "copy"
    shutil.copytree(path.parent, copy, ignore=shutil.ignore_patterns("*.pth", "*.zip"))
    placed_file = copy / path.name
    placed_file.write_text(f"{case.front}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    return f"{placed_file}:{name}"


def judged(code: int, out: str, notes: str) -> tuple[str, str]:
    errors = [
        line.removeprefix("error: ") for line in notes.splitlines() if line.startswith("error: ")
    ]
    # The first cause of each way.
    ways = [
        next((line for line in errors if line.startswith(f"as {way}")), "")
        for way in ("written", "recorded")
    ]
    cause = " || ".join(filter(None, ways)) or (errors[-1] if errors else "")
    if "Traceback (most recent call last)" in notes or "panicked at" in cause:
        return "traceback", notes.strip().splitlines()[-1]
    if code == 0:
        return (
            ("equal", "")
            if "all equal to the bit" in out
            else ("traceback", "ends with 0, proves nothing")
        )
    if any("is not equal" in line for line in errors):
        return "unequal", next(line for line in reversed(errors) if "is not equal" in line)
    if any("does not compile" in line for line in errors):
        return "does not compile", next(
            line for line in reversed(errors) if "does not compile" in line
        )
    return "refused", cause


def summarize(results: list[Result]) -> None:
    print()
    counted = collections.Counter(result.outcome for result in results)
    for outcome in OUTCOMES:
        print(f"{outcome:<18} {counted[outcome]:4}  {100 * counted[outcome] / len(results):5.1f} %")
    ways = collections.Counter(result.way for result in results if result.outcome == "equal")
    print(
        f"{'total':<18} {len(results):4}  ({ways['written']} as written, {ways['recorded']} "
        "as recorded)"
    )
    print("\nEach repository or package: equal of all")
    groups = collections.defaultdict(list)
    for result in results:
        groups[result.id.split(".")[0]].append(result.outcome == "equal")
    for name, equal in groups.items():
        print(f"  {name:<20} {sum(equal):3} of {len(equal):3}")


if __name__ == "__main__":
    sys.exit(main())
