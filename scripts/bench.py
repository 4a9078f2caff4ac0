#!/usr/bin/env python3
"""Measures Python and Rust side by side and prints one table.

    scripts/bench.py                 the table of README.md: five rounds, one thread, some minutes
    scripts/bench.py --quick         whether all of it runs; its figures say little
    scripts/bench.py --threads 2

Each round starts both sides anew, so that buffers lie elsewhere, and goes through all rows, the two
sides in turn; one waits while the other runs. A time is the median of the rounds' medians, with the
least and the most of them in brackets; a ratio is that of the medians, with the rounds' own ratios.
Run it while nothing else runs.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import in_venv
import workers
from tqdm import tqdm
from workers import Failed, Worker, show_memory, show_time

# What every row has to reach that has no target of its own: no user loses by moving to Rust.
NO_LOSS = 0.97

NETWORKS = ["digit_classifier", "house_price_predictor", "binary_classifier"]
# Networks of examples/, and the optimizer that each is trained with.
EXAMPLES = [
    ("convolutional_classifier", "Adadelta"),
    ("recurrent_classifier", "Adadelta"),
    ("variational_autoencoder", "Adam"),
    ("character_model", "Adam"),
]
BATCH_SIZES = [1, 64, 1024, 16384]
SAMPLES = 60_000


@dataclass(frozen=True)
class Row:
    """One thing that both sides do."""

    name: str
    python: str  # the side and the case for its worker, or the process that is run
    rust: str
    target: float = NO_LOSS  # Python's share over Rust's, at least
    aim: float | None = None
    fused: str | None = None  # the same with PyTorch's fused optimizer
    show: callable = show_time

    def cases(self, side):
        cases = [self.rust] if side == "rust" else [self.python, self.fused]
        return [case for case in cases if case]


def worker_rows(samples):
    """What runs inside the workers."""
    targets = {
        "inference digit_classifier 1": {"target": 2},
        "inference house_price_predictor 1": {"target": 2.5},
        "step digit_classifier 64 sgd": {"target": 1.7},
        "step digit_classifier 64 adam": {"target": 2.5, "aim": 3},
    }
    rows = []
    for network in NETWORKS:
        for batch_size in BATCH_SIZES:
            case = f"inference {network} {batch_size}"
            name = f"{short(network)}, inference, batch {batch_size:,}"
            rows.append(Row(name, f"python {case}", f"rust {case}", **targets.get(case, {})))
    for network in NETWORKS:
        for optimizer, title in [("sgd", "SGD"), ("adam", "Adam")]:
            case = f"step {network} 64 {optimizer}"
            name = f"{short(network)}, training step, batch 64, {title}"
            eager, fused = f"python {case} eager", f"python {case} fused"
            rows.append(Row(name, eager, f"rust {case}", fused=fused, **targets.get(case, {})))
    for network, title in EXAMPLES:
        case = f"step {network} 64 {title.lower()}"
        name = f"{short(network)}, training step, batch 64, {title}"
        rows.append(Row(name, f"python {case} eager", f"rust {case}"))
    case = f"epoch digit_classifier {samples} adam"
    name = f"digit, an epoch of {samples:,}, Adam, against"
    for loop, title, *targets in [
        ("loader", "`DataLoader`", 2.5, 3.5),
        ("plain", "the fastest plain loop", 1.6, 2.2),
    ]:
        rows.append(Row(f"{name} {title}", f"python {case} {loop}", f"rust {case}", *targets))
    return rows


def short(network):
    return network.split("_")[0]


def process_rows(samples):
    """What is measured from outside; the part after the colon is a field of `workers.Usage`."""
    def rows(name, python, rust, wall, memory):
        return [
            Row(f"{name}, wall", f"{python}:wall", f"{rust}:wall", wall),
            Row(f"{name}, processor time", f"{python}:cpu", f"{rust}:cpu"),
            Row(f"{name}, peak memory", f"{python}:memory", f"{rust}:memory", memory,
                show=show_memory),
        ]

    name = f"process that trains an epoch of {samples:,} from files"
    return [
        *rows("cold process to first prediction", "cold python", "cold rust", 12, 5),
        *rows(f"{name}, against `DataLoader`", "train loader", "train rust", NO_LOSS, 4),
        *rows(f"{name}, against the plain loop", "train plain", "train rust", NO_LOSS, 4),
    ]


def main():
    args = parse_arguments()
    try:
        executables = workers.build()
        with tempfile.TemporaryDirectory() as folder:
            write_digits(Path(folder), args.samples)
            commands = processes(executables, folder, args.threads)
            rows, values, about = measure(args, executables, commands)
    except Failed as error:
        sys.exit(f"error: {error}")
    print_table(rows, values, about)
    if args.json:
        args.json.write_text(json.dumps({"about": about, "values": values}, indent=1) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=workers.positive, default=1, metavar="N",
                        help="on both sides")
    parser.add_argument("--rounds", type=workers.positive, metavar="N",
                        help="default: 5, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="short, for a try")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every round's values")
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 5)
    args.seconds = 0.02 if args.quick else 0.5
    args.samples = SAMPLES // 10 if args.quick else SAMPLES
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
    demonstrate = workers.REFERENCE / "demonstrate.py"
    options = [f"--threads={threads}"]
    train = workers.python_worker(threads=threads, train=folder)
    return {
        "cold python": [python, demonstrate, "digit_classifier", *options],
        "cold rust": [example, *options],
        "train loader": [*train, "--loop=loader"],
        "train plain": [*train, "--loop=plain"],
        "train rust": [example, "train", f"--data={folder}", "--epochs=1", *options],
    }


def measure(args, executables, commands):
    """The rows, every case's value in each round, and what they depend on."""
    options = {"threads": args.threads, "seconds": args.seconds}
    sides = {
        "python": workers.python_worker(**options),
        "rust": workers.rust_worker(executables, **options),
    }
    in_workers, in_processes = worker_rows(args.samples), process_rows(args.samples)
    values = {}
    # The first start of all reads from the disk.
    for command in commands.values():
        workers.run(command)
    with Worker(sides["python"]) as python, Worker(sides["rust"]) as rust:
        about = workers.surroundings(python.about, rust.about, args.threads)
    steps = args.rounds * (len(in_workers) + len(commands))
    with tqdm(total=steps, desc="measuring", disable=None, leave=False) as progress:
        for number in range(args.rounds):
            order = ["python", "rust"] if number % 2 == 0 else ["rust", "python"]
            for name in sorted(commands, key=lambda name: ("rust" in name) ^ (number % 2)):
                usage = workers.run(commands[name])
                add(values, f"{name}:wall", usage.wall * 1e6)
                add(values, f"{name}:cpu", usage.cpu * 1e6)
                add(values, f"{name}:memory", usage.memory)
                progress.update()
            with Worker(sides["python"]) as python, Worker(sides["rust"]) as rust:
                running = {"python": python, "rust": rust}
                done = set()
                for row in in_workers:
                    for side in order:
                        ask(running[side], row.cases(side), done, values)
                    progress.update()
    rows = [*in_processes[:3], *in_workers, *in_processes[3:]]
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
    """One value a round for each column."""
    cases = {"python": row.python, "fused": row.fused, "rust": row.rust}
    return {column: values[case] for column, case in cases.items() if case}


def print_table(rows, values, about):
    print(f"{about}\n")
    print("| | Python | fused optimizer | Rust | Python ÷ Rust | at least | |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    missed = []
    for row in rows:
        columns = values[row.name]
        shown = [
            spread(columns[side], row.show) if side in columns else ""
            for side in ("python", "fused", "rust")
        ]
        ratio = statistics.median(columns["python"]) / statistics.median(columns["rust"])
        ratios = [a / b for a, b in zip(columns["python"], columns["rust"])]
        verdict = judge(row, ratio)
        if verdict == "missed":
            missed.append(row.name)
        bound = f"{row.target:g}" + (f" (aim {row.aim:g})" if row.aim else "")
        ranged = f"{ratio:.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        print(f"| {row.name} | {' | '.join(shown)} | {ranged} | {bound} | {verdict} |")
    print(f"\n{len(rows) - len(missed)} of {len(rows)} rows reach what they have to")
    for name in missed:
        print(f"  missed: {name}")


def judge(row, ratio):
    if ratio < row.target:
        return "missed"
    return "aim reached" if row.aim and ratio >= row.aim else "reached"


def spread(values, show):
    return f"{show(statistics.median(values))} ({show(min(values))}–{show(max(values))})"


if __name__ == "__main__":
    main()
