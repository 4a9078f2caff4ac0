"""The loss of a proof in Rust."""

import ast
from types import ModuleType

import torch

from ..load import Target
from ..load.script import read
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
    return found


class _Places(ast.NodeTransformer):
    """`output[2]` where the port leaves out results without tensors, such as a `None`."""

    def __init__(self, output: object) -> None:
        self.parts = inner_of(output)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        place = node.slice.value if isinstance(node.slice, ast.Constant) else None
        of_output = isinstance(node.value, ast.Name) and node.value.id == "output"
        if of_output and type(place) is int and 0 <= place < len(self.parts):
            node.slice = ast.Constant(sum(map(has_tensors, self.parts[:place])))
        return node


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
