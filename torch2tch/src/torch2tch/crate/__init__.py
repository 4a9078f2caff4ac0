"""`--crate`: a crate of its own around a port, that builds, answers and is tested elsewhere."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from string import Template

import torch
from safetensors.torch import save_file

from torch2tch import checkout, library
from torch2tch.load import Target
from torch2tch.port.names import RESERVED, snake
from torch2tch.proof.arguments import quoted
from torch2tch.proof.program import call_with
from torch2tch.proof.signature import read_signature
from torch2tch.prove import Candidate
from torch2tch.prove.program import leaves, nested, unwrapped
from torch2tch.prove.python_side import Case, Python, Settings, named
from torch2tch.subject import Refused

from .program import Program, program

__all__ = ["Program", "program", "write_crate"]

TEMPLATES = Path(__file__).with_name("templates")

# Where each file goes; the network itself has the name of its class.
FILES = {
    "Cargo.toml": "Cargo.toml",
    "build.rs": "build.rs",
    "config.toml": ".cargo/config.toml",
    "gitignore": ".gitignore",
    "lib.rs": "src/lib.rs",
    "main.rs": "src/main.rs",
    "python.rs": "tests/python.rs",
    "README.md": "README.md",
}

# Names that a package cannot have: Rust's words, what its program uses, what cargo refuses.
TAKEN = RESERVED | {
    "core",
    "std",
    "alloc",
    "proc_macro",
    "test",
    "main",
    "lib",
    "build",
    "deps",
    "examples",
    "incremental",
    "tch",
    "torch_parity",
    "torch_sys",
    "super",
    "crate",
    "self",
    "union",
}


def write_crate(folder: Path, target: Target, candidate: Candidate, program: Program) -> None:
    """Writes the crate whole or not at all; `folder` may be there if it is empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            f"{folder}: expected an empty folder, or nothing, found "
            f"{'a folder with files in it' if folder.is_dir() else 'a file'}"
        )
    try:
        with tempfile.TemporaryDirectory(
            dir=folder.resolve().parent, prefix=".partial-"
        ) as partial:
            made = Path(partial) / "crate"
            fill(made, package_name(folder), target, candidate, program)
            os.rename(made, folder)
    except OSError as error:
        raise Refused(f"{folder}: {error.strerror}") from error


def package_name(folder: Path) -> str:
    """The folder's name, as a package can have it."""
    package = re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-")
    if not package[:1].isalpha():
        raise Refused(f"{folder}: expected a name for a crate, such as my-network")
    return f"{package}-network" if package.replace("-", "_") in TAKEN else package


def fill(
    folder: Path, package: str, target: Target, candidate: Candidate, program: Program
) -> None:
    module = snake(candidate.struct)
    module = f"{module}_network" if module in TAKEN else module
    network = folder / "src" / f"{module}.rs"
    network.parent.mkdir(parents=True)
    network.write_text(candidate.rust, encoding="utf-8")
    signature = read_signature(network, candidate.struct)
    names = [name for name, _ in signature.parameters if name != "train"]
    case, output = record(folder / "recorded", target, names)
    names = names[: len(case.values)]
    program.check(target.subject.target, case.values, output)
    converted = nested(output) if candidate.flat else unwrapped(output, signature.output)
    texts = {
        "package": package,
        "crate": package.replace("-", "_"),
        "class": candidate.struct,
        "module": module,
        "python": origin(target),
        "torch": torch.__version__,
        "tch": library.tch_version(),
        "libtorch": json.dumps(str(Path(torch.__file__).parent)),
        "inputs": listed([f"`{name}`" for name in names]),
        "python_inputs": ", ".join(f'"{name}": {name}' for name in names),
        "outputs": "`output`" if isinstance(output, torch.Tensor) else "`output.0` and so on",
        "reads": "\n    ".join(f"let {name} = tensor({quoted(name)})?;" for name in names),
        "call": call_with(signature, network, "network", case.values, names, train="false"),
        "convert": "" if converted == "output" else f"let output = {converted};",
        "named": ", ".join(
            f'("{name}".to_owned(), {place}.shallow_clone())'
            for place, name in leaves(output, "output", "output")
        ),
        **program.texts(names, output),
    }
    files = FILES | program.files()
    for template, name in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(texts)
        path.write_text(text, encoding="utf-8")
    if program.labels is not None:
        text = "".join(f"{label}\n" for label in program.labels)
        (folder / "labels.txt").write_text(text, encoding="utf-8")
    rustfmt(path for path in map(folder.__truediv__, files.values()) if path.suffix == ".rs")
    # The versions that the project is tested with; cargo leaves out what is not needed.
    if library.is_checkout():
        shutil.copy(checkout.ROOT / "Cargo.lock", folder / "Cargo.lock")


def origin(target: Target) -> str:
    """The file of the class as the user named it, or the class of a package."""
    named = target.subject.target
    return target.path.name if target.path and named.partition(":")[0].endswith(".py") else named


def record(folder: Path, target: Target, names: list[str]) -> tuple[Case, object]:
    """What the class answers in evaluation, from the weights of seed 0, on one thread."""
    folder.mkdir()
    torch.set_num_threads(1)
    python = Python(target, Settings())
    model = python.build()
    case = python.draw(model, python.sizes()[0])
    if not all(isinstance(value, torch.Tensor) for value in case.values):
        raise Refused(f"{target.subject.target}: --crate needs inputs of one tensor each")
    if not case.values:
        raise Refused(f"{target.subject.target}: --crate needs --input, once for each argument")
    # Copies, as tied weights are one tensor under two names.
    weights = {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    output = python.evaluate(model, case)
    save_file(
        {
            name: value.contiguous()
            for name, value in zip(names, case.values)
            if isinstance(value, torch.Tensor)
        },
        folder / "input.safetensors",
    )
    save_file(weights, folder / "weights.safetensors")
    answers = {name: part.clone().contiguous() for name, part in named("output", output)}
    save_file(answers, folder / "output.safetensors")
    return case, output


def rustfmt(paths) -> None:
    """Formats what the templates and the network's arguments come to, where there is a rustfmt:
    where lines break depends on how long the names are."""
    with contextlib.suppress(OSError):
        subprocess.run(["rustfmt", "--edition=2024", *map(str, paths)], check=False)


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
