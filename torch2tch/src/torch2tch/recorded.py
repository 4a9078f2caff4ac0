"""A subject to Rust, as recorded; whatever goes wrong is a refusal in a line."""

import contextlib
import inspect
import io
import random

import numpy as np
import torch

from .load import Target
from .load.errors import located
from .port import nn_names
from .prove.python_side import Python, Settings
from .record import Recorded, port_as_recorded
from .subject import Refused
from .tables.layers import table


def library_names() -> frozenset[str]:
    """The names that a struct of the port cannot have: those of the library, and of tch's
    layers."""
    return frozenset(nn_names()) | {"Sequential", "SequentialT"} | {row.type for row in table()}


def check(target: Target) -> None:
    """Refuses what a recording would leave out without a word."""
    torch.manual_seed(0)
    model = target.subject.make()
    for mode in (True, False):
        model.train(mode)
        for path, module in model.named_modules():
            if module.training != mode:
                raise Refused(
                    f"{target.subject.target}: train({mode}) leaves {path or 'the module'} in "
                    "the other mode, which is not supported; call the layer's function with "
                    "its own training="
                )
    before = random.getstate(), numpy_state()
    Python(target, Settings()).check(training=True)
    if before[0] != random.getstate() or before[1] != numpy_state():
        raise Refused(
            f"{target.subject.target}: {target.subject.method} draws from Python's or NumPy's "
            "generator, which is not supported; draw with torch"
        )


def numpy_state() -> bytes:
    _, keys, place, *_ = np.random.get_state()
    return np.asarray(keys).tobytes() + str(place).encode()


def port_recorded(target: Target) -> Recorded:
    check(target)
    said = io.StringIO()
    try:
        # torch.export prints the graphs that it gives up.
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return port_as_recorded(target.subject, library_names())
    except Refused:
        raise
    except Exception as error:
        last = inspect.trace()[-1]
        raise Refused(
            f"{target.subject.target}: cannot be recorded: {located(error, target.roots)} "
            f"(in {last.function})"
        ) from error
