#!/usr/bin/env python3
"""Trains a network in several processes, with PyTorch's DistributedDataParallel.

    scripts/train_distributed.py digit_classifier --processes 2 --data data/mnist

Each process takes a part of every batch, and the optimizer applies the mean of their gradients. On
a CPU they communicate through gloo, on GPUs (--device cuda, one per process) through NCCL. To train
on several machines, start the script with torchrun on each of them, without --processes:

    torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29500 \\
        scripts/train_distributed.py digit_classifier --data data/mnist

docs/beyond-one-machine.md says when the weights are equal to those of one process.
"""

import logging
import os
import signal
import sys
import time
from argparse import RawDescriptionHelpFormatter

import in_venv  # noqa: F401 (starts this script again under .venv)

import torch
import torch.distributed as dist

from torch2tch.reference import common, train
from torch2tch.reference.ranks import OneOfSeveral

# The seconds before an error is reported that another process's failure may have caused: torchrun
# ends this process within them, so that only the first failure is reported.
PATIENCE = 10


def main():
    started_by_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    if started_by_torchrun and os.environ["RANK"] != "0":
        # All processes read the same arguments; one reports what is wrong with them.
        sys.stderr, stderr = open(os.devnull, "w"), sys.stderr
        args = parse_arguments()
        sys.stderr = stderr
    else:
        args = parse_arguments()
    processes = args.pop("processes")
    if started_by_torchrun:
        work(args)
    else:
        launch(processes or 1)


def parse_arguments():
    parser = common.parser(__doc__)
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument(
        "--processes",
        type=common.positive,
        metavar="N",
        help="the number of processes on this machine (default: 1, or torchrun's)",
    )
    train.add_arguments(parser)
    args = parser.parse_args()
    processes = int(os.environ.get("WORLD_SIZE", args.processes or 1))
    if processes > args.batch_size:
        parser.error(f"a batch of {args.batch_size} has no samples for {processes} processes")
    if args.processes not in (None, processes):
        parser.error(f"--processes {args.processes} under a torchrun that starts {processes}")
    common.task(args.network, "read_data", "loss", "metrics")
    return vars(args)


def launch(processes):
    """Runs this script in several processes, as torchrun does."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # This script reports a failure in one line; torchrun would add fifty.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL + 1)
    if processes > 1:
        # As torchrun does: with more threads than processors they would wait for each other.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=f"train-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)(*sys.argv)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        # A process that ends with 1 has reported why.
        if failure.exitcode != 1:
            common.fail(
                f"rank {rank} (process {failure.pid}) {how(failure.exitcode)}; "
                "training has ended, no weights were written"
            )
        sys.exit(1)
    except SignalException as error:
        sys.exit(128 + error.sigval)


def how(code):
    """Describes the end of a process by its exit code."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was killed by {signal.Signals(-code).name}"


def work(args):
    """Trains in one of the processes."""
    store, rank, processes = next(dist.rendezvous("env://"))
    try:
        device = args["device"] = device_of_this_process(args["device"])
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(
            backend, store=dist.PrefixStore("training", store), rank=rank, world_size=processes
        )
        args["part"] = OneOfSeveral(rank, processes, device)
        if rank == 0:
            train.run(**args)
        else:
            train.run(**args | {"output": None, "show": lambda line: None})
        dist.destroy_process_group()
    except common.Refused as error:
        report(store, rank, processes, error)
    except common.ERRORS as error:
        time.sleep(PATIENCE)
        report(store, rank, processes, error)


def device_of_this_process(name):
    """The device of this process: a GPU of its own, or the CPU."""
    device = torch.device(name)
    if device.type != "cuda":
        return device
    place, found = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if place >= found:
        raise common.Refused(
            f"{os.environ['LOCAL_WORLD_SIZE']} processes, {found} GPUs: each process needs one"
        )
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def report(store, rank, processes, error):
    """Ends this process; prints the reason in one line unless another process has done so."""
    place = f"rank {rank}: " if processes > 1 and not isinstance(error, common.Refused) else ""
    try:
        first = store.add("failed", 1) == 1
    except RuntimeError:
        # The machine that holds the store cannot be reached.
        first = True
    if first:
        common.fail(place + common.one_line(error))
    sys.exit(1)


if __name__ == "__main__":
    main()
