#!/usr/bin/env python3
"""Counts the instructions in one call of each case and holds them against committed numbers.

    benches/instructions.py             fails where a case takes more than it may
    benches/instructions.py --record    commits to what it counts here and now
    benches/instructions.py --profile   says where the instructions go

Seconds vary with whatever else runs, instructions do not: valgrind's callgrind runs
benches/worker.rs, on one thread, and counts within the calls alone, after as many to warm up: all
instructions, and those around the matrix products, which would hide the rest. valgrind knows no
AVX-512, so libtorch runs its kernels for AVX2 here. Counted is the dev build, which the tests have
built already; --profile is of the release build.

The numbers hold for one libtorch and one kind of processor, by which MKL chooses its matrix
product; the file has counts for each that was recorded. The exit code is 1 if a case got slower,
and 77 if there is nothing to compare with: on such a processor, count an earlier commit first, in a
checkout of it, with `--record --committed FILE`, and then compare with `--committed FILE`.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import in_venv

import workers
from workers import Failed

COMMITTED = in_venv.ROOT / "benches" / "instructions.json"

# How much more a case may take. Counts of one build differ by up to 0.8 %, in the smallest case, as
# the heap lies otherwise.
MARGIN = 0.02

# What `make` and others take for "skipped".
SKIPPED = 77

CALLS = 10

CASES = [
    "inference digit_classifier 1",
    "inference house_price_predictor 1",
    "step digit_classifier 64 sgd",
    "step digit_classifier 64 adam",
    "step house_price_predictor 64 adam",
    "epoch digit_classifier 192 adam",
]

# The function of benches/worker.rs that makes the calls.
COUNTED = "worker::repeat_counted"

# MKL's matrix products, which outnumber all else in a step.
PRODUCTS = "mkl_blas_"

# Where instructions go, by the names of functions or of the files that they are in; the first that
# fits counts.
GROUPS = [
    ("matrix products (MKL)", f"^{PRODUCTS}"),
    ("square roots, exponentials (MKL, Sleef)", r"^mkl_vml|^vssqrt|^Sleef"),
    ("other parts of MKL", r"^mkl_"),
    ("loops over elements (ATen)", r"at::native::.*(AVX|DEFAULT|Vectorized|vectorized|cpu_kernel)"),
    (
        "memory (malloc, free, copy, set)",
        r"malloc|free|memalign|operator (new|delete)|mem(cpy|move|set)|alloc_cpu",
    ),
    ("autograd", r"torch::autograd|torch::csrc::autograd|Backward"),
    (
        "final_layer, tch and Rust's own",
        r"final_layer|^tch|torch_sys|core::|alloc::|^std::(sync|thread)|worker",
    ),
    ("libtorch around the loops", r"^(at|c10|torch|caffe2)::|at::|c10::|TensorIterator|^at_"),
]


def main():
    args = parse_arguments()
    try:
        found = json.loads(args.counted.read_text()) if args.counted else count_live(args.profile)
        if args.record:
            record(args.committed, found)
        elif not args.profile:
            sys.exit(compare(read(args.committed), found))
    except Failed as error:
        sys.exit(f"error: {error}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="write the committed numbers anew")
    parser.add_argument("--profile", action="store_true", help="print where instructions go")
    parser.add_argument("--committed", type=Path, default=COMMITTED, metavar="FILE")
    parser.add_argument(
        "--counted", type=Path, metavar="FILE", help="counts from before, in place of counting now"
    )
    return parser.parse_args()


def count_live(profile):
    """What the committed numbers hold, counted now."""
    if not shutil.which("valgrind"):
        print("instruction counts: skipped, there is no valgrind on the PATH")
        sys.exit(SKIPPED)
    executables = workers.build("release" if profile else "dev")
    command = workers.rust_worker(executables, threads=1, calls=CALLS)
    about, profiles = run_callgrind(command)
    if profile:
        for case, functions in zip(CASES, profiles, strict=True):
            print_profile(case, functions)
    counts = map(count_call, profiles)
    return {
        "torch": about["torch"],
        "processor": workers.processor(),
        "counts": dict(zip(CASES, counts, strict=True)),
    }


def count_call(functions):
    """The instructions of one call: all, and those that are not within a matrix product."""
    around = sum(count for name, count in functions.items() if not name.startswith(PRODUCTS))
    return {"all": round(sum(functions.values()) / CALLS), "around": round(around / CALLS)}


def run_callgrind(command):
    """What the worker says of itself, and for each case the instructions by function."""
    with tempfile.TemporaryDirectory() as folder:
        valgrind = [
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            f"--callgrind-out-file={folder}/out",
            f"--zero-before={COUNTED}",
            f"--dump-after={COUNTED}",
            "--compress-strings=no",
            "--compress-pos=no",
        ]
        lines = "".join(f"{case}\n" for case in CASES)
        ran = subprocess.run([*valgrind, *command], input=lines, capture_output=True, text=True)
        answers = [json.loads(line) for line in ran.stdout.splitlines()]
        errors = [answer["error"] for answer in answers if "error" in answer]
        if ran.returncode or errors or len(answers) != 1 + len(CASES):
            raise Failed(f"under valgrind: {(errors or ran.stderr.splitlines() or ['?'])[-1]}")
        # callgrind numbers its dumps from 1; those with odd numbers are of the calls to warm up.
        files = [Path(folder) / f"out.{2 * number}" for number in range(1, 1 + len(CASES))]
        return answers[0], [read_dump(file) for file in files]


def read_dump(file):
    """The instructions of each function by itself, from a file in callgrind's format: a line `fn=`,
    then `<line> <instructions>`; what follows `calls=` belongs to the function called."""
    functions: Counter[str] = Counter()
    name, called = None, False
    for line in file.read_text().splitlines():
        if line.startswith("fn="):
            name = line.removeprefix("fn=")
        elif line.startswith("calls="):
            called = True
        elif cost := re.fullmatch(r"\d+ (\d+)", line):
            if name and not called:
                functions[name] += int(cost[1])
            called = False
    return functions


def print_profile(case, functions):
    """The shares of groups of functions, and of the largest functions."""
    total = sum(functions.values())
    groups: Counter[str] = Counter()
    for name, count in functions.items():
        group = next((group for group, form in GROUPS if re.search(form, name)), "other")
        groups[group] += count
    print(f"\n{case}: {total / CALLS:,.0f} instructions\n")
    for group, count in groups.most_common():
        print(f"{count / total:7.1%}  {group}")
    print()
    for name, count in functions.most_common(25):
        print(f"{count / total:7.1%}  {name[:120]}")


def read(file):
    """The counts of each libtorch and processor that was recorded."""
    return json.loads(file.read_text()) if file.exists() else []


def surroundings(counts):
    """The facts that counts depend on, apart from the program."""
    return f"torch {counts['torch']} on {counts['processor']}"


def record(file, found):
    """Adds counts to the file, in the place of those from the same surroundings."""
    here = surroundings(found)
    others = [counts for counts in read(file) if surroundings(counts) != here]
    text = json.dumps([*others, found], indent=2, ensure_ascii=False)
    file.write_text(text + "\n")


def compare(recorded, found):
    """Prints a row for each case; returns the exit code."""
    by_surroundings = {surroundings(counts): counts for counts in recorded}
    committed = by_surroundings.get(surroundings(found))
    if not committed:
        print(
            f"instruction counts: nothing to compare with for {surroundings(found)}; there are "
            f"counts for {', '.join(by_surroundings)}"
        )
        return SKIPPED
    if committed["counts"].keys() != found["counts"].keys():
        raise Failed("the committed numbers have other cases; write them anew with --record")
    slower = 0
    for case, counts in found["counts"].items():
        for part, count in counts.items():
            change = count / committed["counts"][case][part] - 1
            slower += change > MARGIN
            print(f"{case:<34} {part:<6} {count:>12,} instructions, {change:+.2%}{judge(change)}")
    total = 2 * len(CASES)
    print(f"instruction counts: {slower} of {total} are over {MARGIN:.0%} above the committed ones")
    return 1 if slower else 0


def judge(change):
    if change > MARGIN:
        return ": SLOWER"
    if change < -MARGIN:
        return ": faster; hold it with --record"
    return ""


if __name__ == "__main__":
    main()
