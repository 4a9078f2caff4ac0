"""Compiles one file of Rust against the library that `cargo build` has built.

The compiler is called as cargo would call it for a package that depends on this one. Cargo itself
would compile the whole library once more for such a package, as it is another workspace.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from torch2tch import checkout
from torch2tch.reference.common import fail

# What a port, and the program around it, may use.
CRATES = ["final_layer", "tch", "anyhow"]


class DoesNotCompile(Exception):
    """The compiler's first error, `FILE.rs:LINE: MESSAGE`, and where all that it said is."""

    def __init__(self, first: str, log: Path) -> None:
        super().__init__(f"{first} (all that the compiler says: {log})")
        self.first, self.log = first, log


def compile_program(main: Path, executable: Path, log: Path) -> None:
    """Compiles `main` to `executable`; what the compiler says goes to `log`."""
    command = [
        rustc(),
        "--edition=2024",
        "--crate-name=port",
        "--error-format=json",
        *library_arguments(),
        "-o",
        str(executable),
        str(main),
    ]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    log.write_text("".join(message.get("rendered") or "" for message in messages))
    if done.returncode:
        raise DoesNotCompile(first_error(messages), log)


def first_error(messages: list[dict[str, Any]]) -> str:
    for message in messages:
        if message.get("level") != "error":
            continue
        places = [span for span in message["spans"] if span["is_primary"]]
        place = f"{places[0]['file_name']}:{places[0]['line_start']}: " if places else ""
        return place + " ".join(message["message"].split())
    return "the compiler ended without an error message"


def rustc() -> str:
    return os.environ.get("RUSTC", "rustc")


def library_arguments() -> list[str]:
    """What rustc has to be told of the library: where it is, what it uses, what it links."""
    # With an example, as cargo compiles libraries with other features for them and for tests than
    # for a library alone, and whoever ports has most probably built one of these.
    command = [
        "cargo",
        "build",
        "--lib",
        "--example=digit_classifier",
        "--quiet",
        "--message-format=json-render-diagnostics",
    ]
    try:
        built = subprocess.run(command, cwd=checkout.ROOT, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        fail("cargo is not on the PATH; a port is compiled with it")
    if built.returncode:
        fail("cannot build the library; cargo says why above")
    libraries, folders = {}, []
    for message in map(json.loads, built.stdout.splitlines()):
        if message["reason"] == "build-script-executed":
            folders += message["linked_paths"]
        elif message["reason"] == "compiler-artifact" and message["target"]["name"] in CRATES:
            for file in message["filenames"]:
                if file.endswith(".rlib"):
                    libraries[message["target"]["name"]] = file
    arguments = [f"--extern={name}={file}" for name, file in libraries.items()]
    arguments.append(f"-Ldependency={Path(libraries['tch']).parent}")
    # Of all folders that build scripts name, those with libtorch are where it is found at run time.
    for folder in dict.fromkeys(folders):
        arguments.append(f"-L{folder}")
        path = folder.removeprefix("native=")
        if any(Path(path).glob("*torch_cpu.*")):
            arguments.append(f"-Clink-arg=-Wl,-rpath,{path}")
    return arguments
