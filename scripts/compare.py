#!/usr/bin/env python3
"""Runs the same training in Python and in Rust and compares every tensor, to the bit.

Without arguments: the three networks with each optimizer, 1,000 steps. The exit code is 0 if every
tensor is equal and 1 on any difference.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import in_venv

sys.path.insert(0, str(Path(__file__).resolve().parent / "reference"))

from comparison import compare  # noqa: E402


def main():
    args = parse_arguments()
    if args.traces:
        rows = show(*read_both(*args.traces), names=[str(path) for path in args.traces])
    else:
        rows = compare_live(args)
    sys.exit(summarize(rows))


def parse_arguments():
    from trace import OPTIMIZERS

    from common import NETWORKS

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
    parser.add_argument("--traces", type=Path, nargs=2, metavar="FILE",
                        help="compare two recorded traces instead")
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
    from tqdm import tqdm

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
                rows += show(*read_both(*files), case=f"{network} {optimizer} ")
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
    """Records the same trace with Rust and with Python, side by side; returns the two files."""
    from trace import write

    stem = f"{network}-{settings['optimizer']}"
    python_file = folder / f"{stem}-python.safetensors"
    rust_file = folder / f"{stem}-rust.safetensors"
    command = [str(executable), "trace", f"--output={rust_file}"]
    command += [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
    rust = subprocess.Popen(command)
    try:
        write(python_file, network, **settings)
    except RuntimeError as error:
        rust.wait()
        fail(f"Python: {str(error).splitlines()[0]}")
    finally:
        code = rust.wait()
    if code:
        fail(f"{network} trace ended with exit code {code}")
    return python_file, rust_file


def read_both(left, right):
    return [read(path) for path in (left, right)]


def read(path):
    """The arrays and the metadata of a trace."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except (OSError, SafetensorError, TypeError) as error:
        fail(f"{path}: {error}")


def show(left, right, names=("Python", "Rust"), case=""):
    """Prints a row for each tensor and a note for each setting that differs; returns the rows."""
    rows = compare(left[0], right[0], names)
    width = max(len(row.name) for row in rows) if rows else 0
    for row in rows:
        shape = "×".join(map(str, row.shape)) or "scalar"
        print(f"  {row.name:<{width}}  {shape:>9}  {row.dtype:<7}  {row.verdict}")
    for key in sorted(left[1].keys() | right[1].keys()):
        values = [side[1].get(key, "not given") for side in (left, right)]
        if not same_setting(*values):
            print(f"  note: {key} is {values[0]} in {names[0]}, {values[1]} in {names[1]}")
    return [(f"{case}{row.name}", row) for row in rows]


def same_setting(a, b):
    try:
        return a == b or float(a) == float(b)
    except ValueError:
        return False


def summarize(rows):
    """Prints the verdict; returns the exit code."""
    different = [name for name, row in rows if not row.equal]
    if not rows:
        print("\nnothing to compare: neither side has a tensor")
        return 1
    if different:
        print(f"\n{len(different)} of {len(rows)} tensors differ, the first: {different[0]}")
        return 1
    print(f"\n{len(rows)} tensors, all equal to the bit")
    return 0


def fail(message):
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
