#!/usr/bin/env python3
"""Measures how time and memory grow with samples, the size of a batch and the width of a network.

    benches/growth.py --svg benches/growth.svg

Samples: one epoch of the digit classifier on 1,000 to 1,000,000 random samples, with Adam, in
batches of 64, each in a process of its own, whose peak memory holds the samples too. Batches: one
prediction and one training step with Adam, at 1 to 16,384 samples. Widths: one prediction for one
sample and one step on 64 with Adam, with 10 to 4,096 hidden units in place of 128. A figure is the
median of the rounds, in which all sides take turns; Rust runs with its plan and without.

Beside the times stands their limit: the floating-point operations of the network's matrix products
over the rate that libtorch reaches, measured in the same run with products of these shapes. For
training there come the bytes that Adam has to read and write, over the rate of a copy of as many
weights. The memory's limit is what the samples take as they lie in the file.
"""

import argparse
import contextlib
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

import in_venv  # noqa: F401 (starts this script again under .venv)

from tqdm import tqdm

import svg
import workers
from workers import Failed, Worker, show_memory, show_time

NETWORK = "digit_classifier"
SAMPLES = [1_000, 10_000, 100_000, 1_000_000]
BATCH_SIZES = [1, 4, 16, 64, 256, 1024, 4096, 16384]
BATCH_SIZE = 64
UNITS = 128  # hidden, of the digit classifier
WIDTHS = [10, 32, 128, 512, 1024, 2048, 4096]  # those of benches/worker/wide.rs
PIXELS, LABEL = 784, 1  # bytes of a sample in the file

# Below so much of the time without it, a plan is said to matter.
MATTERS = 0.95

# Each line of a plot: the side whose worker runs it, and the case without its size.
EPOCHS = {
    "Python, loader": ("python", f"epoch {NETWORK} {{}} adam loader"),
    "Python, plain": ("python", f"epoch {NETWORK} {{}} adam plain"),
    "Rust, autograd": ("autograd", f"epoch {NETWORK} {{}} adam"),
    "Rust": ("rust", f"epoch {NETWORK} {{}} adam"),
}
INFERENCE = {
    "Python": ("python", f"inference {NETWORK} {{}}"),
    "Rust, no plan": ("autograd", f"inference {NETWORK} {{}}"),
    "Rust": ("rust", f"inference {NETWORK} {{}}"),
}
STEPS = {
    "Python": ("python", f"step {NETWORK} {{}} adam eager"),
    "Python, fused": ("python", f"step {NETWORK} {{}} adam fused"),
    "Rust, autograd": ("autograd", f"step {NETWORK} {{}} adam"),
    "Rust": ("rust", f"step {NETWORK} {{}} adam"),
}
WIDE_INFERENCE = {
    "Python": ("python", "inference wide_{} 1"),
    "Rust, no plan": ("autograd", "inference wide_{} 1"),
    "Rust": ("rust", "inference wide_{} 1"),
}
WIDE_STEPS = {
    "Python": ("python", f"step wide_{{}} {BATCH_SIZE} adam eager"),
    "Python, fused": ("python", f"step wide_{{}} {BATCH_SIZE} adam fused"),
    "Rust, autograd": ("autograd", f"step wide_{{}} {BATCH_SIZE} adam"),
    "Rust": ("rust", f"step wide_{{}} {BATCH_SIZE} adam"),
}
LIMIT = "limit"


@dataclass
class Measured:
    """Every round's values by case and, for processes, their peak memory."""

    times: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)
    about: str = ""

    def time(self, side, case):
        """In microseconds."""
        return statistics.median(self.times[f"{side} {case}"])

    def peak(self, side, case):
        return statistics.median(self.memory[f"{side} {case}"])


