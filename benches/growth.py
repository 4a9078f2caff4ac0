#!/usr/bin/env python3
"""Measures how time and memory grow with samples and with the size of a batch.

    benches/growth.py --svg benches/growth.svg

Samples: one epoch of the digit classifier on 1,000 to 1,000,000 random samples, with Adam, in
batches of 64, each in a process of its own, whose peak memory holds the samples too. Batches: one
prediction and one training step with Adam, at 1 to 16,384 samples. A figure is the median of the
rounds, in which both sides take turns.

Beside the times stands their limit: the floating-point operations of the network's matrix products
over the rate that libtorch reaches, measured in the same run with products of these shapes. For an
epoch there come the bytes that Adam has to read and write, over the rate of a copy of as many
weights. The memory's limit is what the samples take as they lie in the file.
"""

import argparse
import contextlib
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import in_venv  # noqa: E402
import svg  # noqa: E402
import workers  # noqa: E402
from tqdm import tqdm  # noqa: E402
from workers import Failed, Worker, show_memory, show_time  # noqa: E402

NETWORK = "digit_classifier"
SAMPLES = [1_000, 10_000, 100_000, 1_000_000]
BATCH_SIZES = [1, 4, 16, 64, 256, 1024, 4096, 16384]
BATCH_SIZE = 64

# The layers of the digit classifier: a product reads `inputs` numbers a sample and makes `outputs`.
LAYERS = [(784, 128), (128, 10)]
WEIGHTS = sum((inputs + 1) * outputs for inputs, outputs in LAYERS)
PIXELS, LABEL = 784, 1  # bytes of a sample in the file

# Adam reads weight, gradient and both averages and writes all but the gradient: float32 each.
ADAM_BYTES = 7 * 4 * WEIGHTS

# Each line of a plot: the side whose worker runs it, and the case without its size.
EPOCHS = {
    "Python, DataLoader": ("python", f"epoch {NETWORK} {{}} adam loader"),
    "Python, plain loop": ("python", f"epoch {NETWORK} {{}} adam plain"),
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
        (f"An epoch, time ({BATCH_SIZE} samples a batch)", "samples",
         epoch_times(args, measured), show_time),
        ("An epoch, peak memory of the process", "samples",
         epoch_memory(args, measured), show_memory),
        ("A prediction, time a sample", "batch",
         batch_times(args, measured, INFERENCE, inference_limit), show_time),
        ("A training step with Adam, time a sample", "batch",
         batch_times(args, measured, STEPS, step_limit), show_time),
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
    parser.add_argument("--threads", type=workers.positive, default=1, metavar="N",
                        help="on both sides")
    parser.add_argument("--rounds", type=workers.positive, default=3, metavar="N")
    parser.add_argument("--seconds", type=float, default=0.2, metavar="S", help="for each batch")
    parser.add_argument("--most", type=int, default=SAMPLES[-1], metavar="N",
                        help="samples at most (Python takes 4 KB for each)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw a plot")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every round's values")
    args = parser.parse_args()
    args.samples = [samples for samples in SAMPLES if samples <= args.most]
    return args


def measure(args, executables):
    measured = Measured()

    def commands(seconds):
        options = {"threads": args.threads, "seconds": seconds}
        rust = workers.rust_worker(executables, **options)
        return {
            "python": workers.python_worker(**options),
            "autograd": [*rust, "--autograd"],
            "rust": rust,
        }

    # Zero seconds: one epoch to warm up and one that counts.
    once, repeated = commands(0), commands(args.seconds)
    about = {side: Worker(command).introduce() for side, command in once.items()}
    measured.about = workers.surroundings(about, args.threads)
    epochs = [(side, case.format(n)) for n in args.samples for side, case in EPOCHS.values()]
    batches = list(batch_cases())
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
                    side: stack.enter_context(Worker(command))
                    for side, command in repeated.items()
                }
                for side, case in batches:
                    add(measured.times, f"{side} {case}", running[side].ask(case))
                    progress.update()
    return measured


def add(values, key, value):
    values.setdefault(key, []).append(value)


def batch_cases():
    """All that runs at one batch size, sides in turn, and what the limits are made of."""
    yield "rust", copy_case()
    for batch_size in BATCH_SIZES:
        for side, case in [*INFERENCE.values(), *STEPS.values()]:
            yield side, case.format(batch_size)
        for inputs, outputs in LAYERS:
            yield "rust", product_case(batch_size, inputs, outputs)


def copy_case():
    return f"copy {4 * WEIGHTS}"


def product_case(batch_size, inputs, outputs):
    return f"product {batch_size} {inputs} {outputs}"


def inference_limit(measured, batch_size):
    """Microseconds for a batch."""
    cases = [product_case(batch_size, *layer) for layer in LAYERS]
    return sum(measured.time("rust", case) for case in cases)


def step_limit(measured, batch_size):
    """Microseconds for a batch. Each layer has a product forwards and one for the gradient of its
    weights, each but the first one for the gradient of its input: as many operations each."""
    products = zip([2, 3], LAYERS, strict=True)
    return sum(
        count * measured.time("rust", product_case(batch_size, *layer))
        for count, layer in products
    )


def adam_limit(measured):
    """Microseconds for a step. A copy reads and writes each byte."""
    copied = 2 * 4 * WEIGHTS
    return measured.time("rust", copy_case()) * ADAM_BYTES / copied


def epoch_times(args, measured):
    lines = {
        name: {n: measured.time(side, case.format(n)) for n in args.samples}
        for name, (side, case) in EPOCHS.items()
    }
    a_batch = step_limit(measured, BATCH_SIZE) + adam_limit(measured)
    lines[LIMIT] = {n: a_batch * n / BATCH_SIZE for n in args.samples}
    return lines


def epoch_memory(args, measured):
    lines = {
        name: {n: measured.peak(side, case.format(n)) for n in args.samples}
        for name, (side, case) in EPOCHS.items()
    }
    lines[LIMIT] = {n: (PIXELS + LABEL) * n for n in args.samples}
    return lines


def batch_times(args, measured, cases, limit):
    """Times for one sample."""
    lines = {
        name: {n: measured.time(side, case.format(n)) / n for n in BATCH_SIZES}
        for name, (side, case) in cases.items()
    }
    lines[LIMIT] = {n: limit(measured, n) / n for n in BATCH_SIZES}
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


def show_slope(slope, show):
    return f"{slope:,.0f} bytes" if show is show_memory else show(slope)


if __name__ == "__main__":
    main()
