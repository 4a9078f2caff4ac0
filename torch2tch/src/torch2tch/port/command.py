"""Translates a PyTorch class to Rust: the Rust on the left, the Python that it mirrors on the
right.

FILE.py is plain PyTorch, anywhere on disk. What the porter does not understand it names, each place
in a line, and then it writes nothing. With --prove it builds what it writes and compares it with
the Python class, tensor by tensor; the exit code is then 0 only if all are equal to the bit.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from torch2tch import checkout, proof
from torch2tch.compare import command as compare
from torch2tch.compare.traces import summarize
from torch2tch.port import Refused, Wrong, port

# The defaults of --prove.
PROOF = {"steps": 20, "optimizers": ["sgd", "adam"]}


def main():
    arguments = parse_arguments()
    path, _, name = arguments.target_class.rpartition(":")
    if not path:
        usage(f"expected FILE.py:CLASS, found {arguments.target_class!r}")
    try:
        ported = port(path, name, arguments.args, arguments.inputs, nn_path(arguments.output))
    except Wrong as error:
        usage(error)
    except Refused as error:
        sys.exit("\n".join(error.lines))
    if arguments.output:
        write(arguments.output, ported.rust)
    elif not arguments.crate:
        print(ported.rust, end="")
    if arguments.crate:
        proof.crate(arguments.crate, ported, proof.subject_of(path, name, arguments), arguments.git)
    if arguments.prove:
        prove(arguments, path, name, ported.rust)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target_class", metavar="FILE.py:CLASS")
    parser.add_argument(
        "--output", metavar="FILE.rs", help="where it is written (default: printed)"
    )
    compare.add_class_options(parser)
    parser.add_argument(
        "--crate", metavar="FOLDER", help="make a crate of its own of it, with a program and a test"
    )
    parser.add_argument(
        "--git",
        metavar="URL",
        help="with --crate: where it takes final-layer from (default: this checkout)",
    )
    parser.add_argument("--prove", action="store_true", help="build it and compare it with Python")
    compare.add_step_options(parser.add_argument_group("with --prove"), **PROOF)
    arguments = parser.parse_args()
    arguments.optimizers = arguments.optimizers or PROOF["optimizers"]
    if arguments.git and not arguments.crate:
        parser.error("--git goes with --crate")
    return arguments


def prove(arguments, path, name, rust):
    """Compares the port with Python, and says whose mistake it is where they differ."""
    with tempfile.TemporaryDirectory() as folder:
        arguments.rust = Path(arguments.output or Path(folder) / f"{name}.rs")
        if not arguments.output:
            arguments.rust.write_text(rust, encoding="utf-8")
        arguments.networks = [proof.subject_of(path, name, arguments)]
        arguments.data = arguments.keep = None
        try:
            rows = compare.compare_live(arguments)
        except proof.DoesNotCompile as error:
            sys.exit(
                f"error: the port of {name} does not compile, which is a mistake of the porter, "
                f"not of {path}: {error}"
            )
    code = summarize(rows)
    if code:
        first = next(row for row in rows if not row.equal)
        print(
            f"error: the port of {name} is not equal, which is a mistake of the porter, not of "
            f"{path}: {first.name}: {first.verdict}",
            file=sys.stderr,
        )
    sys.exit(code)


def nn_path(output):
    """A file of this project names its own crate."""
    if output and (checkout.ROOT / "src") in Path(output).resolve().parents:
        return "crate::torch::nn"
    return "final_layer::torch::nn"


def write(output, text):
    """Writes the file whole or not at all."""
    output = Path(output)
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=output.parent, delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, output)
    except OSError as error:
        sys.exit(f"error: {output}: {error.strerror}")


def usage(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
