#!/usr/bin/env python3
"""Measures Python, C++ and Rust side by side and prints one table.

    scripts/bench.py                      five rounds, one thread, some minutes
    scripts/bench.py --threads 1 2        the same with one thread and then with two
    scripts/bench.py --only 'step.*Adam'  the rows whose names fit a regular expression
    scripts/bench.py --quick              whether all of it runs; its figures say little
    scripts/bench.py --write docs/speed.md

C++ is benches/worker.cpp, a program against the same libtorch, built here where there is a
compiler. Each round starts all sides anew, so that buffers lie elsewhere, and goes through all
rows, the sides in turn; one waits while another runs. A time is the median of the rounds' medians,
with the least and the most of them in brackets; a ratio is that of the medians, with the rounds'
own ratios. Run it while nothing else runs.
"""

import argparse
import contextlib
import json
import random
import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

import workers
from workers import Failed, Worker, show_memory, show_time

# What every row has to reach that has no target of its own: no user loses by moving to Rust, from
# Python or from C++.
NO_LOSS = 0.97
NO_LOSS_TO_CPP = 1.03

# What rows have to reach: Python's share over Rust's at least, Rust's over C++'s at most.
TARGETS = {
    "inference digit_classifier 1": (2.3, 0.9),
    "inference house_price_predictor 1": (4.5, 0.9),
    "inference binary_classifier 1": (2.7, 0.9),
    "step digit_classifier 64 sgd": (1.65, 0.85),
    "step digit_classifier 64 adam": (2, 0.75),
    "step house_price_predictor 64 sgd": (6.5, 0.5),
    "step house_price_predictor 64 adam": (9, 0.35),
    "step binary_classifier 64 sgd": (2, 0.85),
    "step binary_classifier 64 adam": (2.5, 0.75),
}

SIDES = ["python", "cpp", "rust"]

NETWORKS = ["digit_classifier", "house_price_predictor", "binary_classifier"]
# Networks of examples/, an optimizer, and whether C++ has it: torch::optim has no Adadelta.
EXAMPLES = [
    ("convolutional_classifier", "Adadelta", False),
    ("convolutional_classifier", "Adam", True),
    ("recurrent_classifier", "Adadelta", False),
    ("recurrent_classifier", "Adam", True),
    ("variational_autoencoder", "Adam", True),
    ("character_model", "Adam", True),
]
BATCH_SIZES = [1, 64, 1024, 16384]
SAMPLES = 60_000


@dataclass(frozen=True)
class Row:
    """One thing that all sides do. A case is the side and the line for its worker, or a process."""

    name: str
    python: str
    rust: str
    target: float = NO_LOSS  # Python's share over Rust's, at least
    most: float = NO_LOSS_TO_CPP  # Rust's share over C++'s, at most
    cpp: str | None = None
    fused: str | None = None  # Python with PyTorch's fused optimizer
    show: Callable[[float], str] = show_time

    def cases(self, side: str) -> list[str]:
        cases: dict[str, list[str | None]] = {
            "python": [self.python, self.fused],
            "cpp": [self.cpp],
            "rust": [self.rust],
        }
        return [case for case in cases[side] if case]


def worker_rows(samples):
    """The cases that the workers run."""
    rows = []
    for network in NETWORKS:
        for batch_size in BATCH_SIZES:
            case = f"inference {network} {batch_size}"
            name = f"{short(network)}, inference, batch {batch_size:,}"
            rows.append(row(name, case))
    for network in NETWORKS:
        for optimizer, title in [("sgd", "SGD"), ("adam", "Adam")]:
            case = f"step {network} 64 {optimizer}"
            name = f"{short(network)}, training step, batch 64, {title}"
            rows.append(row(name, case, "eager", fused=f"python {case} fused"))
    for network, title, in_cpp in EXAMPLES:
        case = f"step {network} 64 {title.lower()}"
        name = f"{short(network)}, training step, batch 64, {title}"
        rows.append(row(name, case, "eager", in_cpp=in_cpp))
    case = f"epoch digit_classifier {samples} adam"
    name = f"digit, an epoch of {samples:,}, Adam, against"
    for loop, title, target in [
        ("loader", "`DataLoader`", 2.6),
        ("plain", "the fastest plain loop", 1.9),
    ]:
        rows.append(row(f"{name} {title}", case, loop, targets=(target, 0.75)))
    return rows


