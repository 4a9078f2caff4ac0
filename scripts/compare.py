#!/usr/bin/env python3
"""Runs the same training in Python and in Rust and compares every tensor, to the bit.

Without arguments: the three networks with each optimizer, 1,000 steps. The exit code is 0 if every
tensor is equal and 1 on any difference.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import in_venv

sys.path.insert(0, str(Path(__file__).resolve().parent / "reference"))

from common import NETWORKS  # noqa: E402
from compare_traces import fail, read, show, summarize  # noqa: E402
from tqdm import tqdm  # noqa: E402
from record_trace import OPTIMIZERS, write  # noqa: E402


def main():
    sys.exit(summarize(compare_live(parse_arguments())))


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", default=NETWORKS,
                        help=f"examples to compare (default: {', '.join(NETWORKS)})")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--steps", type=positive, default=1000, metavar="N")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, action="append", dest="optimizers",
                        help="may be given several times (default: all)")
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N")
    parser.add_argument("--lr", type=float, default=1e-3, metavar="F")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="on both sides")
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu, cuda or cuda:N")
    parser.add_argument("--examples", type=Path, metavar="FOLDER",
                        help="where the built examples are (default: build them)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the traces here")
    args = parser.parse_args()
    args.optimizers = args.optimizers or list(OPTIMIZERS)
    return args


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def compare_live(args):
    """Records and compares the traces of every network with every optimizer."""
    executables = find_examples(args.networks, args.examples)
    cases = [(network, optimizer) for network in args.networks for optimizer in args.optimizers]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        progress = tqdm(cases, desc="comparing", disable=None, leave=False)
        for network, optimizer in progress:
            settings = {
                "seed": args.seed, "steps": args.steps, "batch_size": args.batch_size,
                "optimizer": optimizer, "lr": args.lr, "device": args.device,
                "threads": args.threads,
            }
            files = record_both(folder, network, executables[network], settings)
            with progress.external_write_mode():
                print(f"\n{network}: " + ", ".join(f"{k} {v}" for k, v in settings.items()))
                shown = show(*map(read, files))
                rows += [replace(row, name=f"{network} {optimizer} {row.name}") for row in shown]
    return rows


def find_examples(networks, folder):
    """The executable of each network, built unless `folder` holds them."""
    if folder:
        executables = {network: folder / network for network in networks}
        for executable in executables.values():
            if not executable.exists():
                fail(f"{executable} does not exist")
        return executables
    command = ["cargo", "build", "--quiet", "--message-format=json"]
    for network in networks:
        command += ["--example", network]
    try:
        built = subprocess.run(command, cwd=in_venv.ROOT, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        fail("cargo is not on the PATH; give --examples FOLDER to use examples built elsewhere")
    if built.returncode:
        fail(f"cannot build the examples {', '.join(networks)}")
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return {
        message["target"]["name"]: message["executable"]
        for message in messages
        if message.get("executable") and message["target"]["kind"] == ["example"]
    }


def record_both(folder, network, executable, settings):
    """Records the same trace with Rust and with Python, side by side where there are processors
    for both; returns the two files."""
    stem = f"{network}-{settings['optimizer']}"
    python_file = folder / f"{stem}-python.safetensors"
    rust_file = folder / f"{stem}-rust.safetensors"
    command = [str(executable), "trace", f"--output={rust_file}"]
    command += [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
    rust = subprocess.Popen(command)
    # Threads that outnumber the processors wait for each other: several times slower than in turn.
    if 2 * settings["threads"] > (os.cpu_count() or 1):
        rust.wait()
    try:
        write(python_file, network, **settings)
    except (RuntimeError, AssertionError) as error:
        rust.wait()
        fail(f"Python: {str(error).splitlines()[0]}")
    finally:
        code = rust.wait()
    if code:
        fail(f"{network} trace ended with exit code {code}")
    return python_file, rust_file


if __name__ == "__main__":
    main()
