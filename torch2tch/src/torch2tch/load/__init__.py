"""From a target on the command line to the thing to port.

A target is `FILE.py:NAME`, `package.module:NAME` or `FILE.pt2`; NAME is a class or a function that
gives a module. Nothing is installed, and nothing runs that importing the target would not run.
"""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from ..subject import Input, Refused, Subject
from .errors import Usage, located, one_line
from .module import load_module
from .places import place_of
from .pretrained import left_out
from .script import Loaded, load_file
from .texts import evaluate_arguments, names_in, parse_input, parse_sizes, parsed, sizes_of

__all__ = ["Options", "Target", "load"]


@dataclass(frozen=True)
class Options:
    """What the command line says of a subject."""

    args: str = ""
    inputs: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    loss: str | None = None
    call: str = ""
    sizes: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    method: str = "forward"


@dataclass
class Target:
    """A subject, and what the proof and the port as written need of it besides. `made` is the class
    or function that makes the module; `module` the user's module that has it; `pretrained` the
    classes whose published weights were left out when it was made."""

    subject: Subject
    made: Callable | None
    module: ModuleType | None
    path: Path | None
    options: Options
    roots: tuple[Path, ...] = ()
    notes: list[str] = field(default_factory=list)
    loaded: Loaded | None = None
    pretrained: list[str] = field(default_factory=list)

    @property
    def names(self) -> dict[str, object]:
        return dict(self.subject.names)


def load(target: str, options: Options) -> Target:
    if target.endswith(".pt2"):
        return load_program(Path(target), options)
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise Usage(f"expected FILE.py:NAME, package.module:NAME or FILE.pt2, found {target!r}")
    loaded = loaded_for(where, name, options)
    module = loaded.module
    made = find(loaded, where, name)
    names = {**vars(torch), "torch": torch, "nn": nn, "F": nn.functional, **vars(module)}
    inputs = inputs_of(options, module, names)
    call = call_of(options, names)
    inputs, call = constants(inputs, call, made, options.method)
    sizes = sizes_of(inputs, names, parse_sizes(options.sizes))
    pretrained: list[str] = []
    subject = Subject(
        getattr(made, "__name__", name),
        target,
        maker(made, target, name, options.args, names, loaded, pretrained),
        inputs,
        call,
        sizes,
        names,
        place_of,
        options.method,
    )
    return Target(
        subject, made, module, loaded.path, options, loaded.roots, loaded.notes, loaded, pretrained
    )


def loaded_for(where: str, name: str, options: Options) -> Loaded:
    wanted = [name.split(".")[0]]
    texts = [options.args, options.call, options.loss or "", *options.inputs, *options.targets]
    wanted += sorted(
        names_in(texts) - set(dir(torch)) - {"torch", "nn", "F", "batch_size", "output", "target"}
    )
    if where.endswith(".py"):
        return load_file(Path(where), wanted, list(options.argv))
    if "/" in where or not all(part.isidentifier() for part in where.split(".")):
        raise Usage(f"{where}: expected a file that ends in .py, or the name of a module")
    return load_module(where, list(options.argv))


def find(loaded: Loaded, where: str, name: str) -> Callable:
    first, *rest = name.split(".")
    if first in loaded.failed:
        raise Refused(*dict.fromkeys([*missing_imports(loaded), loaded.failed[first]]))
    made: object = loaded.module
    for part in (first, *rest):
        made = getattr(made, part, None)
    if made is None:
        known = [
            n
            for n, value in vars(loaded.module).items()
            if isinstance(value, type)
            and issubclass(value, nn.Module)
            and value.__module__ == loaded.module.__name__
        ]
        raise Usage(
            *missing_imports(loaded),
            f"{where}: there is no class or function {name}; found "
            f"{', '.join(known[:12]) or 'no nn.Module'}",
        )
    if not callable(made) or (isinstance(made, type) and not issubclass(made, nn.Module)):
        raise Usage(f"{where}: {name} is no nn.Module and no function that gives one")
    return made


def missing_imports(loaded: Loaded) -> list[str]:
    """The imports that failed, each once."""
    return list(dict.fromkeys(line for line in loaded.failed.values() if "import " in line))


