"""A subject to Rust, as written: from the source of its classes, which stand in one file."""

import inspect
from pathlib import Path

import torch
from torch import nn

from .load import Target
from .load.errors import shown
from .load.untouched import replaced
from .port import Port, port
from .port.refusals import Refused as NotUnderstood
from .port.refusals import Wrong
from .subject import OBSERVED, Refused
from .tables.layers import table

# Methods of `nn.Module` that a port as written does not read: what a class makes of them counts as
# not understood.
UNREAD = (
    "train",
    "eval",
    "__call__",
    "requires_grad_",
    "__getattr__",
    "__setattr__",
    "to",
    "apply",
)

# Two batch sizes whose difference is one.
NEIGHBOURS = (2, 3)

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def port_as_written(target: Target) -> Port:
    """Raises `Refused` with every place that is not understood."""
    subject = target.subject
    if (
        target.path is None
        or not isinstance(target.made, type)
        or target.made.__module__ != getattr(target.module, "__name__", None)
    ):
        raise Refused(f"{subject.target}: only a class of a file is ported as written")
    if subject.method != "forward":
        raise Refused(f"{subject.target}: --method {subject.method} is not ported as written")
    torch.manual_seed(0)
    check(target, subject.make())
    drawn = [values(target, size) for size in sizes(target)] if subject.inputs else []
    try:
        return port(
            shown(target.path),
            target.made.__name__,
            target.options.args,
            nn_path="torch_parity::nn",
            module=target.module,
            drawn=drawn,
        )
    except NotUnderstood as error:
        raise Refused(*error.lines) from error
    except Wrong as error:
        raise Refused(str(error)) from error
    except Refused:
        raise
    except Exception as error:
        last = inspect.trace()[-1]
        raise Refused(
            f"{subject.target}: not understood as written ({type(error).__name__} in "
            f"{last.function})"
        ) from error


def check(target: Target, model: nn.Module) -> None:
    """Refuses what a class does that its constructor and its `forward` do not say."""
    lines = []
    used = {
        type(module).__name__
        for module in model.modules()
        if type(module).__module__.startswith("torch.")
    }
    layers = {row.type for row in table() if row.name in used}
    for cls in dict.fromkeys(type(module) for module in model.modules()):
        if cls.__module__.startswith("torch."):
            continue
        if cls.__name__ in layers and cls is not type(model):
            lines.append(
                f"{target.subject.target}: the class {cls.__name__} has the name of a layer in Rust"
            )
        for name in UNREAD:
            if getattr(cls, name, None) is not getattr(nn.Module, name, None):
                place = target.subject.place_of(cls)
                where = f"{place.file}:{place.first}: " if place else ""
                lines.append(
                    f"{where}{cls.__name__} overrides {name}, which is not understood as written"
                )
        lines += set_outside(target, cls)
    lines += [
        f"{target.subject.target}: {name} is replaced, which is not understood as written"
        for name in replaced()
    ]
    for path, module in model.named_modules():
        if "forward" in vars(module):
            lines.append(
                f"{target.subject.target}: {path or 'the module'} has a forward of its own, which "
                "is not understood as written"
            )
        if any(getattr(module, name) for name in HOOKS):
            lines.append(
                f"{target.subject.target}: {path or 'the module'} has a hook, which is not "
                "understood as written"
            )
        if not module.training:
            lines.append(
                f"{target.subject.target}: {path or 'the module'} is put in evaluation mode by "
                "its constructor, which is not understood as written"
            )
    if lines:
        raise Refused(*lines)


def set_outside(target: Target, cls: type) -> list[str]:
    """The methods that a class was given after its definition."""
    place = target.subject.place_of(cls)
    if place is None:
        return []
    return [
        f"{place.file}:{place.first}: {cls.__name__}.{name} is set outside of the class, which is "
        "not understood as written"
        for name, value in vars(cls).items()
        if inspect.isfunction(value)
        and (code := inspect.unwrap(value).__code__)
        and not (Path(code.co_filename) == place.file and code.co_firstlineno in place)
    ]


def sizes(target: Target) -> list[dict[str, int]]:
    """The free sizes of two draws. Batches of neighbouring sizes show how a shape follows from
    them: `N`, `N + 1`, `8 · N`."""
    return [
        {
            size.name: NEIGHBOURS[turn] if size.observed == OBSERVED else size.observed[turn]
            for size in target.subject.sizes
        }
        for turn in (0, 1)
    ]


def values(target: Target, at: dict[str, int]) -> list[object]:
    """The arguments of `forward`, as far as the last that is given."""
    positional, named = target.subject.draw(at)
    forward = getattr(target.made, "forward")  # noqa: B009
    signature = inspect.signature(forward)
    try:
        bound = signature.bind(None, *positional, **named)
    except TypeError as error:
        raise Refused(f"{target.subject.target}: forward{signature}: {error}") from error
    given = list(bound.arguments)
    bound.apply_defaults()
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    found: list[object] = []
    for name, value in list(bound.arguments.items())[
        1 : list(bound.arguments).index(given[-1]) + 1
    ]:
        if kinds[name] is inspect.Parameter.VAR_POSITIONAL:
            found += list(value)
        elif kinds[name] is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            found.append(value)
        elif name in given:
            raise Refused(
                f"{target.subject.target}: the argument {name} is not understood as written"
            )
    return found
