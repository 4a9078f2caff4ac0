"""`--transform`: torchvision's transforms of a picture, as calls of torchvision-parity.

The expression is read and not run, so that torchvision need not be installed.
"""

import ast
import math
from dataclasses import dataclass, field
from typing import Any

import torch

from torch2tch.load.errors import Usage
from torch2tch.subject import Refused

# The arguments of each transform that is understood, in torchvision's order.
ARGUMENTS = {
    "Resize": ("size", "interpolation", "max_size", "antialias"),
    "CenterCrop": ("size",),
    "ToTensor": (),
    "Normalize": ("mean", "std", "inplace"),
}

# The filters of torchvision-parity, and Pillow's numbers for them.
FILTERS = {"LANCZOS": 1, "BILINEAR": 2, "BICUBIC": 3, "BOX": 4, "HAMMING": 5}

# The longest side that Resize gives.
LONGEST = 65_535


@dataclass
class Transform:
    """The statements in Rust that make `pixels` of `image`, the names that they use, and the
    height and width of the result."""

    statements: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    size: tuple[int, int] | None = None
    is_tensor: bool = False


def understood(text: str) -> Transform:
    """The transforms that an expression says: one, a list or a `Compose` of them, behind any
    prefix: `transforms.Compose([transforms.ToTensor()])`.

    Raises `Usage` for text that is no Python, and `Refused` for what has no counterpart.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Usage(f"--transform {text!r}: expected an expression of Python: {error}") from error
    made = Transform()
    for step in steps(node):
        add(made, step)
    if not made.is_tensor:
        raise Refused("--transform: expected a ToTensor(), found none")
    if made.size is None:
        raise Refused(
            "--transform: the size of its result depends on the picture, and the network's input "
            "has one; add CenterCrop(size) before ToTensor()"
        )
    return made


def steps(node: ast.expr) -> list[ast.Call]:
    if isinstance(node, ast.List | ast.Tuple):
        return [step for element in node.elts for step in steps(element)]
    if isinstance(node, ast.Call) and name_of(node.func) == "Compose":
        if len(node.args) != 1 or node.keywords:
            raise refused(node, "expected Compose([…])")
        return steps(node.args[0])
    if isinstance(node, ast.Call) and name_of(node.func) in ARGUMENTS:
        return [node]
    raise refused(node, f"expected one of Compose, {', '.join(ARGUMENTS)}")


def name_of(node: ast.expr) -> str | None:
    """The last name of a dotted one."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def add(made: Transform, step: ast.Call) -> None:
    name = name_of(step.func) or ""
    given = arguments(step, ARGUMENTS[name])
    if made.is_tensor != (name == "Normalize"):
        if name == "Normalize":
            raise refused(step, "expected it behind ToTensor(), as it takes a tensor")
        raise refused(step, "expected it before ToTensor(), as it takes a picture")
    {"Resize": resize, "CenterCrop": crop, "ToTensor": tensor, "Normalize": normalize}[name](
        made, step, given
    )


def arguments(step: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr]:
    given = dict(zip(names, step.args))
    for keyword in step.keywords:
        if keyword.arg not in names or keyword.arg in given:
            raise refused(step, f"expected no argument {keyword.arg or '**'} there")
        given[keyword.arg] = keyword.value
    if len(step.args) > len(names) or any(isinstance(one, ast.Starred) for one in step.args):
        raise refused(step, f"expected at most {len(names)} arguments")
    return given


def resize(made: Transform, step: ast.Call, given: dict[str, ast.expr]) -> None:
    # antialias is of tensors: Pillow scales its filter with the picture in any case.
    if "max_size" in given and value(step, given["max_size"]) is not None:
        raise refused(step, "max_size is not supported")
    size = sizes(step, given)
    argument = str(size[0]) if len(size) == 1 else f"[{size[0]}, {size[1]}]"
    mode = filter_of(step, given.get("interpolation"))
    made.statements.append(
        f"let image = resize(&image, {argument}, InterpolationMode::{mode.capitalize()})?;"
    )
    made.names |= {"resize", "InterpolationMode"}
    made.size = (size[0], size[1]) if len(size) == 2 else None


def crop(made: Transform, step: ast.Call, given: dict[str, ast.expr]) -> None:
    size = sizes(step, given)
    made.size = (size[0], size[-1])
    made.statements.append(f"let image = center_crop(&image, [{size[0]}, {size[-1]}])?;")
    made.names.add("center_crop")


def tensor(made: Transform, step: ast.Call, given: dict[str, ast.expr]) -> None:
    made.is_tensor = True
    made.statements.append("let pixels = to_tensor(&image);")
    made.names.add("to_tensor")


def normalize(made: Transform, step: ast.Call, given: dict[str, ast.expr]) -> None:
    lists = [numbers(step, given, name) for name in ("mean", "std")]
    # Python divides by what the number is in float32.
    if any(torch.tensor(one, dtype=torch.float32).item() == 0 for one in lists[1]):
        raise refused(step, "expected numbers other than 0 as std")
    mean, std = (", ".join(repr(one) for one in numbers) for numbers in lists)
    made.statements.append(f"let pixels = normalize(&pixels, &[{mean}], &[{std}])?;")
    made.names.add("normalize")


def sizes(step: ast.Call, given: dict[str, ast.expr]) -> list[int]:
    """One number, or height and width."""
    found = value(step, given["size"]) if "size" in given else None
    size: list[Any] = list(found) if isinstance(found, list | tuple) else [found]
    if len(size) not in (1, 2) or not all(type(one) is int and 1 <= one <= LONGEST for one in size):
        raise refused(step, f"expected a size from 1 to {LONGEST}, or [height, width]")
    return size


def filter_of(step: ast.Call, node: ast.expr | None) -> str:
    if node is None:
        return "BILINEAR"
    name = name_of(node) or next(
        (name for name, number in FILTERS.items() if value(step, node) == number), ""
    )
    if name not in FILTERS:
        raise refused(step, f"expected one of the filters {', '.join(FILTERS)}")
    return name


def numbers(step: ast.Call, given: dict[str, ast.expr], name: str) -> list[float]:
    found = value(step, given[name]) if name in given else None
    listed: list[Any] = list(found) if isinstance(found, list | tuple) else [found]
    if len(listed) not in (1, 3) or not all(type(one) in (int, float) for one in listed):
        raise refused(step, f"expected three numbers as {name}, or one")
    made = [float(one) for one in listed]
    if not all(math.isfinite(one) for one in made):
        raise refused(step, f"expected finite numbers as {name}")
    return made


def value(step: ast.Call, node: ast.expr) -> Any:
    """The value of numbers, lists and arithmetic: `127 / 255`, `[0.5] * 3`."""
    allowed = (ast.Constant, ast.List, ast.Tuple, ast.Load, ast.UnaryOp, ast.USub, ast.BinOp)
    operators = (ast.Add, ast.Sub, ast.Mult, ast.Div)
    if not all(isinstance(part, allowed + operators) for part in ast.walk(node)):
        raise refused(step, f"expected numbers, found `{shown(node)}`")
    try:
        return eval(compile(ast.Expression(node), "--transform", "eval"), {"__builtins__": {}})
    except (ArithmeticError, TypeError, MemoryError) as error:
        raise refused(step, f"`{shown(node)}`: {error}") from error


def refused(node: ast.expr, why: str) -> Refused:
    return Refused(f"--transform: `{shown(node)}`: {why}")


def shown(node: ast.expr) -> str:
    return " ".join(ast.unparse(node).split())[:90]
