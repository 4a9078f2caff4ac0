#!/usr/bin/env python3
"""Translates a PyTorch class to Rust: the Rust on the left, the Python that it mirrors on the right.

FILE.py is plain PyTorch, anywhere on disk. What the porter does not understand it names, each place
in a line, and then it writes nothing.
"""

import in_venv

in_venv.enter()

import argparse
import os
import sys
import tempfile
from pathlib import Path

from port import Refused, Wrong, port


def main():
    arguments = parse_arguments()
    path, _, name = arguments.target_class.rpartition(":")
    if not path:
        usage(f"expected FILE.py:CLASS, found {arguments.target_class!r}")
    try:
        ported = port(path, name, arguments.args, arguments.input, nn_path(arguments.output))
    except Wrong as error:
        usage(error)
    except Refused as error:
        sys.exit("\n".join(error.lines))
    if arguments.output:
        write(arguments.output, ported.rust)
    else:
        print(ported.rust, end="")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target_class", metavar="FILE.py:CLASS")
    parser.add_argument("--output", metavar="FILE.rs", help="where it is written (default: printed)")
    parser.add_argument("--args", default="", metavar="TEXT",
                        help="the constructor's arguments: 'nhid=64, dropout=0.1'")
    parser.add_argument("--input", action="append", default=[], metavar="EXPR",
                        help="an argument of forward, such as 'randn(64, 784)'; once for each")
    return parser.parse_args()


def nn_path(output):
    """A file of this project names its own crate."""
    if output and (in_venv.ROOT / "src") in Path(output).resolve().parents:
        return "crate::torch::nn"
    return "final_layer::torch::nn"


def write(output, text):
    """Writes the file whole or not at all."""
    output = Path(output)
    try:
        with tempfile.NamedTemporaryFile("w", dir=output.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, output)
    except OSError as error:
        sys.exit(f"error: {output}: {error.strerror}")


def usage(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