def main():
    args = parse_arguments()
    try:
        measured = measure(args, workers.build())
    except Failed as error:
        sys.exit(f"error: {error}")
    tables = [
        (
            f"An epoch, time ({BATCH_SIZE} samples a batch)",
            "samples",
            epoch_times(args, measured),
            show_time,
        ),
        (
            "An epoch, peak memory of the process",
            "samples",
            epoch_memory(args, measured),
            show_memory,
        ),
        (
            "A prediction, time a sample",
            "batch",
            batch_times(measured, INFERENCE, inference_limit),
            show_time,
        ),
        (
            "A training step with Adam, time a sample",
            "batch",
            batch_times(measured, STEPS, step_limit),
            show_time,
        ),
        (
            "A prediction for one sample, time",
            "hidden units",
            width_times(measured, WIDE_INFERENCE, inference_limit, 1),
            show_time,
        ),
        (
            f"A training step with Adam, time ({BATCH_SIZE} samples)",
            "hidden units",
            width_times(measured, WIDE_STEPS, step_limit, BATCH_SIZE),
            show_time,
        ),
    ]
    print(measured.about)
    for title, size, lines, show in tables:
        print_table(title, size, lines, show)
    if args.svg:
        panels = [
            svg.Panel(title, size, *plotted(lines, show)) for title, size, lines, show in tables
        ]
        args.svg.write_text(svg.draw(panels, measured.about))
    if args.json:
        facts = {"about": measured.about, "times": measured.times, "memory": measured.memory}
        args.json.write_text(json.dumps(facts, indent=1) + "\n")


def plotted(lines, show):
    """The lines with what is written at powers of ten: of MiB, where bytes are no such powers."""
    if show is not show_memory:
        return lines, show
    lines = {
        name: {n: size / workers.MIB for n, size in line.items()} for name, line in lines.items()
    }
    return lines, lambda number: f"{number:,g} MiB"


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--threads", type=workers.positive, default=1, metavar="N", help="on both sides"
    )
    parser.add_argument("--rounds", type=workers.positive, default=3, metavar="N")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="take that in place of the clock's, on a machine that is busy",
    )
    parser.add_argument("--seconds", type=float, default=0.2, metavar="S", help="for each batch")
    parser.add_argument(
        "--most",
        type=int,
        default=SAMPLES[-1],
        metavar="N",
        help="samples at most (Python takes 4 KB for each)",
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw a plot")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every round's values")
    args = parser.parse_args()
    args.samples = [samples for samples in SAMPLES if samples <= args.most]
    return args


def measure(args, executables):
    measured = Measured()

    def commands(seconds):
        options = {"threads": args.threads, "seconds": seconds}
        flags = ["--processor-time"] if args.processor_time else []
        rust = [*workers.rust_worker(executables, **options), *flags]
        return {
            "python": [*workers.python_worker(**options), *flags],
            "autograd": [*rust, "--autograd"],
            "rust": rust,
        }

    # Zero seconds: one epoch to warm up and one that counts.
    once, repeated = commands(0), commands(args.seconds)
    about = {side: Worker(command).introduce() for side, command in once.items()}
    measured.about = workers.surroundings(about, args.threads)
    if args.processor_time:
        measured.about += ", processor time"
    epochs = [(side, case.format(n)) for n in args.samples for side, case in EPOCHS.values()]
    batches = list(dict.fromkeys([*batch_cases(), *width_cases()]))
    steps = args.rounds * (len(epochs) + len(batches))
    with tqdm(total=steps, desc="measuring", disable=None, leave=False) as progress:
        for _ in range(args.rounds):
            for side, case in epochs:
                worker = Worker(once[side])
                add(measured.times, f"{side} {case}", worker.ask(case))
                add(measured.memory, f"{side} {case}", worker.close())
                progress.update()
            with contextlib.ExitStack() as stack:
                running = {
                    side: stack.enter_context(Worker(command)) for side, command in repeated.items()
                }
                for side, case in batches:
                    add(measured.times, f"{side} {case}", running[side].ask(case))
                    progress.update()
    return measured


def add(values, key, value):
    values.setdefault(key, []).append(value)


def batch_cases():
    """All that runs at one batch size, sides in turn, and what the limits are made of."""
    for batch_size in BATCH_SIZES:
        for side, case in [*INFERENCE.values(), *STEPS.values()]:
            yield side, case.format(batch_size)
        for layer in layers(UNITS):
            yield "rust", product_case(batch_size, *layer)


def width_cases():
    """The same at one width."""
    for units in WIDTHS:
        for side, case in [*WIDE_INFERENCE.values(), *WIDE_STEPS.values()]:
            yield side, case.format(units)
        for batch_size in (1, BATCH_SIZE):
            for layer in layers(units):
                yield "rust", product_case(batch_size, *layer)
        yield "rust", copy_case(units)


