#!/usr/bin/env python3
"""Runs one case after the other and says how long each took: the Python side of scripts/bench.py.

A case is a line on stdin, its answer a line of JSON on stdout. benches/worker.rs lists the cases;
here, `step` and `epoch` take one word more:

    step NETWORK BATCH OPTIMIZER eager|fused       torch.optim's default, or with fused=True
    epoch NETWORK SAMPLES OPTIMIZER loader|plain   the loop of train.py over a DataLoader, or the
                                                   fastest plain loop: batches by index, fused=True,
                                                   no loss read back

`wide_N` is the digit classifier with N hidden units in place of 128.

With --train FOLDER, trains for one epoch on IDX files instead, to be measured from outside.
"""

import argparse
import contextlib
import functools
import json
import statistics
import sys
from time import perf_counter, process_time

import torch
from torch.utils.data import DataLoader, TensorDataset

from torch2tch.reference import common, data
from torch2tch.reference.train import outputs, run_epoch

LR = 1e-3
BATCH_SIZE = 64

# Calls are timed in groups that take at least so many seconds, that the clock costs nothing.
GROUP = 1e-3

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adadelta": torch.optim.Adadelta,
}


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    if args.train:
        train_on_files(args.train, args.loop)
        return
    answer({"torch": torch.__version__, "python": sys.version.split()[0]})
    clock = process_time if args.processor_time else perf_counter
    for line in sys.stdin:
        try:
            with make_case(*line.split()) as call:
                answer(measure(args.seconds, clock, call))
        except (RuntimeError, TypeError, ValueError, KeyError, ImportError) as error:
            answer({"error": str(error).splitlines()[0]})


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument(
        "--seconds",
        type=float,
        default=1,
        metavar="S",
        help="repeat each case for so long, after a fifth of that to warm up",
    )
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="take the processor's time in place of the clock's",
    )
    parser.add_argument("--train", metavar="FOLDER", help="train on these IDX files")
    parser.add_argument("--loop", choices=["loader", "plain"], default="loader")
    return parser.parse_args()


def answer(facts):
    print(json.dumps(facts), flush=True)


def measure(budget, clock, call):
    """The median time of a call by `clock`, in microseconds."""
    calls = 0
    start = perf_counter()
    while calls == 0 or perf_counter() - start < budget / 5:
        call()
        calls += 1
    group = int(GROUP * calls / (perf_counter() - start)) + 1
    times: list[float] = []
    start = perf_counter()
    while not times or perf_counter() - start < budget:
        group_start = clock()
        for _ in range(group):
            call()
        times.append((clock() - group_start) / group)
    return {"microseconds": statistics.median_high(times) * 1e6, "calls": len(times) * group}


@contextlib.contextmanager
def make_case(what, *words):
    """What a line describes, ready to be called without an argument."""
    if what == "inference":
        with torch.inference_mode():
            yield inference(*words)
    elif what == "step":
        yield step(*words)
    elif what == "epoch":
        yield epoch(*words)
    else:
        raise ValueError(f"{what} is no case")


def build(network):
    if network.startswith("wide_"):
        task, units = common.task("digit_classifier", "loss"), int(network.removeprefix("wide_"))
        layers = [torch.nn.Linear(784, units), torch.nn.ReLU(), torch.nn.Linear(units, 10)]
        return task, torch.nn.Sequential(*layers)
    if network not in common.known_networks():
        raise ValueError(f"{network} is no network")
    task = common.task(network, "draw_input", "draw_target", "loss")
    return task, common.build(task, 0)


def inference(network, batch_size):
    task, model = build(network)
    return functools.partial(model, task.draw_input(int(batch_size)))


def step(network, batch_size, optimizer, form):
    task, model = build(network)
    input, target = task.draw_input(int(batch_size)), task.draw_target(int(batch_size))
    optimizer = OPTIMIZERS[optimizer](model.parameters(), LR, **form_options(form))

    def call():
        optimizer.zero_grad()
        loss = task.loss(model(input), target)
        loss.backward()
        optimizer.step()

    return call


def form_options(form):
    """The options of an optimizer: torch.optim's defaults, or the kernel that does all at once."""
    return {"eager": {}, "fused": {"fused": True}}[form]


def epoch(network, samples, optimizer, loop):
    task, model = build(network)
    input, target = draw_samples(task, int(samples)), task.draw_target(int(samples))
    return make_epoch(task, model, OPTIMIZERS[optimizer], loop, input, target)


def draw_samples(task, samples):
    """Random samples as `data` reads them: pixels are divided beforehand."""
    if task.draw_input(1).shape[1] == 784:
        return torch.randint(256, (samples, 784), dtype=torch.uint8) / 255
    return task.draw_input(samples)


def make_epoch(task, model, optimizer, loop, input, target):
    """One epoch, ready to be called."""
    if loop == "loader":
        loader = DataLoader(TensorDataset(input, target), batch_size=BATCH_SIZE, shuffle=True)
        optimizer = optimizer(model.parameters(), LR)
        return functools.partial(run_epoch, task.loss, model, optimizer, loader)
    if loop != "plain":
        raise ValueError(f"{loop} is no loop")
    optimizer = optimizer(model.parameters(), LR, fused=True)
    return functools.partial(plain_epoch, task, model, optimizer, input, target)


def plain_epoch(task, model, optimizer, input, target):
    for batch in torch.randperm(len(input)).split(BATCH_SIZE):
        optimizer.zero_grad()
        loss = task.loss(model(input[batch]), target[batch])
        loss.backward()
        optimizer.step()


def train_on_files(folder, loop):
    """One epoch on digits and a look at the test set, without scikit-learn, which takes memory."""
    task, model = build("digit_classifier")
    sets = data.mnist(folder)
    make_epoch(task, model, torch.optim.Adam, loop, *sets["train"])()
    input, target = sets["test"]
    accuracy = (outputs(model, input).argmax(dim=1) == target).double().mean().item()
    print(f"accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
