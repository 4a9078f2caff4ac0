"""The Rust library that a port is compiled against, built for this environment's own torch.

In a checkout it is the checkout's; elsewhere the sources that the package carries, which are built
once for each version of torch into `~/.cache/torch2tch` (or below `XDG_CACHE_HOME`).
"""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import torch

from . import checkout
from .subject import Refused

# The library's sources as the package carries them.
CARRIED = Path(__file__).parent / "_library"

# tch by the version of torch that it goes with.
TCH = {"2.11": "=0.24.0", "2.12": "=0.24.0", "2.13": "=0.26.0"}

# What a port and the program around it use.
CRATES = ("torch_parity", "tch", "anyhow", "final_layer")

MANIFEST = """\
[package]
name = "torch2tch-library"
version = "0.0.0"
edition = "2024"
publish = false

[dependencies]
tch = "{tch}"
torch-sys = "{tch}"
torch-parity = {{ path = "torch-parity" }}

[profile.dev]
debug = false

[profile.dev.package."*"]
opt-level = 1

[profile.dev.package.torch-sys]
opt-level = 0

[profile.dev.package.torch-parity]
opt-level = 3
"""


def cache() -> Path:
    """The folder for this version of torch and these sources."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "torch2tch" / f"torch-{torch.__version__}"


def json_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def is_checkout() -> bool:
    return (checkout.ROOT / "crates" / "torch-parity" / "Cargo.toml").exists()


def sources(crate: str = "torch-parity") -> Path:
    """The folder of a crate of the library."""
    return (checkout.ROOT / "crates" if is_checkout() else CARRIED) / crate


@functools.cache
def arguments() -> list[str]:
    """What rustc has to be told of the library: where it is, what it uses, what it links."""
    if is_checkout():
        return built(checkout.ROOT, os.environ | libtorch_of_checkout())
    folder = cache() / f"library-{mark()}"
    kept = folder / "arguments.json"
    if kept.exists():
        found = json.loads(kept.read_text())
        if all(
            Path(text.rpartition("=")[2]).exists() for text in found if text.startswith("--extern=")
        ):
            return found
    prepare(folder)
    print(
        f"torch2tch: building the Rust library for torch {torch.__version__} into {folder} (once, "
        "some minutes)",
        file=sys.stderr,
        flush=True,
    )
    found = built(folder, os.environ | environment())
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(found))
    partial.replace(kept)
    return found


def libtorch_of_checkout() -> dict[str, str]:
    """As `.cargo/config.toml` has it, unless the user says otherwise."""
    link = checkout.ROOT / ".libtorch"
    return {} if "LIBTORCH" in os.environ or not link.exists() else {"LIBTORCH": str(link)}


def environment() -> dict[str, str]:
    folder = Path(torch.__file__).resolve().parent
    return {
        "LIBTORCH": str(folder),
        "LIBTORCH_BYPASS_VERSION_CHECK": "1",
        "LIBTORCH_CXX11_ABI": str(int(torch.compiled_with_cxx11_abi())),
    }


def mark() -> str:
    """Changes with the sources and with where torch lies."""
    found = hashlib.sha256(str(Path(torch.__file__).resolve()).encode())
    for file in sorted(CARRIED.rglob("*")):
        if file.is_file():
            found.update(str(file.relative_to(CARRIED)).encode() + file.read_bytes())
    return found.hexdigest()[:12]


def tch_version() -> str:
    version = ".".join(torch.__version__.split(".")[:2])
    if version not in TCH:
        raise Refused(
            f"torch {torch.__version__}: expected torch {', '.join(TCH)}; no tch goes with another"
        )
    return TCH[version]


def prepare(folder: Path) -> None:
    if not CARRIED.exists():
        raise Refused(
            f"{CARRIED}: the sources of the Rust library are missing; this package was built "
            "without them"
        )
    tch = tch_version()
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "lib.rs").write_text("")
    (folder / "Cargo.toml").write_text(MANIFEST.format(tch=tch))
    shutil.copytree(CARRIED / "torch-parity", folder / "torch-parity", dirs_exist_ok=True)


def built(folder: Path, environment: dict[str, str]) -> list[str]:
    command = ["cargo", "build", "--lib", "--quiet", "--message-format=json-render-diagnostics"]
    if folder == checkout.ROOT:
        # With an example, as cargo compiles libraries with other features for them than for a
        # library alone, and whoever ports has most probably built one of these.
        command.insert(3, "--example=digit_classifier")
    try:
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment
        )
    except FileNotFoundError:
        raise Refused(
            "cargo is not on the PATH; a port is compiled with it (https://rustup.rs)"
        ) from None
    if done.returncode:
        raise Refused("cannot build the Rust library; cargo says why above")
    libraries: dict[str, str] = {}
    folders: list[str] = []
    for message in json_lines(done.stdout):
        if message["reason"] == "build-script-executed":
            folders += message["linked_paths"]
        elif message["reason"] == "compiler-artifact" and message["target"]["name"] in CRATES:
            found = [file for file in message["filenames"] if file.endswith(".rlib")]
            libraries |= dict.fromkeys([message["target"]["name"]], found[-1]) if found else {}
    return rustc_arguments(libraries, folders)


def rustc_arguments(libraries: dict[str, str], folders: list[str]) -> list[str]:
    found = [f"--extern={name}={file}" for name, file in libraries.items()]
    found.append(f"-Ldependency={Path(libraries['tch']).parent}")
    # Of all folders that build scripts name, those with libtorch are where it is found at run time.
    for folder in dict.fromkeys(folders):
        found.append(f"-L{folder}")
        path = folder.removeprefix("native=")
        if any(Path(path).glob("*torch_cpu.*")):
            found.append(f"-Clink-arg=-Wl,-rpath,{path}")
    return found