def layers(units):
    """Of a network for digits: a product reads so many numbers a sample and makes so many."""
    return [(PIXELS, units), (units, 10)]


def weight_bytes(units):
    return sum(4 * (inputs + 1) * outputs for inputs, outputs in layers(units))


def copy_case(units):
    return f"copy {weight_bytes(units)}"


def product_case(batch_size, inputs, outputs):
    return f"product {batch_size} {inputs} {outputs}"


def inference_limit(measured, batch_size, units=UNITS):
    """Microseconds for a batch."""
    cases = [product_case(batch_size, *layer) for layer in layers(units)]
    return sum(measured.time("rust", case) for case in cases)


def step_limit(measured, batch_size, units=UNITS):
    """Microseconds for a batch. Each layer has a product forwards and one for the gradient of its
    weights, each but the first one for the gradient of its input: as many operations each. Adam
    reads weight, gradient and both averages and writes all but the gradient, of as many bytes each;
    a copy reads one and writes one."""
    products = sum(
        count * measured.time("rust", product_case(batch_size, *layer))
        for count, layer in zip([2, 3], layers(units), strict=True)
    )
    return products + measured.time("rust", copy_case(units)) * 7 / 2


def epoch_times(args, measured):
    lines = {
        name: {n: measured.time(side, case.format(n)) for n in args.samples}
        for name, (side, case) in EPOCHS.items()
    }
    a_batch = step_limit(measured, BATCH_SIZE)
    lines[LIMIT] = {n: a_batch * n / BATCH_SIZE for n in args.samples}
    return lines


def epoch_memory(args, measured):
    lines = {
        name: {n: measured.peak(side, case.format(n)) for n in args.samples}
        for name, (side, case) in EPOCHS.items()
    }
    lines[LIMIT] = {n: (PIXELS + LABEL) * n for n in args.samples}
    return lines


def batch_times(measured, cases, limit):
    """Times for one sample."""
    lines = {
        name: {n: measured.time(side, case.format(n)) / n for n in BATCH_SIZES}
        for name, (side, case) in cases.items()
    }
    lines[LIMIT] = {n: limit(measured, n) / n for n in BATCH_SIZES}
    return lines


def width_times(measured, cases, limit, batch_size):
    """Times for one call."""
    lines = {
        name: {n: measured.time(side, case.format(n)) for n in WIDTHS}
        for name, (side, case) in cases.items()
    }
    lines[LIMIT] = {n: limit(measured, batch_size, n) for n in WIDTHS}
    return lines


def print_table(title, size, lines, show):
    """A row for each size; where it grows with samples, the slope from the last size but one."""
    print(f"\n{title}\n")
    print(f"| {size} | {' | '.join(lines)} |")
    print("| ---: |" + " ---: |" * len(lines))
    sizes = list(lines[LIMIT])
    for n in sizes:
        print(f"| {n:,} | {' | '.join(show(line[n]) for line in lines.values())} |")
    if size == "samples" and len(sizes) > 1:
        a, b = sizes[-2:]
        slopes = [show_slope((line[b] - line[a]) / (b - a), show) for line in lines.values()]
        print(f"| a sample more | {' | '.join(slopes)} |")
    if show is not show_memory:
        print_gain(size, lines)


def print_gain(size, lines):
    """How much of the time a plan saves at each size, and where that is little."""
    without = next(lines[name] for name in ("Rust, autograd", "Rust, no plan") if name in lines)
    shares = {n: lines["Rust"][n] / without[n] for n in without}
    gains = ", ".join(f"{1 - share:.0%} at {n:,}" for n, share in shares.items())
    print(f"\nThe plan saves, by {size}: {gains}.")
    little = [n for n in shares if all(shares[m] > MATTERS for m in shares if m >= n)]
    if little:
        print(f"From {little[0]:,} on that is less than {1 - MATTERS:.0%}.")


def show_slope(slope, show):
    return f"{slope:,.0f} bytes" if show is show_memory else show(slope)


if __name__ == "__main__":
    main()
