"""A class of any Python file, with all that a recording needs besides: as
torch2tch/src/torch2tch/reference/ has for the networks there."""

import inspect
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from torch2tch.port.facts import evaluate_arguments
from torch2tch.reference import common
from torch2tch.reference.common import Refused, one_line


class Subject:
    """`inputs` and `targets` are torch expressions, one an argument of `forward`, in which
    `batch_size` is a number; where there are none, `draw_input(batch_size)` and
    `draw_target(batch_size)` of the file draw. `loss` is an expression over `output` and `target`;
    without it, `loss(output, target)` of the file is taken, or else `output.pow(2).mean()`, summed
    over several outputs."""

    def __init__(self, source, name, *, args="", inputs=(), targets=(), loss=None):
        self.source, self.name, self.path = source, name, source.path
        module = source.module or source.load()
        source.check(name)
        cls = getattr(module, name, None)
        if not (isinstance(cls, type) and issubclass(cls, torch.nn.Module)):
            raise Refused(f"{self.path}: there is no nn.Module {name}")
        self.cls = cls
        self.arguments = evaluate_arguments(source, args)
        self.inputs, self.targets = list(inputs), list(targets)
        self.names = {
            **vars(torch),
            "torch": torch,
            "F": torch.nn.functional,
            "nn": torch.nn,
            **vars(module),
        }
        if not inputs and "draw_input" not in vars(module):
            parameters = ", ".join(list(inspect.signature(self.cls.forward).parameters)[1:])
            raise Refused(
                f"{self.path}: --input is needed, once for each argument of forward"
                f"({parameters}), as there is no draw_input(batch_size)"
            )
        self.loss_text = loss or ("loss(output, target)" if "loss" in vars(module) else None)
        # Whether Rust is handed the batch, and does not draw it.
        self.is_given = True
        self.generator = None

    def __str__(self) -> str:
        return self.name

    @property
    def name_in_trace(self) -> str | None:
        """An executable has a name of its own, which need not be the class's."""
        return self.name if self.is_given else None

    def __call__(self) -> torch.nn.Module:
        """The class's instance."""
        positional, keywords = self.arguments
        try:
            model = self.cls(*positional, **keywords)
        except Exception as error:
            for cause in self.source.causes(error):
                raise Refused(cause) from error
            raise Refused(
                f"{self.path}: {self.name} cannot be made (--args gives the constructor "
                f"its arguments): {named(error)}"
            ) from error
        if not any(True for _ in model.parameters()):
            raise Refused(f"{self.path}: {self.name} has no parameters, and nothing to train")
        return model

    def draw_input(self, batch_size: int) -> common.Tensors:
        self.generator = torch.get_rng_state()
        return self.draw(self.inputs, "draw_input", batch_size, "--input")

    def draw_target(self, batch_size: int) -> common.Tensors:
        drawn = self.draw(self.targets, "draw_target", batch_size, "--target")
        return () if drawn is None else drawn

    def draw(self, texts, function, batch_size, option):
        """One tensor, or several in a tuple."""
        if texts:
            values = tuple(self.value(text, option, batch_size=batch_size) for text in texts)
            drawn = values[0] if len(values) == 1 else values
        elif function in vars(self.source.module):
            try:
                drawn = vars(self.source.module)[function](batch_size)
            except Exception as error:
                raise Refused(f"{self.path}: {function}({batch_size}): {named(error)}") from error
        else:
            return None
        drawn = plain(drawn, f"{self.path}: {option if texts else function}")
        return common.map_tensors(torch.Tensor.contiguous, drawn)

    def value(self, text, option, **names):
        try:
            return eval(text, {**self.names, **names})
        except Exception as error:
            raise Refused(f"{option} {text!r}: {named(error)}") from error

    def loss(self, output, target):
        if self.loss_text is None:
            parts = [part for _, part in common.named("output", output) if part.is_floating_point()]
            squares = [part.pow(2).mean() for part in parts]
            return sum(squares[1:], squares[0])
        target = target if target != () else None
        return self.value(self.loss_text, "--loss", output=output, target=target)

    def readings(self, output):
        """Where Rust is handed the batch: where building the network left the generator, which
        tells how many numbers were drawn. Where it draws, `readings(output)` of the file."""
        if self.is_given:
            return {"generator": self.generator}
        return vars(self.source.module).get("readings", lambda output: {})(output)


def plain(value: object, where: str) -> common.Tensors:
    """One tensor, or several in tuples and lists; anything else is refused."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (tuple, list)) and value:
        parts = [plain(part, where) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    raise Refused(
        f"{where}: expected a tensor, or several in a tuple, found {type(value).__name__}"
    )


def named(error: BaseException) -> str:
    text = one_line(error)
    return text if text == type(error).__name__ else f"{type(error).__name__}: {text}"


@dataclass
class Batch:
    """What Python drew and answered, so that Rust knows what there is of each."""

    input: object
    target: object
    output: object


def write_given(
    path: Path, subject: Subject, seed: int, device: str, threads: int, batch_size: int
) -> Batch:
    """Writes the batch that Python draws, and where that leaves the generator, for Rust to take.
    Runs `forward` and the loss once, so that what fails there is told before anything is
    compiled."""
    model = common.build(subject, seed, device, threads)
    input, target = subject.draw_input(batch_size), subject.draw_target(batch_size)
    given = common.copies("input", input) | common.copies("target", target)
    given["generator"] = torch.get_rng_state()
    save_file(given, path)
    where = f"{subject.path}: {subject.name}: forward"
    try:
        output = common.call(model, common.map_tensors(lambda part: part.to(device), input))
    except Exception as error:
        raise Refused(f"{where}: {named(error)}") from error
    output = plain(output, f"{where} gives")
    target_there = common.map_tensors(lambda part: part.to(device), target)
    loss = subject.loss(output, target_there)
    if not (isinstance(loss, torch.Tensor) and loss.dim() == 0 and loss.requires_grad):
        raise Refused(
            f"{subject.path}: expected a scalar that hangs on the parameters as the loss, "
            f"found {described(loss)}"
        )
    return Batch(input, target, output)


def described(value: object) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    kind = "" if value.requires_grad else " without a gradient"
    return f"a tensor of shape {tuple(value.shape)}{kind}"
