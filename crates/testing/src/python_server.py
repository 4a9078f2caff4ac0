"""Runs scripts in forks of one Python that has imported torch: an import costs seconds, a fork
nothing.

A request is a line of JSON on stdin: `id`, `script`, `args`, and `stdout` and `stderr`, the files
that receive what the script prints. The answer is a line on stdout: the id and the exit code.

This process runs no operation of torch, so that no thread of OpenMP exists when it forks.
"""

import json
import os
import runpy
import signal
import sys
import traceback
from typing import NoReturn

# Imported once for all scripts: torch._dynamo is what optimizers import when they are made.
import numpy  # noqa: F401
import safetensors.torch  # noqa: F401
import torch._dynamo  # noqa: F401


def main() -> None:
    # Nobody waits for the supervisors.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if os.fork() == 0:
            supervise(json.loads(line))


def supervise(request: dict) -> NoReturn:
    """Runs a request in a process of its own and answers when that has ended, however it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = os.fork()
    if worker == 0:
        os._exit(run(request))
    _, status = os.waitpid(worker, 0)
    answer = f"{request['id']} {os.waitstatus_to_exitcode(status)}\n"
    os.write(sys.stdout.fileno(), answer.encode())
    os._exit(0)


def run(request: dict) -> int:
    """Runs the script as `python script args` would; returns its exit code."""
    streams = [(0, os.devnull, os.O_RDONLY)]
    streams += [(1, request["stdout"], os.O_WRONLY), (2, request["stderr"], os.O_WRONLY)]
    for descriptor, path, mode in streams:
        os.dup2(os.open(path, mode), descriptor)
    sys.argv = [request["script"], *request["args"]]
    code = 0
    try:
        runpy.run_path(request["script"], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if code and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


main()
