"""The program of a crate: the input that it takes, and the form in which it prints its answer."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from torch2tch import library
from torch2tch.subject import Refused

from .labels import read_labels
from .transform import Transform, understood


@dataclass(frozen=True)
class Program:
    """The command line's wishes for a crate: the address of the library where it is not taken from
    here, the preprocessing of pictures, the names of the classes."""

    git: str | None = None
    transform: Transform | None = None
    labels: list[str] | None = None

    def check(self, target: str, values: list[Any], output: object) -> None:
        """Refuses a network whose input is no picture of the transform, or whose output is not a
        number for each label."""
        if self.transform:
            height, width = self.transform.size or (0, 0)
            if [one.dtype for one in values] != [torch.float32] or (
                list(values[0].shape[1:]) != [3, height, width]
            ):
                raise Refused(
                    f"{target}: --transform gives (1, 3, {height}, {width}) float32 as the one "
                    f"input, expected {', '.join(map(described, values))}"
                )
        if self.labels is not None:
            found = described(output) if isinstance(output, torch.Tensor) else "several tensors"
            if (
                not isinstance(output, torch.Tensor)
                or not output.is_floating_point()
                or output.dim() != 2
                or output.shape[1] != len(self.labels)
            ):
                raise Refused(
                    f"{target}: --labels has {len(self.labels)} names, expected an output of "
                    f"(N, {len(self.labels)}), found {found}"
                )

    def files(self) -> dict[str, str]:
        """The templates of this program that not every crate has."""
        found = {"picture.rs": "src/picture.rs"} if self.transform else {}
        return found | ({"labels.rs": "src/labels.rs"} if self.labels is not None else {})

    def texts(self, names: list[str], output: object) -> dict[str, str]:
        """The values of the templates' names."""
        modules = [Path(file).stem for file in sorted(self.files())]
        reads, input_ = "read_safetensors(input)?", "INPUT.safetensors"
        if self.transform:
            reads, input_ = f"read(input, {json.dumps(names[0])})?", "PICTURE or INPUT.safetensors"
        print_ = 'writeln!(out, "{name}: {}", repr(tensor)?)?;'
        if self.labels is not None:
            print_ = "labels::write(&mut out, tensor)?;"
        return {
            "modules": "\n".join(f"mod {module};" for module in modules),
            "input": input_,
            "read_input": reads,
            "print": print_,
            "repr": "" if self.labels is not None else "\nuse torch_parity::print::repr;",
            "path": "Path, " if self.transform else "",
            "read": READ if self.transform else "",
            "for": "tensor in answers.values()"
            if self.labels is not None
            else "(name, tensor) in answers",
            "dependencies": self.dependencies(),
            "transform_names": ", ".join(sorted(self.transform.names)) if self.transform else "",
            "statements": "\n    ".join(self.transform.statements) if self.transform else "",
            "probabilities": "logits.shallow_clone()"
            if is_probabilities(output)
            else "logits.softmax(-1, None)",
            "pictures": PICTURES if self.transform else "",
            "labelled": LABELLED if self.labels is not None else "",
        }

    def dependencies(self) -> str:
        """The crates of the library, in the manifest's form."""
        crates = ["torch-parity", *(["torchvision-parity"] if self.transform else [])]
        return "\n".join(f"{crate} = {{ {self.source(crate)} }}" for crate in crates)

    def source(self, crate: str) -> str:
        if self.git:
            return f"git = {json.dumps(self.git)}"
        return f"path = {json.dumps(str(library.sources(crate)))}"


# A function of the program that takes pictures.
READ = """
/// The tensors of a `.safetensors`; any other file is a picture, the network's input `name`.
fn read(input: &Path, name: &str) -> Result<NamedTensors, Box<dyn Error>> {
    if input.extension().is_some_and(|extension| extension == "safetensors") {
        return Ok(read_safetensors(input)?);
    }
    Ok(NamedTensors::from([(name.to_owned(), picture::read(input)?)]))
}
"""

PICTURES = """
The input may also be a picture, PNG or JPEG. `src/picture.rs` makes the network's input of it,
equal to torchvision's with Pillow: for a PNG to the bit, while decoders of JPEG differ in single
pixels.
"""

LABELLED = """
The answer is the five most probable classes and their probabilities; `labels.txt` has their names.
"""


def program(arguments: argparse.Namespace) -> Program:
    """The program that the command line asks for; wrong texts and files are told before the model
    runs."""
    return Program(
        arguments.git,
        understood(arguments.transform) if arguments.transform is not None else None,
        read_labels(Path(arguments.labels)) if arguments.labels is not None else None,
    )


def described(value: torch.Tensor) -> str:
    """Shape and dtype, `(3, 10) float32`."""
    return f"({', '.join(map(str, value.shape))}) {str(value.dtype).removeprefix('torch.')}"


def is_probabilities(output: object) -> bool:
    """Rows that are not negative and sum to 1 have been through a softmax."""
    return (
        isinstance(output, torch.Tensor)
        and output.is_floating_point()
        and output.dim() == 2
        and bool((output >= 0).all())
        and torch.allclose(
            output.double().sum(1), torch.ones(len(output), dtype=torch.float64), atol=1e-4
        )
    )
