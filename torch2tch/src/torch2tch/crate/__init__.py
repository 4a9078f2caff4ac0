"""`port.py --crate`: a crate of its own around a port, that builds, answers and is tested
elsewhere."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from string import Template

import tomllib
import torch
from safetensors.torch import save_file

from torch2tch import checkout
from torch2tch.port.names import snake
from torch2tch.proof.arguments import output, quoted
from torch2tch.proof.program import call_with
from torch2tch.proof.signature import read_signature
from torch2tch.proof.subject import Batch, plain
from torch2tch.reference import common
from torch2tch.reference.common import Refused

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

# Samples in the recording.
BATCH_SIZE = 4


def write_crate(folder, ported, subject, git=None):
    """Writes the crate whole or not at all; `folder` may be there if it is empty. It depends on
    this checkout, or on what is at the address `git`."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            f"{folder}: expected an empty folder, or nothing, found "
            f"{'a folder with files in it' if folder.is_dir() else 'a file'}"
        )
    package = re.sub(r"[^a-z0-9_-]+", "-", folder.resolve().name.lower()).strip("-")
    if not package[:1].isalpha():
        raise Refused(f"{folder}: expected a name for a crate, such as my-network")
    try:
        with tempfile.TemporaryDirectory(
            dir=folder.resolve().parent, prefix=".partial-"
        ) as partial:
            made = Path(partial) / "crate"
            fill(made, package, ported, subject, git)
            os.rename(made, folder)
    except OSError as error:
        raise Refused(f"{folder}: {error.strerror}") from error


def fill(folder, package, ported, subject, git):
    module = snake(subject.name)
    network = folder / "src" / f"{module}.rs"
    network.parent.mkdir(parents=True)
    network.write_text(ported.rust, encoding="utf-8")
    batch = record(folder / "recorded", ported, subject)
    signature = read_signature(network, subject.name)
    names = [name for name, kind in signature.parameters if name != "train"][: len(batch.input)]
    save_file(dict(zip(names, batch.input)), folder / "recorded" / "input.safetensors")
    reads = [f"let {name} = tensor({quoted(name)})?;" for name in names]
    texts = {
        "package": package,
        "crate": package.replace("-", "_"),
        "class": subject.name,
        "module": module,
        "python": Path(subject.path).name,
        "torch": torch.__version__,
        "source": f"git = {json.dumps(git)}" if git else f"path = {json.dumps(str(checkout.ROOT))}",
        "tch": tch_version(),
        "libtorch": json.dumps(str(Path(torch.__file__).parent)),
        "inputs": listed([f"`{name}`" for name in names]),
        "python_inputs": ", ".join(f'"{name}": {name}' for name in names),
        "outputs": "`output`" if isinstance(batch.output, torch.Tensor) else "`output.0` and so on",
        "reads": "\n    ".join(reads),
        "call": call_with(signature, network, "network", batch.input, names).replace(
            "train)", "false)"
        ),
        "named": named(batch.output, signature.output),
    }
    for template, name in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(texts)
        path.write_text(text, encoding="utf-8")
    rustfmt(path for path in map(folder.__truediv__, FILES.values()) if path.suffix == ".rs")
    # The versions that the project is tested with; cargo leaves out what is not needed.
    shutil.copy(checkout.ROOT / "Cargo.lock", folder / "Cargo.lock")


def record(folder, ported, subject):
    """What the class answers in evaluation, from the weights of seed 0, on one thread."""
    folder.mkdir()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = subject().eval()
    input = subject.draw_input(BATCH_SIZE)
    with torch.no_grad():
        answer = plain(
            common.call(model, input), f"{subject.path}: {subject.name}: what forward gives"
        )
    parts = list(input) if isinstance(input, tuple) else [input]
    if not all(isinstance(part, torch.Tensor) for part in parts):
        raise Refused(f"{subject.path}: {subject.name}: --crate needs inputs of one tensor each")
    # Copies, as tied weights are one tensor under two names.
    weights = {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    answers = {
        name: tensor.contiguous() for name, tensor in common.copies("output", answer).items()
    }
    save_file(answers, folder / "output.safetensors")
    return Batch(parts, (), answer)


def named(value, kind):
    """Rust that puts a name to each tensor of `output`."""
    if isinstance(value, torch.Tensor):
        return 'NamedTensors::from([("output".to_owned(), output)])'
    if isinstance(value, list):
        return (
            "output.into_iter().enumerate()"
            '.map(|(i, part)| (format!("output.{i}"), part)).collect()'
        )
    parts = []

    def visit(name, part, place):
        if isinstance(part, torch.Tensor):
            parts.append(f'("{name}".to_owned(), {place}.shallow_clone())')
        else:
            for i, inner in enumerate(part):
                index = f"[{i}]" if isinstance(part, list) else f".{i}"
                visit(f"{name}.{i}", inner, place + index)

    visit("output", value, "output")
    unwrapped = output(value, kind, "output")
    start = "" if unwrapped == "output" else f"let output = {unwrapped};\n    "
    if start:
        return f"{{\n    {start}NamedTensors::from([{', '.join(parts)}])\n    }}"
    return f"NamedTensors::from([{', '.join(parts)}])"


def rustfmt(paths):
    """Formats what the templates and the network's arguments come to, where there is a rustfmt:
    where lines break hangs on how long the names are."""
    with contextlib.suppress(OSError):
        subprocess.run(["rustfmt", "--edition=2024", *map(str, paths)], check=False)


def tch_version():
    manifest = tomllib.loads((checkout.ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    return manifest["dependencies"]["tch"]


def listed(words):
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
