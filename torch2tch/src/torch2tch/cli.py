"""The command line: `torch2tch TARGET …`, `torch2tch compare …`, `torch2tch compare-traces …`."""

import sys
from collections.abc import Callable


def main() -> None:
    """Runs the command that the first argument names; without a name, ports the target."""
    commands = {"compare": compare, "compare-traces": compare_traces}
    command = commands.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if command:
        # argparse names the program by the first argument.
        sys.argv[:2] = [f"torch2tch {sys.argv[1]}"]
    run: Callable[[], None] = command or port
    run()


def check_packages() -> None:
    """Ends the program in one line where a package that every command needs cannot be imported."""
    try:
        import numpy  # noqa: F401
        import safetensors.torch  # noqa: F401
        import torch
        import tqdm  # noqa: F401

        # A package whose files are gone but for its folder is a module without anything in it.
        torch.Tensor  # noqa: B018
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        sys.exit(
            "error: torch2tch needs torch, numpy, safetensors and tqdm, and one of them does not "
            f"load: {why}; in a checkout scripts/setup repairs it"
        )


# Each command imports what it needs alone: a comparison of two files needs no porter.
def port() -> None:
    from torch2tch import guarded, options

    # Wrong usage is told before a process is started for it.
    options.parse(sys.argv[1:])
    guarded.main(sys.argv[1:])


def compare() -> None:
    check_packages()
    from torch2tch import guarded
    from torch2tch.compare import command

    if any(one in ("-h", "--help") for one in sys.argv[1:]):
        command.run()
    guarded.main(["compare", *sys.argv[1:]])


def compare_traces() -> None:
    check_packages()
    from torch2tch.compare import traces

    traces.main()
