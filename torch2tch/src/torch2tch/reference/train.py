"""Trains a network on a data set, as an ordinary PyTorch script does."""

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save, save_file
from torch.utils.data import DataLoader, TensorDataset

from torch2tch.reference import common, schedulers
from torch2tch.reference.record_trace import OPTIMIZERS


@dataclass
class Epoch:
    """What an epoch came to."""

    number: int
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    losses: list  # of each batch
    loss: float  # their mean over the samples
    output: torch.Tensor | tuple  # for the held-back samples
    metrics: dict


class Alone:
    """One process has all of every batch (ranks.py has the part of one among several)."""

    def loader(self, samples, batch_size):
        return DataLoader(samples, batch_size=batch_size, shuffle=True)

    def model(self, model):
        """The model as it is trained."""
        return model

    def loss(self, loss):
        """The loss that is brought down."""
        return loss

    def together(self, losses, total):
        """What the losses of an epoch come to in all processes."""
        return losses, total


ALONE = Alone()


def train(
    network,
    *,
    data,
    epochs,
    batch_size,
    optimizer,
    lr,
    weight_decay=None,
    momentum=None,
    scheduler=None,
    clip_grad_norm=None,
    foreach=None,
    seed,
    threads,
    device="cpu",
    weights=None,
    part=ALONE,
):
    """Trains; yields after every epoch."""
    task = common.task(network, "read_data", "loss", "metrics")
    with common.naming(data):
        sets = task.read_data(data)
    held_back, target = sets.get("validation", sets["test"])
    model = common.build(task, seed, device, threads, weights)
    given = {"weight_decay": weight_decay, "momentum": momentum, "foreach": foreach}
    given = {name: value for name, value in given.items() if value is not None}
    optimizer = OPTIMIZERS[optimizer](model.parameters(), lr, **given)
    in_training, loss_function = part.model(model), part.loss(task.loss)
    loader = part.loader(TensorDataset(*sets["train"]), batch_size)
    scheduler = schedulers.build(scheduler, optimizer, epochs, len(loader))
    for number in range(1, epochs + 1):
        losses, total = run_epoch(
            loss_function, in_training, optimizer, loader, device, scheduler, clip_grad_norm
        )
        losses, total = part.together(losses, total)
        schedulers.after_epoch(scheduler, total / len(loader.dataset))
        output = outputs(model, held_back)
        metrics = task.metrics(output, target)
        loss = total / len(loader.dataset)
        yield Epoch(number, model, optimizer, losses, loss, output, metrics)


def run_epoch(
    loss_function, model, optimizer, loader, device="cpu", scheduler=None, clip_grad_norm=None
):
    """Trains on every batch; returns their losses, and the sum of the samples' losses."""
    losses, total = [], 0.0
    for batch_input, batch_target in loader:
        optimizer.zero_grad()
        loss = loss_function(model(batch_input.to(device)), batch_target.to(device))
        loss.backward()
        if clip_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip_grad_norm)
        optimizer.step()
        schedulers.after_batch(scheduler)
        losses.append(loss.item())
        total += loss.item() * len(batch_input)
    return losses, total


def outputs(model: torch.nn.Module, input: torch.Tensor) -> common.Tensors:
    """The outputs for many samples, in evaluation mode; their last bits depend on the size of a
    batch."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.no_grad():
        batches = [
            common.map_tensors(torch.Tensor.cpu, common.call(model, part.to(device)))
            for part in input.split(1024)
        ]
    model.train(was_training)
    return common.map_tensors(lambda *parts: torch.cat(parts), *batches)


def write(path, network, *, foreach=None, **settings):
    """Trains and records what every epoch came to (see src/trace.rs)."""
    trace: dict[str, torch.Tensor] = {}
    for epoch in train(network, foreach=foreach, **settings):
        prefix = f"epoch{epoch.number}"
        for name, tensor in epoch.model.state_dict().items():
            trace |= common.copies(f"{prefix}.{name}", tensor)
        for name, tensor in optimizer_state(epoch.optimizer):
            trace |= common.copies(f"{prefix}.optimizer.{name}", tensor)
        trace[f"{prefix}.losses"] = torch.tensor(epoch.losses)
        trace[f"{prefix}.loss"] = torch.tensor(epoch.loss, dtype=torch.float64)
        trace |= common.copies(f"{prefix}.output", epoch.output)
        for name, value in epoch.metrics.items():
            trace[f"metric.{prefix}.{name}"] = torch.tensor(value, dtype=torch.float64)
    save_file(trace, path, common.metadata(network, epoch.model, **settings))


def optimizer_state(optimizer):
    """The tensors that an optimizer keeps, as `<parameter's number>.<name>`."""
    for i, state in optimizer.state_dict()["state"].items():
        for name, tensor in state.items():
            if tensor is not None:
                yield f"{i}.{name}", tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is trained on, and how."""
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--epochs", type=common.positive, default=10, metavar="N")
    parser.add_argument("--batch-size", type=common.positive, default=64, metavar="N")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adam")
    parser.add_argument("--lr", type=float, default=1e-3, metavar="F")
    add_options(parser)
    parser.add_argument(
        "--output", type=output_file, metavar="FILE.safetensors", help="where the weights go"
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """What an optimizer takes beside its learning rate, and what goes on around it."""
    add_optimizer_arguments(parser)
    add_schedule(parser)


def add_schedule(parser: argparse.ArgumentParser) -> None:
    """What goes on around an optimizer."""
    parser.add_argument(
        "--scheduler",
        metavar="NAME[:ARGUMENTS]",
        help=f"one of {', '.join(schedulers.CLASSES)}, such as step:step_size=10,gamma=0.5",
    )
    parser.add_argument("--clip-grad-norm", type=float, metavar="F")


def add_optimizer_arguments(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
) -> None:
    """What an optimizer takes beside its learning rate."""
    parser.add_argument("--weight-decay", type=float, metavar="F")
    parser.add_argument("--momentum", type=float, metavar="F", help="of SGD and RMSprop")


def output_file(text: str) -> Path:
    """Where weights can be written, for argparse."""
    path = Path(text)
    if path.suffix != ".safetensors":
        raise argparse.ArgumentTypeError(
            f"expected the name of a .safetensors file, found {text!r}"
        )
    return path


def run(output=None, show=print, **settings):
    """Trains as the arguments say, shows a line after every epoch, and writes the weights."""
    if output and not os.access(output.parent, os.W_OK):
        raise common.Refused(f"{output}: there is no folder {output.parent} that can be written to")
    for epoch in train(**settings):
        metrics = ", ".join(f"{name} {value:.6f}" for name, value in epoch.metrics.items())
        show(f"epoch {epoch.number}/{settings['epochs']}: loss {epoch.loss:.6f}; {metrics}")
    if output:
        save_weights(epoch.model.state_dict(), output)


def save_weights(state: dict[str, torch.Tensor], path: Path) -> None:
    """Writes a file whole or not at all."""
    with common.naming(path):
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                tensors = {name: tensor.cpu() for name, tensor in state.items()}
                file.write(save(tensors, {"format": "pt"}))
                file.close()
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise


def main() -> None:
    parser = common.parser(__doc__)
    add_arguments(parser)
    try:
        run(**vars(parser.parse_args()))
    except common.ERRORS as error:
        common.fail(common.one_line(error))


if __name__ == "__main__":
    main()
