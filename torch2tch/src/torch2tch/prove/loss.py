"""The loss of a proof in Rust."""

import ast
from collections.abc import Mapping
from types import ModuleType

import torch

from ..load import Target
from ..load.errors import one_line
from ..load.script import read
from ..observe.results import fields_of
from ..port.refusals import Poisoned, Wrong
from ..port.refusals import Refused as NotUnderstood
from ..port.source import Source
from ..proof.loss import translate_loss
from ..subject import Refused
from .program import has_tensors, inner_of
from .python_side import Recording


class Given:
    """What the translation reads: the loss, and the file that it stands in."""

    def __init__(self, source: Source, text: str) -> None:
        self.source, self.loss_text = source, text


class Batch:
    def __init__(self, output: object, target: object) -> None:
        self.output, self.target = plain(output), plain(target)


def translated_loss(
    target: Target, candidate: object, recording: Recording
) -> tuple[str, str] | None:
    """Rust over `output` and `target`, and the functions that it calls; `None` where the loss is
    the mean of squares."""
    text = target.options.loss
    if (
        text is None
        and target.module is not None
        and callable(getattr(target.module, "loss", None))
    ):
        text = "loss(output, target)"
    if text is None:
        return None
    batch = Batch(recording.trained, recording.cases[0].target)
    in_rust = ast.unparse(_Places(recording.trained).visit(ast.parse(text, mode="eval")))
    try:
        found = translate_loss(Given(source_of(target), in_rust), batch)
    except NotUnderstood as error:
        raise Refused(*(f"--loss {text!r}: {line}" for line in error.lines)) from error
    except (Wrong, Poisoned) as error:
        raise Refused(f"--loss {text!r}: {error or 'has no Rust'}") from error
    except (TypeError, LookupError, AttributeError) as error:
        raise Refused(f"--loss {text!r}: has no Rust: {one_line(error)}") from error
    return found


class _Places(ast.NodeTransformer):
    """`output[2]`, `output["loss"]` and `output.loss` by the places in the port, which leaves out
    results without tensors, such as a `None`."""

    def __init__(self, output: object) -> None:
        self.parts = inner_of(output)
        fields = fields_of(output) or (output if isinstance(output, Mapping) else {})
        self.places: dict[object, int] = {name: place for place, name in enumerate(fields)}
        if not fields:
            self.places = {place: place for place in range(len(self.parts))}

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        name = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return self.placed(node, node.value, name)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return self.placed(node, node.value, node.attr)

    def placed(self, node: ast.expr, of: ast.expr, name: object) -> ast.expr:
        if not (isinstance(of, ast.Name) and of.id == "output" and name in self.places):
            return node
        place = sum(map(has_tensors, self.parts[: self.places[name]]))
        return ast.Subscript(of, ast.Constant(place), ast.Load())


def plain(value: object) -> object:
    """Mappings and what holds no tensors as tuples."""
    if isinstance(value, torch.Tensor):
        return value
    parts = [plain(part) for part in inner_of(value) if has_tensors(part)]
    return parts if isinstance(value, list) else tuple(parts)


def source_of(target: Target) -> Source:
    """The user's file with torch's names below its own, so that `F` is known in a loss."""
    source = Source.__new__(Source)
    path, module = target.path, target.module
    source.path = str(path or "--loss")
    if path is not None and path.suffix == ".py":
        source.text, source.tree = read(path)
    else:
        source.text, source.tree = "", ast.parse("")
    source.lines = source.text.splitlines()
    source.failed = {}
    source.classes = {n.name: n for n in source.tree.body if isinstance(n, ast.ClassDef)}
    source.functions = {n.name: n for n in source.tree.body if isinstance(n, ast.FunctionDef)}
    known = ModuleType(module.__name__ if module else "loss")
    vars(known).update({"torch": torch, "nn": torch.nn, "F": torch.nn.functional})
    vars(known).update(vars(module) if module else {})
    source.module = known
    return source