def inputs_of(options: Options, module: ModuleType, names: dict[str, object]) -> tuple[Input, ...]:
    if options.inputs:
        return tuple(map(parse_input, options.inputs))
    draw = getattr(module, "draw_input", None)
    if draw is None:
        return ()
    try:
        drawn = draw(2)
    except Exception as error:
        raise Refused(f"{module.__name__}: draw_input(2): {one_line(error)}") from error
    if isinstance(drawn, tuple):
        return tuple(Input(None, f"draw_input(batch_size)[{place}]") for place in range(len(drawn)))
    return (Input(None, "draw_input(batch_size)"),)


def call_of(options: Options, names: dict[str, object]) -> dict[str, object]:
    try:
        positional, call = evaluate_arguments(options.call, names)
    except (Exception, SystemExit) as error:
        raise Usage(f"--call {options.call!r}: {one_line(error)}") from error
    if positional:
        raise Usage(
            f"--call {options.call!r}: expected NAME=VALUE; positional arguments are --input"
        )
    return call


def constants(
    inputs: tuple[Input, ...], call: dict[str, object], made: Callable, method: str
) -> tuple[tuple[Input, ...], dict[str, object]]:
    """Inputs that are numbers, texts or `None` are fixed arguments of the call, under their
    names."""
    kept: list[Input] = []
    fixed = dict(call)
    entry = getattr(made, method, None) if isinstance(made, type) else None
    parameters = list(inspect.signature(entry).parameters)[1:] if entry else []
    for place, one in enumerate(inputs):
        node = parsed(one.expression, f"--input {one.expression!r}").body
        name = one.argument or (parameters[place] if place < len(parameters) else None)
        if name and is_literal(node):
            fixed[name] = eval(one.expression)
        elif place > len(kept) and one.argument is None and name:
            # Behind a fixed one, a place by position would be another argument's.
            kept.append(Input(name, one.expression))
        else:
            kept.append(one)
    return tuple(kept), fixed


def is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.UnaryOp) and is_literal(node.operand)
    )


def maker(
    made: Callable,
    target: str,
    name: str,
    args: str,
    names: dict[str, object],
    loaded: Loaded,
    pretrained: list[str],
) -> Callable[[], nn.Module]:
    """Makes the module anew, without published weights; what fails in it is told at its line."""

    def make() -> nn.Module:
        try:
            positional, keywords = evaluate_arguments(args, names)
        except (Exception, SystemExit) as error:
            raise Usage(*blame(error, loaded, f"--args {args!r}: ")) from error
        try:
            with left_out(pretrained):
                model = made(*positional, **keywords)
        except Refused:
            raise
        except (Exception, SystemExit, RecursionError) as error:
            hint = (
                ""
                if args or not isinstance(error, TypeError)
                else " (--args gives the constructor its arguments)"
            )
            raise Refused(*blame(error, loaded, f"{target}: `{name}({args})`: ", hint)) from error
        if not isinstance(model, nn.Module):
            raise Refused(
                f"{target}: `{name}({args})` gives {type(model).__name__}, not an nn.Module"
            )
        return model

    return make


def blame(error: BaseException, loaded: Loaded, start: str, end: str = "") -> list[str]:
    """The error in a line, behind the import that it is the consequence of."""
    lines = [f"{start}{located(error, loaded.roots)}{end}"]
    if isinstance(error, NameError):
        cause = loaded.failed.get(getattr(error, "name", None) or "") or loaded.failed.get("*")
        lines = [cause, *lines] if cause else lines
    return lines


def load_program(path: Path, options: Options) -> Target:
    """A program of `torch.export.save`: its example inputs are its inputs unless others are
    given."""
    try:
        program = torch.export.load(path)
    except FileNotFoundError as error:
        raise Usage(f"{path}: {error.strerror}") from error
    except Exception as error:
        raise Usage(
            f"{path}: expected a program that torch.export.save wrote: {one_line(error)}"
        ) from error
    names = {**vars(torch), "torch": torch, "nn": nn, "F": nn.functional}
    if options.inputs:
        inputs = tuple(map(parse_input, options.inputs))
    else:
        given, _ = program.example_inputs or ((), {})
        inputs = tuple(Input(None, f"example_inputs[{place}]") for place in range(len(given)))
        names["example_inputs"] = given
    sizes = sizes_of(inputs, names, parse_sizes(options.sizes))
    name = (
        "".join(part.capitalize() for part in path.stem.replace("-", "_").split("_")) or "Program"
    )
    subject = Subject(
        name,
        str(path),
        lambda: torch.export.load(path).module(),
        inputs,
        call_of(options, names),
        sizes,
        names,
        method=options.method,
    )
    return Target(subject, None, None, None, options)
