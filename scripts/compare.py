#!/usr/bin/env python3
"""Runs the same training in Python and in Rust and compares every tensor, to the bit.

Without arguments: the three networks with four optimizers, 1,000 steps on random data. With --train:
the network that the data at PATH are for, with the same four; after every epoch losses, weights,
optimizer and outputs to the bit, and the metrics with scikit-learn's to 1e-12. The exit code is 0 if
every tensor is equal and 1 on any difference.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import in_venv

sys.path.insert(0, str(Path(__file__).resolve().parent / "reference"))

import common  # noqa: E402
import data  # noqa: E402
from common import NETWORKS, fail, positive  # noqa: E402
from compare_traces import Row, print_rows, read, show, summarize  # noqa: E402
from tqdm import tqdm  # noqa: E402
import record_trace  # noqa: E402
import train  # noqa: E402
from record_trace import OPTIMIZERS  # noqa: E402

# How far a metric may be from scikit-learn's, which sums in another order.
METRIC_TOLERANCE = 1e-12

# The optimizers that are compared without --optimizer.
DEFAULT_OPTIMIZERS = ["sgd", "momentum", "adam", "adamw"]

# What goes with --train alone.
TRAINING = ["weight_decay", "momentum", "scheduler", "clip_grad_norm"]

FOREACH = {"default": None, "false": False, "true": True}


def main():
    sys.exit(summarize(compare_live(parse_arguments())))


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK",
                        help=f"examples to compare (default: {', '.join(NETWORKS)})")
    parser.add_argument("--train", metavar="PATH", dest="data",
                        help="compare training on the data at PATH")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--steps", type=positive, default=1000, metavar="N",
                        help="without --train")
    parser.add_argument("--epochs", type=positive, default=3, metavar="N", help="with --train")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, action="append", dest="optimizers",
                        help="may be given several times (default: "
                             f"{', '.join(DEFAULT_OPTIMIZERS)})")
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N")
    parser.add_argument("--lr", type=float, default=1e-3, metavar="F")
    train.add_options(parser)
    parser.add_argument("--threads", type=common.threads, default=1, metavar="N", help="on both sides")
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu, cuda or cuda:N")
    parser.add_argument("--foreach", choices=FOREACH, default="default",
                        help="how Python's optimizers take the parameters: one after another "
                             "(false), all at once (true), or as the device has it (default)")
    parser.add_argument("--plan", choices=["on", "off"], default="on",
                        help="whether Rust may run a network by a plan, or leaves it to autograd")
    parser.add_argument("--examples", type=Path, metavar="FOLDER",
                        help="where the built examples are (default: build them)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the traces here")
    args = parser.parse_args()
    if args.momentum is not None and not args.optimizers:
        args.optimizers = ["sgd", "momentum"]
    args.optimizers = args.optimizers or DEFAULT_OPTIMIZERS
    given = [name for name in TRAINING if vars(args)[name] is not None]
    if given and not args.data:
        parser.error(f"--{given[0].replace('_', '-')} goes with --train")
    if args.data and not Path(args.data).exists():
        fail(f"{args.data}: there is no such file or folder")
    args.networks = args.networks or (network_for(Path(args.data)) if args.data else NETWORKS)
    functions = ["read_data", "metrics"] if args.data else ["draw_input", "draw_target", "readings"]
    for network in args.networks:
        common.task(network, "loss", *functions)
    return args


def network_for(path):
    """The network of the document whose data these are, as its reader takes them."""
    readers = {"digit_classifier": data.mnist, "house_price_predictor": data.ames,
               "binary_classifier": data.medmnist}
    found = []
    for network, read_data in readers.items():
        with contextlib.suppress(Exception):
            read_data(path)
            found.append(network)
    if len(found) != 1:
        fail(f"{path}: expected the IDX files of digits, a .csv of houses or an .npz of yes and no, "
             f"found {' and '.join(found) or 'none of them'}; for data of another network, its name "
             "goes before --train")
    return found


def compare_live(args):
    """Records and compares what every network does with every optimizer."""
    executables = find_examples(args.networks, args.examples)
    cases = [(network, optimizer) for network in args.networks for optimizer in args.optimizers]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"--keep {folder}: {error.strerror}")
        progress = tqdm(cases, desc="comparing", disable=None, leave=False)
        for network, optimizer in progress:
            settings = {
                "seed": args.seed, **lengths(args), "batch_size": args.batch_size,
                "optimizer": optimizer, "lr": args.lr, "device": args.device,
                "threads": args.threads,
            }
            foreach = FOREACH[args.foreach]
            files = record_both(folder, network, executables[network], settings, foreach, args.plan)
            with progress.external_write_mode():
                shown = settings | ({} if foreach is None else {"foreach": foreach})
                print(f"\n{network}: " + ", ".join(f"{k} {v}" for k, v in shown.items()))
                found = compare_files(*files)
                rows += [replace(row, name=f"{network} {optimizer} {row.name}") for row in found]
    return rows


def lengths(args):
    """How long to train, on what, and with which options."""
    if args.data:
        options = {name: vars(args)[name] for name in TRAINING}
        given = {name: value for name, value in options.items() if value is not None}
        return {"data": args.data, "epochs": args.epochs, **given}
    return {"steps": args.steps}


def compare_files(python_file, rust_file):
    """Compares tensors to the bit, metrics by a tolerance; prints and returns the rows."""
    sides = [read(file) for file in (python_file, rust_file)]
    metrics = [
        {name: float(tensors.pop(name)) for name in list(tensors) if name.startswith("metric.")}
        for tensors, _ in sides
    ]
    rows = show(*sides)
    metric_rows = compare_metrics(*metrics)
    print_rows(metric_rows)
    return rows + metric_rows


def compare_metrics(python, rust):
    """One row for each metric."""
    rows = []
    for name in sorted(python.keys() | rust.keys()):
        a, b = python.get(name, float("nan")), rust.get(name, float("nan"))
        equal = abs(a - b) <= METRIC_TOLERANCE * max(1, abs(a))
        verdict = f"{b:.12g}, " + ("scikit-learn's" if equal else f"scikit-learn's is {a:.12g}")
        rows.append(Row(name, (), "float64", verdict, equal, exact=False))
    return rows


def find_examples(networks, folder):
    """The executable of each network, built unless `folder` holds them."""
    if folder:
        executables = {network: folder / network for network in networks}
        for executable in executables.values():
            if not executable.exists():
                fail(f"{executable} does not exist")
        return executables
    command = ["cargo", "build", "--quiet", "--message-format=json-render-diagnostics"]
    for network in networks:
        command += ["--example", network]
    try:
        built = subprocess.run(command, cwd=in_venv.ROOT, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        fail("cargo is not on the PATH; give --examples FOLDER to use examples built elsewhere")
    if built.returncode:
        fail(f"cannot build the examples {', '.join(networks)}; cargo says why above")
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return {
        message["target"]["name"]: message["executable"]
        for message in messages
        if message.get("executable") and message["target"]["kind"] == ["example"]
    }


def record_both(folder, network, executable, settings, foreach, plan):
    """Records the same trace with Rust and with Python, side by side where there are processors
    for both; returns the two files. `foreach` is for Python's optimizer, `plan` for Rust."""
    files = [
        folder / f"{network}-{settings['optimizer']}-{side}.safetensors"
        for side in ("python", "rust")
    ]
    python_file, rust_file = files
    if "data" in settings:
        write, command = train.write, ["train", f"--trace={rust_file}"]
    else:
        write, command = record_trace.write, ["trace", f"--output={rust_file}"]
    command += [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
    command.append(f"--plan={plan}")
    rust = subprocess.Popen([str(executable), *command], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)
    # Threads that outnumber the processors wait for each other: several times slower than in turn.
    notes = rust.communicate()[1] if 2 * settings["threads"] > (os.cpu_count() or 1) else ""
    failures = []
    try:
        write(python_file, network, foreach=foreach, **settings)
    except common.ERRORS as error:
        failures.append(f"Python: {common.one_line(error)}")
    finally:
        if rust.returncode is None:
            notes += rust.communicate()[1]
    if rust.returncode:
        said = [line.removeprefix("error: ") for line in notes.splitlines() if "note:" not in line]
        failures.append(f"Rust: {said[0] if said else f'exit code {rust.returncode}'}")
    else:
        print(notes, end="", file=sys.stderr)
    if failures:
        fail(f"{network} {command[0]}: {'; '.join(failures)}")
    return files


if __name__ == "__main__":
    main()
