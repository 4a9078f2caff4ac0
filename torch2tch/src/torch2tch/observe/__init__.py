"""Facts about a model: how it is made, and what it does in training and in evaluation."""

from dataclasses import dataclass

import torch
from torch import nn

from ..subject import Refused, Subject
from .calls import ModuleCall, call_tree, module_stacks
from .custom_autograd import check_gradients, functions_as_forward
from .draws import check_draws_together
from .exporting import Graph, export
from .tape import Tape, record, storage
from .ties import called_paths, first_names, first_paths, is_stateless, names
from .uninitialized import clear, uninitialized

__all__ = ["Observed", "is_stateless", "observe"]

TRAINING, EVALUATION = "training", "evaluation"


@dataclass(frozen=True)
class Observed:
    """A model and what was seen of it. `paths` has the first path of each module, by its id;
    `owners` the first name of each parameter and buffer, by its storage; `uninitialized` those
    that have what memory had."""

    subject: Subject
    model: nn.Module
    tape: Tape
    graphs: dict[str, Graph]
    calls: dict[str, ModuleCall]
    modules: dict[str, nn.Module]
    paths: dict[int, str]
    owners: dict[int, str]
    persistent: frozenset[str]
    first_paths: dict[str, str]
    first_names: dict[int, str]
    remade: frozenset[int]
    uninitialized: frozenset[str]

    def bound(self, path: str) -> dict[str, object]:
        made = self.tape.made.get(id(self.modules[path]))
        return made.bound() if made else {}

    def children(self, path: str) -> list[str]:
        """The modules that are held directly, each under one path only of those within reach."""
        found = []
        for name, child in self.modules[path]._modules.items():
            inner = f"{path}.{name}" if path else name
            if child is not None and inner not in self.first_paths:
                found.append(inner)
        return found


def observe(subject: Subject) -> Observed:
    """Makes the model under a tape and records it in both modes."""
    torch.manual_seed(0)
    model, tape = record(subject.make)
    _check_script(subject, model)
    places = _check_draws(subject, model)
    clear(model, places)
    with functions_as_forward() as called:
        graphs = {TRAINING: export(subject, model, True), EVALUATION: export(subject, model, False)}
    if called:
        check_gradients(subject, model, called)
    paths = {id(module): path for path, module in reversed(list(model.named_modules()))}
    modules = dict(model.named_modules(remove_duplicate=False))
    stacks = {stack for graph in graphs.values() for stack in module_stacks(graph)}
    for inside in called_paths(model, stacks, tape).values():
        paths[id(modules[inside])] = inside
    first = first_paths(model, paths)
    chosen, remade = first_names(model, tape, paths)
    check_draws_together(subject.target, model, tape, paths)
    owners: dict[int, str] = {}
    state = model.state_dict()
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.layout is not torch.strided:
            if name not in state:
                # The graphs refuse it where it is read.
                continue
            raise Refused(
                f"{subject.target}: {name} is a sparse tensor, which is not supported; "
                "keep its indices and values as dense tensors"
            )
        owners.setdefault(storage(tensor), chosen[id(tensor)])
    return Observed(
        subject,
        model,
        tape,
        graphs,
        {mode: call_tree(graph, first, names(model, chosen)) for mode, graph in graphs.items()},
        modules,
        paths,
        owners,
        frozenset(state),
        first,
        chosen,
        remade,
        frozenset(places),
    )


def _check_script(subject: Subject, model: nn.Module) -> None:
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise Refused(
                f"{subject.target}: {path or 'the model'} is a torch.jit.ScriptModule, whose code "
                "is TorchScript and cannot be recorded; derive it from nn.Module"
            )


def _check_draws(subject: Subject, model: nn.Module) -> dict[str, torch.Tensor]:
    """Refuses a constructor that draws from another generator than PyTorch's: made again from the
    same seed, it gives other weights. Gives what it leaves uninitialized."""
    torch.manual_seed(0)
    again, places = uninitialized(subject.make)
    clear(again, places)
    first, second = model.state_dict(), again.state_dict()
    for name, tensor in first.items():
        if name in places:
            tensor = tensor.masked_fill(places[name], 0)
        other = second.get(name)
        if other is None or not torch.equal(_bits(tensor), _bits(other)):
            raise Refused(
                f"{subject.target}: made twice from one seed, {name} differs: it is drawn by numpy "
                "or Python's random; draw it with torch"
            )
    return places


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)