def row(name, case, *python, in_cpp=True, targets=None, **options):
    """A row whose sides have the same case, but for words that Python alone takes."""
    target, most = targets or TARGETS.get(case, (NO_LOSS, NO_LOSS_TO_CPP))
    return Row(
        name,
        " ".join(["python", case, *python]),
        f"rust {case}",
        target,
        most,
        cpp=f"cpp {case}" if in_cpp else None,
        **options,
    )


def short(network):
    return network.split("_")[0]


def process_rows(samples):
    """Rows measured from outside; the part after the colon is a field of `workers.Usage`."""

    def rows(name, python, rust, memory, cpp=None, most=NO_LOSS_TO_CPP):
        def of(part):
            return {
                "python": f"{python}:{part}",
                "rust": f"{rust}:{part}",
                "cpp": f"{cpp}:{part}" if cpp else None,
                "most": most,
            }

        return [
            Row(f"{name}, wall", **of("wall")),
            Row(f"{name}, processor time", **of("cpu")),
            Row(f"{name}, peak memory", **of("memory"), target=memory, show=show_memory),
        ]

    name = f"process that trains an epoch of {samples:,} from files"
    return [
        *rows("cold process to first prediction", "cold python", "cold rust", 5, "cold cpp", 1.05),
        *rows(f"{name}, against `DataLoader`", "train loader", "train rust", 4),
        *rows(f"{name}, against the plain loop", "train plain", "train rust", 4),
    ]


def main():
    args = parse_arguments()
    tables, found = [], []
    try:
        executables = workers.build() | {"cpp": workers.build_cpp()}
        with tempfile.TemporaryDirectory() as folder:
            write_digits(Path(folder), args.samples)
            for threads in args.threads:
                commands = processes(executables, folder, threads)
                rows, values, about = measure(args, threads, executables, commands)
                tables.append(table(rows, values, about))
                found.append({"about": about, "values": values})
    except Failed as error:
        sys.exit(f"error: {error}")
    print("\n".join(tables), end="")
    if args.write:
        args.write.write_text(HEAD.format(rounds=args.rounds) + "\n".join(tables))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


HEAD = """# Speed

The same work in Python, C++ and Rust, side by side in one run, with a table for each number of
threads. A time is the median of {rounds} rounds, with the least and the greatest in brackets. A
ratio is the ratio of the medians, with the least and the greatest ratio of a round in brackets. "At
least" and "at most" are the targets of a row. `scripts/bench.py --write docs/speed.md` writes this
page. [benches/README.md](../benches/README.md) explains why the comparison is fair, where the time
goes, and why a row misses its target.

"""


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--threads",
        type=workers.positive,
        nargs="+",
        default=[1],
        metavar="N",
        help="on all sides, one table for each",
    )
    parser.add_argument(
        "--only",
        type=re.compile,
        default=re.compile(""),
        metavar="PATTERN",
        help="the rows whose names this regular expression fits",
    )
    parser.add_argument(
        "--rounds", type=workers.positive, metavar="N", help="default: 5, or 1 with --quick"
    )
    parser.add_argument("--quick", action="store_true", help="short, for a try")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every round's values")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="the tables, as a page")
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 5)
    args.seconds = 0.02 if args.quick else 0.4
    args.samples = SAMPLES // 10 if args.quick else SAMPLES
    rows = [*process_rows(args.samples), *worker_rows(args.samples)]
    if not any(args.only.search(row.name) for row in rows):
        parser.error(f"no row's name fits {args.only.pattern!r}")
    return args


