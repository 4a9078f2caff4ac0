"""Python's side of a proof: the class as Python has it, in evaluation and in training, at every
size."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ..load import Target
from ..load.errors import located, one_line
from ..observe.numpy_recorded import arrays_as_tensors
from ..observe.results import fields_of
from ..observe.uninitialized import clear, uninitialized
from ..subject import BATCH_SIZE, Refused

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


@dataclass(frozen=True)
class Settings:
    seed: int = 0
    steps: int = 20
    lr: float = 1e-3
    optimizers: tuple[str, ...] = ("sgd", "adam")


@dataclass
class Case:
    """Sizes, and what was drawn at them: inputs as the call takes them, those of tensors in the
    order of the arguments, the target (of several a tuple, of none an empty one), and where that
    left the generator."""

    name: str
    sizes: Mapping[str, int]
    positional: list[object]
    named: dict[str, object]
    values: list[object]
    target: object
    generator: torch.Tensor


@dataclass
class Recording:
    """`trace` has its rows in the order in which the tensors came into being; `given` is what Rust
    is handed; `evaluated` and `trained` are outputs; `tied` has the first name of each tensor that
    has several."""

    cases: list[Case]
    trained_cases: list[Case]
    trace: dict[str, torch.Tensor]
    given: dict[str, torch.Tensor]
    evaluated: object = None
    trained: object = None
    optimizers: list[str] = field(default_factory=list)
    tied: dict[str, str] = field(default_factory=dict)


class Python:
    def __init__(self, target: Target, settings: Settings) -> None:
        self.target, self.subject, self.settings = target, target.subject, settings
        self.trace: dict[str, torch.Tensor] = {}
        # Where the model has what memory had: zeros, as in the port.
        self.uninitialized: dict[str, torch.Tensor] = {}

    def record(self) -> Recording:
        # The first square root of a process, taken by two threads at once, is now and then a rough
        # approximation.
        torch.ones(1).sqrt()
        torch.set_num_threads(1)
        torch.manual_seed(self.settings.seed)
        _, self.uninitialized = uninitialized(self.subject.make)
        model = self.build()
        self.add("generator", torch.get_rng_state())
        cases = [self.draw(model, sizes) for sizes in self.sizes()]
        self.state(model, "init")
        found = Recording(cases, cases[:2], self.trace, given_of(cases), tied=tied_names(model))
        for case in cases:
            found.evaluated = self.evaluate(model, case)
        self.state(model, "evaluated")
        for case in found.trained_cases:
            found.trained = self.train(model, case)
        self.state(model, "trained")
        for name in self.settings.optimizers:
            if not self.steps(cases[0], name):
                break
            found.optimizers.append(name)
        return found

    def check(self, training: bool = False) -> None:
        """Makes the class and calls it once."""
        model = self.build()
        case = self.draw(model, self.sizes()[0])
        if training:
            self.train(model, case)
        else:
            self.evaluate(model, case)
            # A module of the class's own, such as a default activation, is there for the next.
            model.train()

    def sizes(self) -> list[dict[str, int]]:
        """The observed sizes; then a batch of two, which is evaluated only: layers such as
        BatchNorm need not train on it."""
        if not self.subject.sizes:
            return [{}]
        found = [self.subject.observed(turn) for turn in (0, 1)]
        if BATCH_SIZE in found[0] and 2 not in (one[BATCH_SIZE] for one in found):
            found.append(found[1] | {BATCH_SIZE: 2})
        return found

    def build(self) -> nn.Module:
        torch.manual_seed(self.settings.seed)
        model = self.subject.make()
        clear(model, self.uninitialized)
        return model

    def draw(self, model: nn.Module, sizes: dict[str, int]) -> Case:
        positional, named = self.subject.draw(sizes)
        drawn = [self.value(text, "--target", **sizes) for text in self.targets()]
        target = drawn[0] if len(drawn) == 1 else tuple(drawn)
        name = "_".join(f"{key}{value}" for key, value in sizes.items()) or "inputs"
        values = in_order(self.entry(model), positional, named)
        return Case(name, sizes, positional, named, values, target, torch.get_rng_state())

    def entry(self, model: nn.Module) -> Callable:
        return model if self.subject.method == "forward" else getattr(model, self.subject.method)

    def targets(self) -> list[str]:
        given = list(self.target.options.targets)
        if (
            not given
            and self.target.module is not None
            and hasattr(self.target.module, "draw_target")
            and not self.target.options.inputs
        ):
            given = ["draw_target(batch_size)"]
        return given

    def value(self, text: str, option: str, **names: object) -> object:
        try:
            return eval(text, {**self.subject.names, **names})
        except (Exception, SystemExit) as error:
            raise Refused(f"{option} {text!r}: {one_line(error)}") from error

    def call(self, model: nn.Module, case: Case) -> object:
        positional = [map_tensors(torch.clone, value) for value in case.positional]
        named = {name: map_tensors(torch.clone, value) for name, value in case.named.items()}
        try:
            return arrays_as_tensors(self.entry(model)(*positional, **named))
        except (Exception, SystemExit) as error:
            raise Refused(
                f"{self.subject.target}: {self.subject.method} at {case.name}: "
                f"{located(error, self.target.roots)}"
            ) from error

    def evaluate(self, model: nn.Module, case: Case) -> object:
        model.eval()
        torch.set_rng_state(case.generator)
        with torch.no_grad():
            output = self.call(model, case)
        self.add_all(f"evaluation.{case.name}", output)
        return output

    def train(self, model: nn.Module, case: Case) -> object:
        model.train()
        for parameter in model.parameters():
            parameter.grad = None
        torch.set_rng_state(case.generator)
        output = self.call(model, case)
        prefix = f"training.{case.name}"
        self.add_all(prefix, output)
        loss = self.loss(output, case)
        self.add(f"{prefix}.loss", loss)
        if loss.requires_grad:
            before = {name: buffer.clone() for name, buffer in model.named_buffers()}
            self.backward(loss)
            self.check_buffers(model, before)
            for name, parameter in model.named_parameters(remove_duplicate=False):
                if parameter.grad is not None:
                    self.add(f"{prefix}.grad.{name}", parameter.grad)
        return output

    def backward(self, loss: torch.Tensor) -> None:
        try:
            loss.backward()
        except Exception as error:
            raise Refused(f"{self.subject.target}: backward: {one_line(error)}") from error

    def check_buffers(self, model: nn.Module, before: Mapping[str, torch.Tensor]) -> None:
        for name, buffer in model.named_buffers():
            if buffer.layout is torch.strided and not torch.equal(buffer, before[name]):
                raise Refused(
                    f"{self.subject.target}: backward changes {name}, as torch.utils.checkpoint "
                    "runs its layer again, which is not supported; leave BatchNorm out of what is "
                    "checkpointed"
                )

    def steps(self, case: Case, name: str) -> bool:
        """Trains from new weights; a class that has nothing to train is told apart."""
        model = self.build()
        model.train()
        parameters = list(model.parameters())
        if not any(p.requires_grad for p in parameters):
            return False
        optimizer = OPTIMIZERS[name](parameters, lr=self.settings.lr)
        torch.set_rng_state(case.generator)
        losses = []
        for _ in range(self.settings.steps):
            optimizer.zero_grad()
            loss = self.loss(self.call(model, case), case)
            losses.append(loss.detach().clone())
            if not loss.requires_grad:
                return False
            self.backward(loss)
            optimizer.step()
        self.add(f"{name}.losses", torch.stack(losses))
        self.state(model, f"{name}.step{self.settings.steps}")
        return True

    def loss(self, output: object, case: Case) -> torch.Tensor:
        text = self.loss_text()
        if text is None:
            parts = [part for _, part in named("output", output) if part.is_floating_point()]
            if not parts:
                raise Refused(
                    f"{self.subject.target}: {self.subject.method} gives no tensor of floating "
                    "point; --loss says what is trained"
                )
            squares = [part.pow(2).mean() for part in parts]
            return sum(squares[1:], squares[0])
        target = None if case.target == () else case.target
        loss = self.value(text, "--loss", output=output, target=target, **case.sizes)
        if not (isinstance(loss, torch.Tensor) and loss.dim() == 0):
            raise Refused(f"--loss {text!r}: expected a scalar, found {described(loss)}")
        return loss

    def loss_text(self) -> str | None:
        if self.target.options.loss:
            return self.target.options.loss
        return (
            "loss(output, target)"
            if self.target.module is not None
            and callable(getattr(self.target.module, "loss", None))
            else None
        )

    def state(self, model: nn.Module, prefix: str) -> None:
        for name, tensor in model.state_dict().items():
            if isinstance(tensor, torch.Tensor):
                self.add(f"{prefix}.{name}", tensor)

    def add_all(self, prefix: str, output: object) -> None:
        found = False
        for name, part in named("output", output):
            self.add(f"{prefix}.{name}", part)
            found = True
        if not found:
            raise Refused(
                f"{self.subject.target}: {self.subject.method} gives no tensor, but "
                f"{type(output).__name__}"
            )

    def add(self, name: str, tensor: torch.Tensor) -> None:
        self.trace[name] = tensor.detach().cpu().clone().contiguous()


def given_of(cases: Sequence[Case]) -> dict[str, torch.Tensor]:
    given = {}
    for case in cases:
        for name, part in named(f"{case.name}.input", case.values):
            given[name] = part.detach().clone().contiguous()
        for name, part in named(f"{case.name}.target", case.target):
            given[name] = part.detach().clone().contiguous()
        given[f"{case.name}.generator"] = case.generator
    return given


def named(name: str, value: object) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a value under their names: those of a tuple, list or dict by their place."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif fields_of(value) is not None:
        yield from named(name, fields_of(value))
    elif isinstance(value, Mapping):
        for place, part in enumerate(value.values()):
            yield from named(f"{name}.{place}", part)
    elif isinstance(value, (tuple, list)):
        for place, part in enumerate(value):
            yield from named(f"{name}.{place}", part)


def tied_names(model: nn.Module) -> dict[str, str]:
    """The first name of each parameter and buffer under each of its further names."""
    first: dict[int, str] = {}
    found = {}
    tensors = [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]
    for name, tensor in tensors:
        if first.setdefault(id(tensor), name) != name:
            found[name] = first[id(tensor)]
    return found


def map_tensors(function: Callable[[torch.Tensor], torch.Tensor], value: object) -> object:
    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        parts = [map_tensors(function, part) for part in value]
        made: Callable[..., object] = type(value)
        return made(*parts)
    if isinstance(value, (tuple, list)):
        return type(value)([map_tensors(function, part) for part in value])
    if isinstance(value, dict):
        return {key: map_tensors(function, part) for key, part in value.items()}
    return value


def described(value: object) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return f"a tensor of shape {tuple(value.shape)}"


def in_order(entry: Callable, positional: list[object], by_name: dict[str, object]) -> list[object]:
    """The values that have tensors, in the order of the arguments."""
    forward = entry.forward if isinstance(entry, nn.Module) else entry
    try:
        bound = inspect.signature(forward).bind(*positional, **by_name)
        values = [*bound.args, *bound.kwargs.values()]
    except (TypeError, ValueError):
        values = [*positional, *by_name.values()]
    return [value for value in values if any(True for _ in named("", value))]
