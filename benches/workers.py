"""What the measuring scripts share: both sides as processes, and what they run on.

This module imports no torch: Linux counts what a process had before `exec`, its parent's memory, in
its peak.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import in_venv

BENCHES = Path(__file__).resolve().parent
MIB = 1 << 20


class Failed(Exception):
    """What went wrong, in a line for the user."""


def build(profile="release"):
    """Builds what is measured; returns the executables by name."""
    command = [
        "cargo",
        "build",
        f"--profile={profile}",
        "--quiet",
        "--message-format=json-render-diagnostics",
        "--bench=worker",
        "--example=digit_classifier",
    ]
    if not shutil.which("cargo"):
        raise Failed("cargo is not on the PATH")
    built = subprocess.run(command, cwd=in_venv.ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise Failed("cannot build the worker")
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return {
        message["target"]["name"]: message["executable"]
        for message in messages
        if message.get("executable")
    }


def build_cpp():
    """Builds benches/worker.cpp against the libtorch of Python; returns the executable, or None
    where there is no compiler."""
    compiler = next(filter(None, map(shutil.which, ["c++", "g++", "clang++"])), None)
    if not compiler:
        print("there is no C++ compiler on the PATH: no column C++", file=sys.stderr)
        return None
    # Found without being imported.
    found = importlib.util.find_spec("torch")
    assert found and found.submodule_search_locations
    torch = Path(found.submodule_search_locations[0])
    source, built = BENCHES / "worker.cpp", in_venv.ROOT / "target" / "worker_cpp"
    libtorch = torch / "lib" / "libtorch_cpu.so"
    newest = max(file.stat().st_mtime for file in (source, libtorch) if file.exists())
    if built.exists() and built.stat().st_mtime > newest:
        return built
    include = torch / "include"
    command = [
        compiler,
        "-std=c++17",
        "-O2",
        "-w",
        source,
        "-o",
        built,
        "-I",
        include,
        "-I",
        include / "torch" / "csrc" / "api" / "include",
        "-L",
        torch / "lib",
        f"-Wl,-rpath,{torch / 'lib'}",
        "-ltorch",
        "-ltorch_cpu",
        "-lc10",
    ]
    if subprocess.run([str(word) for word in command]).returncode:
        raise Failed("cannot build benches/worker.cpp")
    return built


def positive(text):
    """A number for argparse."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def rust_worker(executables, **options):
    return [executables["worker"], *flags(options)]


def cpp_worker(executables, **options):
    return [executables["cpp"], *flags(options)] if executables["cpp"] else None


def cpp_demonstration(executables, network, *options):
    return [executables["cpp"], "demonstrate", network, *options] if executables["cpp"] else None


def python_worker(**options):
    return [sys.executable, str(BENCHES / "worker.py"), *flags(options)]


def flags(options):
    return [f"--{name}={value}" for name, value in options.items()]


class Worker:
    """A process that answers one case after another, and waits in between."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self.name = Path(command[0]).name
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self.process.stdin and self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.about = self.read("at its start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def introduce(self):
        """What it says of itself, after which it ends."""
        self.close()
        return self.about

    def ask(self, case):
        """The median time of a call, in microseconds."""
        self.stdin.write(case + "\n")
        self.stdin.flush()
        return self.read(case)["microseconds"]

    def read(self, case):
        line = self.stdout.readline()
        answer = json.loads(line) if line else {"error": "it ended"}
        if "error" in answer:
            raise Failed(f"{self.name}, {case}: {answer['error']}")
        return answer

    def close(self):
        """Ends the process; returns its peak memory in bytes."""
        with self.stdin, self.stdout:
            pass
        return wait(self.process).memory


@dataclass(frozen=True)
class Usage:
    """What a process took from start to end."""

    wall: float  # seconds
    cpu: float  # seconds, of all threads
    memory: int  # bytes at its peak


def run(command):
    """Runs a process that has to succeed; returns what it took."""
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    return wait(process, start)


def wait(process, start=0.0):
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        command = " ".join(map(str, process.args))
        raise Failed(f"{command} ended with exit code {process.returncode}")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1 << 10
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def surroundings(about, threads):
    """What the figures depend on, in a line; `about` is what the worker of each side says."""
    python = about["python"]
    for side, other in about.items():
        # C++ knows its version without what it was built for, such as +cu130.
        if other["torch"].split("+")[0] != python["torch"].split("+")[0]:
            raise Failed(f"torch is {python['torch']} in Python, {other['torch']} in {side}")
    rustc = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True)
    return ", ".join(
        [
            date.today().isoformat(),
            processor(),
            f"{os.cpu_count()} processors",
            f"load {os.getloadavg()[0]:.1f} at the start",
            f"threads {threads}",
            f"torch {python['torch']}",
            f"Python {python['python']}",
            f"tch {locked_version('tch')}",
            " ".join(rustc.stdout.split()[:2]),
        ]
    )


def processor():
    """The name of the processor, with family and model where the name alone says little."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "unknown processor"
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    name = fields.get("model name", "unknown processor")
    numbers = [f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields]
    return f"{name} ({', '.join(numbers)})" if numbers else name


def locked_version(package):
    """The version of a crate in Cargo.lock."""
    lock = (in_venv.ROOT / "Cargo.lock").read_text()
    found = re.search(rf'name = "{package}"\nversion = "([^"]*)"', lock)
    return found[1] if found else "unknown"


def show_time(microseconds):
    """A time with three digits and its unit."""
    for unit, size in [("s", 1e6), ("ms", 1e3)]:
        if microseconds >= size:
            return f"{three_digits(microseconds / size)} {unit}"
    return f"{three_digits(microseconds)} µs"


def show_memory(size):
    return f"{three_digits(size / MIB)} MiB"


def three_digits(number):
    """`12.3`, `123`, `1,230`."""
    digits = max(0, 2 - len(str(int(number))) + 1)
    rounded = round(number, digits)
    return f"{rounded:,.{digits}f}"
