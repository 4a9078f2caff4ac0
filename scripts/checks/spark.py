#!/usr/bin/env python3
"""Checks scripts/predict_on_spark.py with two workers on this machine.

Their answers have to be one process's, line by line; and so again where a worker is killed while it
predicts. Needs spark-submit on the PATH (docs/beyond-one-machine.md) and the built examples; the
exit code is 0 if all is equal, 1 on any difference, and 77 if there is no Spark.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import in_venv

from PIL import Image

from torch2tch.reference import data

NETWORK = "digit_classifier"
DIGITS = in_venv.ROOT / "data" / "sample" / "digits"
WORKERS = 2

# Seconds: more than a Spark without an error takes to do nothing.
PATIENCE = 300

# A process that, the first time, says which it is and then waits to be killed.
FIRST_ONE_HANGS = 'if mkdir "$0" 2>/dev/null; then echo $$ >"$0/pid"; exec sleep 600; fi; exec "$@"'


def main():
    args = parse_arguments()
    if not shutil.which("spark-submit"):
        print(
            "not checked: there is no spark-submit on the PATH "
            "(docs/beyond-one-machine.md says how to install it)",
            file=sys.stderr,
        )
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder), args.examples / NETWORK)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="FOLDER",
        default=in_venv.ROOT / "target" / "debug" / "examples",
        help="where the built examples are (default: target/debug/examples)",
    )
    return parser.parse_args()


def check(folder, executable):
    weights, names = folder / "weights.safetensors", folder / "names.txt"
    run([executable, "train", "--epochs=1", f"--output={weights}"])
    names.write_text("".join(f"{path}\n" for path in save_pictures(folder)))
    predict = [executable, "predict", "-", "--json", f"--weights={weights}"]
    with open(names) as stdin:
        expected = run(predict, stdin=stdin).stdout

    answers = predict_on_spark(folder / "answers", names, predict)
    compare(f"{WORKERS} workers", answers, expected)

    lock = folder / "lock"
    hanging = ["sh", "-c", FIRST_ONE_HANGS, lock, *predict]
    answers = predict_on_spark(folder / "again", names, hanging, lock)
    compare(f"{WORKERS} workers, one of them killed", answers, expected)


def save_pictures(folder):
    """The sample's test digits as pictures."""
    images, _ = data.mnist(DIGITS)["test"]
    for number, image in enumerate(images):
        pixels = (image.reshape(28, 28) * 255).round().byte().numpy()
        path = folder / f"{number:03}.png"
        Image.fromarray(pixels).save(path)
        yield path


def predict_on_spark(output, names, command, lock=None):
    """The answers of all partitions; kills the worker whose process makes the folder `lock`."""
    script = in_venv.ROOT / "scripts" / "predict_on_spark.py"
    log = output.with_suffix(".log")
    # Two workers with one processor and a gigabyte each, processes of their own.
    spark = ["spark-submit", "--master", f"local-cluster[{WORKERS},1,1024]", script, names, output]
    # Spark's workers take their Python from the PATH, and no file of ours from its folder.
    environment = os.environ | {"PYSPARK_PYTHON": "python3"}
    with open(log, "w") as file:
        running = subprocess.Popen(
            [str(word) for word in [*spark, *command]],
            env=environment,
            stdout=file,
            stderr=file,
            cwd=output.parent,
        )
    if lock:
        kill_worker(lock, running)
    try:
        end = str(running.wait(PATIENCE))
    except subprocess.TimeoutExpired:
        running.terminate()
        end = "no end"
    if end != "0":
        print(log.read_text()[-3000:], file=sys.stderr)
        sys.exit(f"error: spark-submit ended with {end}; the end of its log is above")
    if lock:
        lost = [line for line in log.read_text().splitlines() if "Lost task" in line]
        print("Spark says:", lost[0] if lost else "nothing of a lost task")
    return "".join(part.read_text() for part in sorted(output.glob("part-*")))


def kill_worker(lock, spark):
    """Kills the worker whose process waits, and that process, as when a machine is lost."""
    end = time.monotonic() + PATIENCE
    while not (lock / "pid").exists() or not (lock / "pid").read_text():
        if spark.poll() is not None or time.monotonic() > end:
            return
        time.sleep(0.1)
    pid = process = int((lock / "pid").read_text())
    while "CoarseGrainedExecutorBackend" not in Path(f"/proc/{pid}/cmdline").read_text():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    print(f"killing the worker, process {pid}")
    os.kill(pid, signal.SIGKILL)
    os.kill(process, signal.SIGKILL)


def compare(what, answers, expected):
    lines = expected.splitlines()
    if not lines or answers != expected:
        found = answers.splitlines()
        differ = sum(a != b for a, b in zip(found, lines))
        sys.exit(f"error: {what}: {len(found)} answers for {len(lines)} lines, {differ} differ")
    print(f"{what}: {len(lines)} answers, all equal to one process's")


def run(command, **options):
    """Runs a command that has to succeed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, **options
    )
    if done.returncode:
        why = (done.stderr.splitlines() or ["no reason given"])[-1]
        sys.exit(f"error: {shlex.join(map(str, command))}: {why}")
    return done


if __name__ == "__main__":
    main()
