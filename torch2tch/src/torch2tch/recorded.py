"""A subject to Rust, as recorded; whatever goes wrong is a refusal in a line."""

import inspect

from .load import Target
from .load.errors import located
from .port import nn_names
from .record import Recorded, port_as_recorded
from .subject import Refused
from .tables.layers import table


def library_names() -> frozenset[str]:
    """The names that a struct of the port cannot have: those of the library, and of tch's
    layers."""
    return frozenset(nn_names()) | {"Sequential", "SequentialT"} | {row.type for row in table()}


def port_recorded(target: Target) -> Recorded:
    try:
        return port_as_recorded(target.subject, library_names())
    except Refused:
        raise
    except Exception as error:
        last = inspect.trace()[-1]
        raise Refused(
            f"{target.subject.target}: cannot be recorded: {located(error, target.roots)} "
            f"(in {last.function})"
        ) from error