def write_digits(folder, samples):
    """Random pixels and labels in the files of MNIST, in parts: this process has to stay small."""
    numbers = random.Random(0)
    for name, count in [("train", samples), ("t10k", samples // 6)]:
        with open(folder / f"{name}-images-idx3-ubyte", "wb") as file:
            file.write(idx_header(0x803, count, 28, 28))
            for _ in range(count):
                file.write(numbers.randbytes(784))
        labels = bytes(numbers.choices(range(10), k=count))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx_header(0x801, count) + labels)


def idx_header(*numbers):
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def processes(executables, folder, threads):
    """The commands that are measured from outside."""
    python, example = sys.executable, executables["digit_classifier"]
    options = [f"--threads={threads}"]
    train = workers.python_worker(threads=threads, train=folder)
    return {
        "cold python": [
            python,
            "-m",
            "torch2tch.reference.demonstrate",
            "digit_classifier",
            *options,
        ],
        "cold cpp": workers.cpp_demonstration(executables, "digit_classifier", *options),
        "cold rust": [example, *options],
        "train loader": [*train, "--loop=loader"],
        "train plain": [*train, "--loop=plain"],
        "train rust": [example, "train", f"--data={folder}", "--epochs=1", *options],
    }


def measure(args, threads, executables, commands):
    """The rows, every case's value in each round, and what they depend on."""
    options = {"threads": threads, "seconds": args.seconds}
    sides = {
        "python": workers.python_worker(**options),
        "cpp": workers.cpp_worker(executables, **options),
        "rust": workers.rust_worker(executables, **options),
    }
    sides = {side: command for side, command in sides.items() if command}
    wanted = [row for row in process_rows(args.samples) if args.only.search(row.name)]
    in_workers = [row for row in worker_rows(args.samples) if args.only.search(row.name)]
    names = {case.split(":")[0] for row in wanted for side in SIDES for case in row.cases(side)}
    commands = {name: command for name, command in commands.items() if name in names and command}
    values: dict[str, list[float]] = {}
    # The first start of all reads from the disk.
    for command in commands.values():
        workers.run(command)
    about = workers.surroundings(
        {side: Worker(command).introduce() for side, command in sides.items()}, threads
    )
    steps = args.rounds * (len(in_workers) + len(commands))
    with tqdm(total=steps, desc="measuring", disable=None, leave=False) as progress:
        for number in range(args.rounds):
            order = list(sides) if number % 2 == 0 else list(sides)[::-1]
            for name in sorted(commands, key=lambda name: ("rust" in name) ^ (number % 2)):
                usage = workers.run(commands[name])
                add(values, f"{name}:wall", usage.wall * 1e6)
                add(values, f"{name}:cpu", usage.cpu * 1e6)
                add(values, f"{name}:memory", usage.memory)
                progress.update()
            if in_workers:
                with contextlib.ExitStack() as stack:
                    running = {side: stack.enter_context(Worker(sides[side])) for side in order}
                    done: set[str] = set()
                    for row in in_workers:
                        for side, worker in running.items():
                            ask(worker, row.cases(side), done, values)
                        progress.update()
    # The start first, as a user meets it.
    rows = [*wanted[:3], *in_workers, *wanted[3:]]
    return rows, {row.name: row_values(row, values) for row in rows}, about


def ask(worker, cases, done, values):
    """Runs cases of one side, unless they ran in this round."""
    for case in cases:
        if case not in done:
            done.add(case)
            _, words = case.split(" ", 1)
            add(values, case, worker.ask(words))


def add(values, key, value):
    values.setdefault(key, []).append(value)


def row_values(row, values):
    """One value a round for each column that was measured."""
    cases = {"python": row.python, "fused": row.fused, "cpp": row.cpp, "rust": row.rust}
    return {column: values[case] for column, case in cases.items() if case in values}


def table(rows, values, about):
    """The rows as a table, and how many reach what they have to."""
    lines = [
        about,
        "",
        "| | Python | fused optimizer | C++ | Rust | Python ÷ Rust | at least | Rust ÷ C++ "
        "| at most | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    missed = []
    for row in rows:
        columns = values[row.name]
        shown = [
            spread(columns[side], row.show) if side in columns else ""
            for side in ("python", "fused", "cpp", "rust")
        ]
        behind = []
        to_python, text = ratio(columns, "python", "rust")
        if to_python < row.target:
            behind.append("Python")
        shown += [text, f"{row.target:g}"]
        if "cpp" in columns:
            to_cpp, text = ratio(columns, "rust", "cpp")
            if to_cpp > row.most:
                behind.append("C++")
            shown += [text, f"{row.most:g}"]
        else:
            shown += ["", ""]
        verdict = f"missed: {', '.join(behind)}" if behind else "reached"
        if behind:
            missed.append(row.name)
        lines.append(f"| {row.name} | {' | '.join(shown)} | {verdict} |")
    lines += ["", f"{len(rows) - len(missed)} of {len(rows)} rows reach what they have to.", ""]
    lines += [f"* missed: {name}" for name in missed]
    return "\n".join(lines) + "\n"


def ratio(columns, one, other):
    """The ratio of the medians, and as text with the least and the most of the rounds'."""
    a, b = columns[one], columns[other]
    middle = statistics.median(a) / statistics.median(b)
    ratios = [x / y for x, y in zip(a, b)]
    return middle, f"{middle:.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def spread(values, show):
    return f"{show(statistics.median(values))} ({show(min(values))}–{show(max(values))})"


if __name__ == "__main__":
    main()
