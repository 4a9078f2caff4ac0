"""Runs the same training in Python and in Rust and compares every tensor, to the bit.

Without arguments: the three networks with four optimizers, 1,000 steps on random data. With
--train: the network that the data at PATH are for, with the same four; after every epoch losses,
weights, optimizer and outputs to the bit, and the metrics with scikit-learn's to 1e-12. With
FILE.py:CLASS and --rust: any class, in a file anywhere on disk, and its port to Rust. The exit code
is 0 if every tensor is equal and 1 on any difference.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from torch2tch import checkout, proof
from torch2tch.compare.traces import Row, print_rows, read, show, summarize
from torch2tch.reference import common, data, record_trace, train
from torch2tch.reference.common import NETWORKS, fail, positive
from torch2tch.reference.record_trace import OPTIMIZERS

# The largest distance of a metric from scikit-learn's, which sums in another order.
METRIC_TOLERANCE = 1e-12

# The optimizers that are compared without --optimizer.
DEFAULT_OPTIMIZERS = ["sgd", "momentum", "adam", "adamw"]

# The arguments of an optimizer beside its learning rate, and what goes with --train alone.
ARGUMENTS = ["weight_decay", "momentum"]
TRAINING = ["scheduler", "clip_grad_norm"]

# The parser that arguments are added to.
Group = ArgumentParser | argparse._ArgumentGroup

FOREACH = {"default": None, "false": False, "true": True}


def run() -> int:
    """The exit code."""
    try:
        rows = compare_live(parse_arguments())
    except proof.DoesNotCompile as error:
        fail(error)
    return summarize(rows)


def parse_arguments() -> Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "networks",
        nargs="*",
        metavar="NETWORK",
        help=f"examples to compare (default: {', '.join(NETWORKS)}), or one FILE.py:CLASS",
    )
    parser.add_argument(
        "--rust",
        type=Path,
        metavar="FILE",
        help="with FILE.py:CLASS: the .rs file with the struct CLASS, or an "
        "executable that has a trace command",
    )
    add_class_options(parser)
    parser.add_argument(
        "--train", metavar="PATH", dest="data", help="compare training on the data at PATH"
    )
    add_step_options(parser, 1000, DEFAULT_OPTIMIZERS)
    parser.add_argument("--epochs", type=positive, default=3, metavar="N", help="with --train")
    train.add_schedule(parser)
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="FOLDER",
        help="where the built examples are (default: build them)",
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the traces here")
    args = parser.parse_args()
    if args.momentum is not None and not args.optimizers:
        args.optimizers = ["sgd", "momentum"]
    args.optimizers = args.optimizers or DEFAULT_OPTIMIZERS
    given = [name for name in TRAINING if vars(args)[name] is not None]
    if given and not args.data:
        parser.error(f"--{given[0].replace('_', '-')} goes with --train")
    if args.rust or any(":" in network for network in args.networks):
        args.networks = [own_class(parser, args)]
        return args
    if args.args or args.inputs or args.targets or args.loss:
        parser.error("--args, --input, --target and --loss go with FILE.py:CLASS")
    if args.data and not Path(args.data).exists():
        fail(f"{args.data}: there is no such file or folder")
    args.networks = args.networks or (network_for(Path(args.data)) if args.data else NETWORKS)
    functions = ["read_data", "metrics"] if args.data else ["draw_input", "draw_target", "readings"]
    for network in args.networks:
        common.task(network, "loss", *functions)
    return args


def add_class_options(parser: ArgumentParser) -> None:
    """Options of a class in any file."""
    group = parser.add_argument_group("a class in any file, FILE.py:CLASS")
    group.add_argument(
        "--args",
        default="",
        metavar="TEXT",
        help="the constructor's arguments: 'nhid=64, dropout=0.1'",
    )
    group.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="EXPR",
        dest="inputs",
        help="an argument of forward, such as 'randn(batch_size, 1, 28, 28)'; once "
        "for each (default: draw_input(batch_size) of the file)",
    )
    group.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="EXPR",
        dest="targets",
        help="what the loss holds against the output (default: "
        "draw_target(batch_size) of the file, if it is there)",
    )
    group.add_argument(
        "--loss",
        metavar="EXPR",
        help="such as 'F.cross_entropy(output, target)' (default: loss(output, "
        "target) of the file, or else the mean of the squared output)",
    )


def add_step_options(parser: Group, steps: int, optimizers: list[str]) -> None:
    """Options of training on one random batch, on both sides."""
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--steps",
        type=positive,
        default=steps,
        metavar="N",
        help=f"training steps, all on one batch (default: {steps})",
    )
    parser.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        action="append",
        dest="optimizers",
        help=f"may be given several times (default: {', '.join(optimizers)})",
    )
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N")
    parser.add_argument("--lr", type=float, default=1e-3, metavar="F")
    train.add_optimizer_arguments(parser)
    parser.add_argument(
        "--threads", type=common.threads, default=1, metavar="N", help="on both sides"
    )
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu, cuda or cuda:N")
    parser.add_argument(
        "--foreach",
        choices=FOREACH,
        default="default",
        help="how Python's optimizers take the parameters: one after another "
        "(false), all at once (true), or as the device has it (default)",
    )
    parser.add_argument(
        "--plan",
        choices=["on", "off"],
        default="on",
        help="whether Rust may run a network by a plan, or leaves it to autograd",
    )


def network_for(path: Path) -> list[str]:
    """The network of the document whose data these are, as its reader takes them."""
    readers = {
        "digit_classifier": data.mnist,
        "house_price_predictor": data.ames,
        "binary_classifier": data.medmnist,
    }
    found = []
    for network, read_data in readers.items():
        with contextlib.suppress(Exception):
            read_data(path)
            found.append(network)
    if len(found) != 1:
        fail(
            f"{path}: expected the IDX files of digits, a .csv of houses or an .npz of yes and no, "
            f"found {' and '.join(found) or 'none of them'}; for data of another network, its name "
            "goes before --train"
        )
    return found


def own_class(parser: ArgumentParser, args: Namespace) -> Any:
    """The class of any file that is named, to be recorded."""
    if len(args.networks) != 1 or ":" not in args.networks[0]:
        parser.error("--rust goes with one FILE.py:CLASS")
    if not args.rust:
        parser.error("FILE.py:CLASS goes with --rust FILE.rs")
    if args.data or args.examples:
        parser.error("--train and --examples go with the networks of this project")
    file, _, name = args.networks[0].rpartition(":")
    return proof.subject_of(file, name, args)


def compare_live(args: Namespace) -> list[Row]:
    """Records and compares what every network does with every optimizer."""
    cases = [(network, optimizer) for network in args.networks for optimizer in args.optimizers]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"--keep {folder}: {error.strerror}")
        executables, environment = find_executables(args, folder)
        progress = tqdm(cases, desc="comparing", disable=None, leave=False)
        for network, optimizer in progress:
            settings = {
                "seed": args.seed,
                **lengths(args),
                "batch_size": args.batch_size,
                "optimizer": optimizer,
                "lr": args.lr,
                "device": args.device,
                "threads": args.threads,
            }
            foreach = FOREACH[args.foreach]
            files = record_both(
                folder, network, executables[network], settings, foreach, environment, args.plan
            )
            with progress.external_write_mode():
                shown = settings | ({} if foreach is None else {"foreach": foreach})
                print(f"\n{network}: " + ", ".join(f"{k} {v}" for k, v in shown.items()))
                found = compare_files(*files)
                rows += [replace(row, name=f"{network} {optimizer} {row.name}") for row in found]
    return rows


def lengths(args: Namespace) -> dict[str, Any]:
    """The length of training, its data and its options."""
    names = ARGUMENTS + (TRAINING if args.data else [])
    given = {name: vars(args)[name] for name in names if vars(args)[name] is not None}
    if args.data:
        return {"data": args.data, "epochs": args.epochs, **given}
    return {"steps": args.steps, **given}


def compare_files(python_file: Path, rust_file: Path) -> list[Row]:
    """Compares tensors to the bit, metrics by a tolerance; prints and returns the rows."""
    sides = [read(file) for file in (python_file, rust_file)]
    metrics = [
        {name: float(tensors.pop(name)) for name in list(tensors) if name.startswith("metric.")}
        for tensors, _ in sides
    ]
    rows = show(sides[0], sides[1])
    metric_rows = compare_metrics(metrics[0], metrics[1])
    print_rows(metric_rows)
    return rows + metric_rows


def compare_metrics(python: dict[str, float], rust: dict[str, float]) -> list[Row]:
    """One row for each metric."""
    rows = []
    for name in sorted(python.keys() | rust.keys()):
        a, b = python.get(name, float("nan")), rust.get(name, float("nan"))
        equal = abs(a - b) <= METRIC_TOLERANCE * max(1, abs(a))
        verdict = f"{b:.12g}, " + ("scikit-learn's" if equal else f"scikit-learn's is {a:.12g}")
        rows.append(Row(name, (), "float64", verdict, equal, exact=False))
    return rows


def find_executables(args: Namespace, folder: Path) -> tuple[dict[Any, Any], dict[str, str]]:
    """The executable of each network, and the environment that they need."""
    if not args.rust:
        return find_examples(args.networks, args.examples), {}
    [subject] = args.networks
    executable, environment = proof.executable(subject, args, folder)
    return {subject: executable}, environment


def find_examples(networks: list[str], folder: Path | None) -> dict[str, Any]:
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
        built = subprocess.run(command, cwd=checkout.ROOT, stdout=subprocess.PIPE, text=True)
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


def record_both(
    folder: Path,
    network: Any,
    executable: str | Path,
    settings: dict[str, Any],
    foreach: bool | None,
    environment: dict[str, str],
    plan: str,
) -> tuple[Path, Path]:
    """Records the same trace with Rust and with Python, side by side where there are processors
    for both; returns the two files. `foreach` is for Python's optimizer, `environment` and `plan`
    for Rust."""
    python_file, rust_file = (
        folder / f"{network}-{settings['optimizer']}-{side}.safetensors"
        for side in ("python", "rust")
    )
    write: Callable[..., None]
    if "data" in settings:
        write, command = train.write, ["train", f"--trace={rust_file}"]
    else:
        write, command = record_trace.write, ["trace", f"--output={rust_file}"]
    command += [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
    command.append(f"--plan={plan}")
    rust = subprocess.Popen(
        [str(Path(executable).resolve()), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
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
    return python_file, rust_file
