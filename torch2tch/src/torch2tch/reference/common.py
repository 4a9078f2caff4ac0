"""What the reference scripts share: their arguments, and how a network is found and built."""

import argparse
import contextlib
import importlib
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import torch

from torch2tch import checkout

FOLDER = Path(__file__).parent

NETWORKS = ["digit_classifier", "house_price_predictor", "binary_classifier"]

# One tensor, or several in tuples and lists.
Tensors = Any


class Refused(Exception):
    """What is wrong with a file that was given, in a line."""


# What a script reports in one line. All but the first come from torch: of settings that it does
# not take, of a device that is not there.
ERRORS = (Refused, RuntimeError, AssertionError, OSError, ValueError, LookupError, TypeError)

# More threads than any machine has that this runs on; libgomp ends the process where the system
# gives less than it asks for.
MOST_THREADS = 1024


def parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("network", help=f"one of {', '.join(NETWORKS)}, or another module here")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=threads, metavar="N", help="threads of one operation")
    parser.add_argument("--weights", metavar="FILE", help="start from these weights")
    return parser


def positive(text: str) -> int:
    """A number from 1, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return number


def threads(text: str) -> int:
    """How many threads, for argparse."""
    number = positive(text)
    if number > MOST_THREADS:
        raise argparse.ArgumentTypeError(f"expected at most {MOST_THREADS} threads, found {text}")
    return number


def task(name: str, *functions: str) -> ModuleType:
    """The module of a network: its class, and the functions that the caller needs of it."""
    file = FOLDER.relative_to(checkout.ROOT) / f"{name}.py"
    if not (name.isidentifier() and (FOLDER / f"{name}.py").is_file()):
        usage(f"there is no network {name!r}; expected one of {', '.join(known_networks())}")
    try:
        module = importlib.import_module(f"{__package__}.{name}")
    except Exception as error:
        fail(f"{file}, line {line_in(error, name)}: {type(error).__name__}: {one_line(error)}")
    for needed in (class_name(name), *functions):
        if not hasattr(module, needed):
            fail(f"{file}: there is no {needed}")
    return module


def known_networks() -> list[str]:
    """The modules here that have the class of their name, the document's first."""
    others = sorted(
        path.stem
        for path in FOLDER.glob("*.py")
        if f"class {class_name(path.stem)}(" in path.read_text(encoding="utf-8")
    )
    return list(dict.fromkeys([*NETWORKS, *others]))


def class_name(network: str) -> str:
    return network.title().replace("_", "")


def line_in(error: BaseException, name: str) -> object:
    """The line of a network's module that an error comes from."""
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if Path(f.filename).stem == name), "unknown")


def build(
    task: ModuleType | Callable[[], torch.nn.Module],
    seed: int,
    device: str = "cpu",
    threads: int | None = None,
    weights: str | Path | None = None,
) -> torch.nn.Module:
    """The network as a PyTorch user builds it, seeded. `task` is a module of this folder, or makes
    its network where it is called."""
    # The first square root of a process, taken by two threads at once, is now and then a rough
    # approximation (see prepare_sqrt in torch-parity/src/optim/adam.rs).
    torch.ones(1).sqrt()
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    make = task if callable(task) else getattr(task, class_name(task.__name__.rpartition(".")[2]))
    model = make().to(device)
    if weights:
        with naming(weights):
            model.load_state_dict(load_weights(weights))
    return model


def call(model: torch.nn.Module, input: Tensors) -> Tensors:
    """The model's output; several inputs are a tuple, an argument each."""
    return model(*input) if isinstance(input, tuple) else model(input)


def named(name: str, tensors: Tensors) -> Iterator[tuple[str, torch.Tensor]]:
    """Each tensor with its name in a trace, where the whole is called `name`: one tensor, or
    several in a tuple or list, as `<name>.0`, `<name>.1` and so on (see src/tasks/tensors.rs)."""
    if isinstance(tensors, (tuple, list)):
        for place, part in enumerate(tensors):
            yield from named(f"{name}.{place}", part)
    else:
        yield name, tensors


def copies(name: str, tensors: Tensors) -> dict[str, torch.Tensor]:
    """What `named` has, copied, so that nothing that follows changes it."""
    return {name: tensor.detach().cpu().clone() for name, tensor in named(name, tensors)}


def map_tensors(function, *tensors):
    """The same with what `function` makes of each tensor; of several, of those in the same
    place."""
    first = tensors[0]
    if isinstance(first, (tuple, list)):
        return type(first)(map_tensors(function, *parts) for parts in zip(*tensors, strict=True))
    return function(*tensors)


def metadata(
    network: str,
    model: torch.nn.Module,
    *,
    seed: int,
    data: str | Path | None = None,
    **settings: object,
) -> dict[str, str]:
    """The facts about a recording that go into its file."""
    facts = {
        **settings,
        "network": network,
        "seed": seed % 2**64,
        "device": next(model.parameters()).device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        # The order in which parameters and buffers came into being, for the comparison's rows.
        "order": json.dumps(list(model.state_dict())),
    }
    if data is not None:
        facts["data"] = Path(data).resolve()
    return {name: str(fact) for name, fact in facts.items() if fact is not None}


def load_weights(path: str | Path) -> dict[str, torch.Tensor]:
    if str(path).endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


@contextlib.contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Whatever goes wrong with a file is told with its name."""
    try:
        yield
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = " ".join(reason.split()) or type(error).__name__
        raise Refused(f"{path}: {reason[:300]}") from error


def one_line(error: BaseException) -> str:
    """What an error says, in a line: its first one, as C++ adds its frames."""
    return " ".join(str(error).splitlines()[:1]) or type(error).__name__


def fail(message: object) -> NoReturn:
    sys.exit(f"error: {message}")


def usage(message: object) -> NoReturn:
    """Ends the script as argparse does on wrong usage, in one line."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
