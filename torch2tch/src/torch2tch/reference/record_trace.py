"""Records every tensor of a few training steps on random data."""

import functools
from collections.abc import Callable

import torch
from safetensors.torch import save_file

from torch2tch.reference import common

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": functools.partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "adamax": torch.optim.Adamax,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
}


def record(task, model, optimizer, batch_size, steps):
    """Trains on one random batch; returns the tensors by name (see src/trace.rs)."""
    device = next(model.parameters()).device
    trace = {}

    def record_all(prefix, named_tensors):
        for name, tensor in named_tensors:
            trace.update(common.copies(f"{prefix}.{name}", tensor))

    input = common.map_tensors(lambda part: part.to(device), task.draw_input(batch_size))
    target = common.map_tensors(lambda part: part.to(device), task.draw_target(batch_size))
    trace |= common.copies("input", input) | common.copies("target", target)
    losses = []
    record_all("init", model.state_dict().items())
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        output = common.call(model, input)
        loss = task.loss(output, target)
        loss.backward()
        losses.append(loss.detach())
        if step == 1:
            trace |= common.copies("output", output)
            trace |= task.readings(common.map_tensors(torch.Tensor.detach, output))
            # Tied weights under each of their names, as in the state dict.
            parameters = model.named_parameters(remove_duplicate=False)
            record_all("grad", ((name, p.grad) for name, p in parameters if p.grad is not None))
        optimizer.step()
        if step in (1, steps):
            record_all(f"step{step}", model.state_dict().items())
    trace["losses"] = torch.stack(losses)
    return {name: tensor.cpu().contiguous() for name, tensor in trace.items()}


def write(
    path,
    network,
    *,
    seed,
    steps,
    batch_size,
    optimizer,
    lr,
    weight_decay=None,
    momentum=None,
    foreach=None,
    device="cpu",
    threads,
    weights=None,
):
    """Builds the network, records its trace and writes it. `network` is the name of one here, or a
    task that makes its network. On a GPU the optimizer takes all parameters at once (`foreach`)
    unless told otherwise; on a CPU one after another."""
    functions = ["draw_input", "draw_target", "loss", "readings"]
    task = network if callable(network) else common.task(network, *functions)
    model = common.build(task, seed, device, threads, weights)
    arguments = {"weight_decay": weight_decay, "momentum": momentum}
    given = {name: value for name, value in arguments.items() if value is not None}
    algorithm = OPTIMIZERS[optimizer](model.parameters(), lr, foreach=foreach, **given)
    trace = record(task, model, algorithm, batch_size, steps)
    settings = {"seed": seed, "steps": steps, "batch_size": batch_size, "optimizer": optimizer}
    name = network if isinstance(network, str) else network.name_in_trace
    save_file(trace, path, common.metadata(name, model, lr=lr, **settings, **given))


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--output", required=True, metavar="FILE.safetensors")
    parser.add_argument("--steps", type=common.positive, default=100, metavar="N")
    parser.add_argument("--batch-size", type=common.positive, default=64, metavar="N")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="sgd")
    parser.add_argument("--lr", type=float, default=1e-3, metavar="F")
    args = vars(parser.parse_args())
    try:
        write(args.pop("output"), args.pop("network"), **args)
    except common.ERRORS as error:
        common.fail(common.one_line(error))


if __name__ == "__main__":
    main()
