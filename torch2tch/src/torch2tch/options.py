"""The options of `torch2tch TARGET …`."""

import argparse
from typing import NoReturn

# The optimizers that a proof trains with.
OPTIMIZERS = ("sgd", "adam")

DESCRIPTION = """\
Ports a PyTorch model to Rust: as written, the Rust beside the Python that it mirrors, where the
source is understood; as recorded where it is not. With --prove it builds what it writes and
compares it with Python in evaluation and in training, tensor by tensor; a port that is not equal
to the bit is not written. Each place that is refused is named in a line. The exit code is 0 for
success, 1 for a port that is refused or not equal, 2 for wrong usage.
"""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="torch2tch",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "target",
        metavar="TARGET",
        help="FILE.py:NAME, package.module:NAME or FILE.pt2; NAME is a class or a function "
        "that gives a module",
    )
    made.add_argument("--output", metavar="FILE.rs", help="where it is written (default: printed)")
    made.add_argument("--prove", action="store_true", help="build it and compare it with Python")
    made.add_argument("--crate", metavar="FOLDER", help="make a crate of its own of it")
    made.add_argument(
        "--git",
        metavar="URL",
        help="with --crate: where it takes the Rust library from (default: this checkout)",
    )
    made.add_argument(
        "--transform",
        metavar="EXPR",
        help="with --crate: what makes the input of a picture, such as 'Compose([Resize(256), "
        "CenterCrop(224), ToTensor(), Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])'",
    )
    made.add_argument(
        "--labels",
        metavar="FILE",
        help="with --crate: the classes' names, one a line; its program prints the first five",
    )
    made.add_argument(
        "--as",
        dest="as_",
        choices=["written", "recorded"],
        help="port in this way alone (default: as written, else as recorded)",
    )
    add_subject(made.add_argument_group("the model"))
    add_proof(made.add_argument_group("with --prove"))
    return made


def add_subject(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--args", default="", metavar="TEXT", help="the arguments of NAME: 'nhid=64, dropout=0.1'"
    )
    group.add_argument(
        "--argv",
        default="",
        metavar="TEXT",
        help="the command line that the file itself reads: '--nz 100'",
    )
    group.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="[NAME=]EXPR",
        dest="inputs",
        help="an argument of forward, such as 'randn(batch_size, 1, 28, 28)'; once for "
        "each (default: draw_input(batch_size) of the file)",
    )
    group.add_argument(
        "--call", default="", metavar="TEXT", help="further arguments of forward: 'use_cache=False'"
    )
    group.add_argument(
        "--size",
        action="append",
        default=[],
        metavar="NAME=A,B",
        dest="sizes",
        help="the sizes at which a free name of the inputs is observed and proven "
        "(default: batch_size=3,5)",
    )
    group.add_argument(
        "--method", default="forward", metavar="NAME", help="the entry (default: forward)"
    )


def add_proof(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="EXPR",
        dest="targets",
        help="what the loss holds against the output (default: draw_target(batch_size) of "
        "the file, if it is there)",
    )
    group.add_argument(
        "--loss",
        metavar="EXPR",
        help="such as 'F.cross_entropy(output, target)' (default: loss(output, target) of "
        "the file, or else the mean of the squared output)",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N")
    group.add_argument(
        "--steps",
        type=positive,
        default=20,
        metavar="N",
        help="training steps of each optimizer, on one batch (default: 20)",
    )
    group.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        action="append",
        dest="optimizers",
        help="may be given several times (default: sgd, adam)",
    )
    group.add_argument("--batch-size", type=positive, metavar="N", help="as --size batch_size=N,2")
    group.add_argument("--lr", type=float, default=1e-3, metavar="F")


def positive(text: str) -> int:
    """A number from 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return number


def parse(arguments: list[str]) -> argparse.Namespace:
    made = parser()
    found = made.parse_args(arguments)
    for name in ("git", "transform", "labels"):
        if getattr(found, name) is not None and not found.crate:
            made.error(f"--{name} goes with --crate")
    return found
