#!/usr/bin/env python3
"""Runs the tests as on processors with fewer instructions, at each number of threads, and prints a
table.

    scripts/checks/processors.py                       cargo test, nine times
    scripts/checks/processors.py --busy 2              the same beside two busy loops
    scripts/checks/processors.py -- --test guide       cargo test --test guide, nine times

libtorch is told which kernels to take, and so are the libraries under it, MKL and oneDNN. What a
run printed is kept in target/processors/. The exit code is 0 if all tests pass wherever this
processor can run them, and 1 otherwise.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "target" / "processors"

# By what libtorch calls its kernels.
CAPABILITIES = {
    "default": {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "avx2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "avx512": {},
}

# The number of threads; None leaves it to libtorch.
THREADS = ["1", "2", None]

ASK_TORCH = "import torch; print(torch.backends.cpu.get_cpu_capability())"


@dataclass
class Run:
    """The outcome of the tests in one setting."""

    passed: int
    failures: list[str]
    minutes: float
    code: int

    @property
    def verdict(self) -> str:
        if self.failures:
            return ", ".join(self.failures)
        return "all pass" if self.code == 0 else f"cargo test ended with {self.code}"


def main() -> None:
    args = parse_arguments()
    KEPT.mkdir(parents=True, exist_ok=True)
    print("| kernels | threads | passed | minutes | failures |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    code = 0
    with busy_loops(args.busy):
        for capability, libraries in CAPABILITIES.items():
            environment = os.environ | libraries | {"ATEN_CPU_CAPABILITY": capability}
            if not is_there(capability, environment):
                print(f"| {capability} | | | | not on this processor |", flush=True)
                continue
            for threads in THREADS:
                environment.pop("OMP_NUM_THREADS", None)
                if threads:
                    environment["OMP_NUM_THREADS"] = threads
                name = f"{capability}-{threads or 'any'}"
                run = run_tests(args.cargo, environment, KEPT / f"{name}.txt")
                print(
                    f"| {capability} | {threads or 'not set'} | {run.passed} | "
                    f"{run.minutes:.1f} | {run.verdict} |",
                    flush=True,
                )
                code |= run.code != 0
    sys.exit(code)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="busy loops beside it")
    parser.add_argument("cargo", nargs="*", metavar="ARGUMENT", help="for cargo test, after --")
    return parser.parse_args()


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def is_there(capability: str, environment: dict[str, str]) -> bool:
    """libtorch takes what it is told only where the processor has it."""
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        sys.exit("error: there is no .venv yet; run scripts/setup first")
    asked = subprocess.run(
        [python, "-c", ASK_TORCH], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return asked.stdout.strip().lower() == capability


def run_tests(arguments: list[str], environment: dict[str, str], kept: Path) -> Run:
    begin = time.monotonic()
    with kept.open("w") as file:
        command = ["cargo", "test", "--no-fail-fast", *arguments]
        code = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        ).returncode
    text = kept.read_text(errors="replace")
    passed = sum(map(int, re.findall(r"^test result: .* (\d+) passed", text, re.MULTILINE)))
    failures = re.findall(r"^test (.*) \.\.\. FAILED$", text, re.MULTILINE)
    return Run(passed, failures, (time.monotonic() - begin) / 60, code)


if __name__ == "__main__":
    main()
