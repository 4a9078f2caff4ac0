#!/usr/bin/env python3
"""Trains a network on a data set, as an ordinary PyTorch script does."""

from dataclasses import dataclass

import common
import torch
from record_trace import OPTIMIZERS
from safetensors.torch import save_file
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Epoch:
    """What an epoch came to."""

    number: int
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    losses: list  # of each batch
    loss: float  # their mean over the samples
    output: torch.Tensor  # for the held-back samples
    metrics: dict


def train(
    network, *, data, epochs, batch_size, optimizer, lr, foreach=None, seed, threads, device="cpu",
    weights=None
):
    """Trains; yields after every epoch."""
    task = common.task(network)
    sets = task.read_data(data)
    held_back, target = sets.get("validation", sets["test"])
    model = common.build(task, seed, device, threads, weights)
    optimizer = OPTIMIZERS[optimizer](model.parameters(), lr, foreach=foreach)
    loader = DataLoader(TensorDataset(*sets["train"]), batch_size=batch_size, shuffle=True)
    for number in range(1, epochs + 1):
        losses, total = run_epoch(task, model, optimizer, loader, device)
        output = outputs(model, held_back)
        metrics = task.metrics(output, target)
        loss = total / len(loader.dataset)
        yield Epoch(number, model, optimizer, losses, loss, output, metrics)


def run_epoch(task, model, optimizer, loader, device="cpu"):
    """Trains on every batch; returns their losses, and the sum of the samples' losses."""
    losses, total = [], 0.0
    for batch_input, batch_target in loader:
        optimizer.zero_grad()
        loss = task.loss(model(batch_input.to(device)), batch_target.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        total += loss.item() * len(batch_input)
    return losses, total


def outputs(model, input):
    """The outputs for many samples, in evaluation mode; their last bits depend on the size of a
    batch."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.no_grad():
        output = torch.cat([model(part.to(device)).cpu() for part in input.split(1024)])
    model.train(was_training)
    return output


def write(path, network, *, foreach=None, **settings):
    """Trains and records what every epoch came to (see src/trace.rs)."""
    trace = {}
    for epoch in train(network, foreach=foreach, **settings):
        prefix = f"epoch{epoch.number}"
        for name, tensor in epoch.model.state_dict().items():
            trace[f"{prefix}.{name}"] = tensor.cpu().clone()
        for name, tensor in optimizer_state(epoch.optimizer):
            trace[f"{prefix}.optimizer.{name}"] = tensor.cpu().clone()
        trace[f"{prefix}.losses"] = torch.tensor(epoch.losses)
        trace[f"{prefix}.loss"] = torch.tensor(epoch.loss, dtype=torch.float64)
        trace[f"{prefix}.output"] = epoch.output
        for name, value in epoch.metrics.items():
            trace[f"metric.{prefix}.{name}"] = torch.tensor(value, dtype=torch.float64)
    save_file(trace, path, common.metadata(network, epoch.model, **settings))


def optimizer_state(optimizer):
    """The tensors that an optimizer keeps, as `<parameter's number>.<name>`."""
    for i, state in optimizer.state_dict()["state"].items():
        for name, tensor in state.items():
            if tensor is not None:
                yield f"{i}.{name}", tensor


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--epochs", type=int, default=10, metavar="N")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adam")
    parser.add_argument("--lr", type=float, default=1e-3, metavar="F")
    parser.add_argument("--output", metavar="FILE.safetensors", help="where the weights go")
    args = vars(parser.parse_args())
    output = args.pop("output")
    for epoch in train(**args):
        metrics = ", ".join(f"{name} {value:.6f}" for name, value in epoch.metrics.items())
        print(f"epoch {epoch.number}/{args['epochs']}: loss {epoch.loss:.6f}; {metrics}")
    if output:
        save_file(epoch.model.state_dict(), output)


if __name__ == "__main__":
    main()
