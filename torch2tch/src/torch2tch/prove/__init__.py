"""The proof: both languages record the same tensors, and one comparison holds them side by side."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file

from .. import library
from ..compare.traces import Row, difference, read
from ..load import Target
from ..proof.build import DoesNotCompile, compile_program
from ..proof.signature import read_signature
from ..subject import Refused
from .loss import translated_loss
from .program import file_name, module_names, program
from .python_side import Python, Recording, Settings

__all__ = ["Candidate", "DoesNotCompile", "NotEqual", "Settings", "check", "prove", "record"]

# A port that runs longer than Python by this is not waited for.
SECONDS = 600


class NotEqual(Exception):
    """The first row that differs, and how."""


@dataclass(frozen=True)
class Candidate:
    """A port: its text, its struct, how that is made from `vs`, and whether it gives its tensors
    side by side."""

    rust: str
    struct: str
    constructor: str
    flat: bool
    ported: object = None


def record(target: Target, settings: Settings) -> Recording:
    """Python's side."""
    return Python(target, settings).record()


def check(target: Target, settings: Settings) -> None:
    """Makes the class and calls it once, so that what fails in Python is told as such."""
    Python(target, settings).check()


def prove(
    target: Target, candidate: Candidate, recording: Recording, settings: Settings
) -> list[Row]:
    """The rows of the comparison, in the order in which the tensors came into being."""
    folder = program_folder(candidate)
    try:
        return proven_in(folder, target, candidate, recording, settings)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def proven_in(
    folder: Path, target: Target, candidate: Candidate, recording: Recording, settings: Settings
) -> list[Row]:
    rust = folder / file_name(candidate.struct)
    rust.write_text(module_names(candidate.rust), encoding="utf-8")
    signature = read_signature(rust, candidate.struct)
    loss = translated_loss(target, candidate, recording)
    text = program(signature, rust, recording, candidate.constructor, loss, candidate.flat)
    executable = compiled(folder, text, rust)
    given, output = folder / "given.safetensors", folder / "rust.safetensors"
    save_file(recording.given, given)
    output.unlink(missing_ok=True)
    run(executable, given, output, recording, settings)
    found = rows(recording, output)
    shutil.rmtree(folder, ignore_errors=True)
    return found


def program_folder(candidate: Candidate) -> Path:
    """A new folder for the program. It stays where the proof fails, for whoever asks why."""
    programs = library.cache() / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{candidate.struct}-", dir=programs))


def compiled(folder: Path, text: str, rust: Path) -> Path:
    main, executable = folder / "main.rs", folder / "port"
    main.write_text(text, encoding="utf-8")
    compile_program(main, executable, folder / "rustc.log")
    return executable


def run(
    executable: Path, given: Path, output: Path, recording: Recording, settings: Settings
) -> None:
    names = [case.name for case in recording.cases]
    trained = [case.name for case in recording.trained_cases]
    command = [
        str(executable),
        f"given={given}",
        f"output={output}",
        f"seed={settings.seed}",
        f"steps={settings.steps}",
        f"lr={settings.lr!r}",
        f"optimizers={','.join(recording.optimizers)}",
        f"evaluated={','.join(names)}",
        f"trained={','.join(trained)}",
    ]
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotEqual(f"the port ran longer than {SECONDS} s") from None
    if done.returncode or not output.exists():
        said = [line for line in done.stderr.splitlines() if line.strip() and "note:" not in line]
        raise NotEqual(
            f"Rust ended with {done.returncode}: {' '.join(said[:2])[:300] or 'without a word'}"
        )


def also(row: str, tied: Mapping[str, str]) -> list[str]:
    """The rows of the same tensor under its other names: in Rust it has one of them."""
    names = sorted({*tied, *tied.values()}, key=len, reverse=True)
    name = next((one for one in names if row.endswith(f".{one}")), None)
    if name is None:
        return []
    same = [one for one in names if tied.get(one, one) == tied.get(name, name)]
    return [f"{row.removesuffix(name)}{one}" for one in same]


def rows(recording: Recording, output: Path) -> list[Row]:
    arrays, _ = read(output)
    python = {name: tensor.numpy() for name, tensor in recording.trace.items()}
    found = []
    for name in dict.fromkeys([*python, *arrays]):
        if name not in arrays:
            there = next((one for one in also(name, recording.tied) if one in arrays), None)
            if there:
                arrays[name] = arrays[there]
        sides = [side[name] for side in (python, arrays) if name in side]
        if len(sides) == 2:
            verdict = difference(sides[0], sides[1], ("Python", "Rust"))
        else:
            verdict = f"only in {'Python' if name in python else 'Rust'}"
        found.append(
            Row(name, sides[0].shape, str(sides[0].dtype), verdict or "equal", not verdict)
        )
    if not found:
        raise Refused(f"{output}: nothing to compare")
    return found
