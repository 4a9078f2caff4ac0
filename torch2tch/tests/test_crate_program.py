"""The program of a crate: pictures by `--transform`, names of classes by `--labels`."""

from pathlib import Path

import pytest

from torch2tch.crate.labels import read_labels
from torch2tch.crate.transform import understood
from torch2tch.subject import Refused

from .conftest import Run

COLOURS = """
import torch.nn as nn


class Colours(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, picture):
        return self.fc(picture.mean((2, 3)))
"""
INPUT = "--input=randn(batch_size, 3, 8, 8)"
TRANSFORM = "--transform=Compose([CenterCrop(8), ToTensor()])"


@pytest.fixture
def colours(tmp_path: Path) -> str:
    (tmp_path / "colours.py").write_text(COLOURS)
    (tmp_path / "labels.txt").write_text("warm\ncold\n")
    return f"{tmp_path / 'colours.py'}:Colours"


def test_transforms_are_calls_in_their_order() -> None:
    made = understood(
        "transforms.Compose([T.Resize(256, interpolation=InterpolationMode.BICUBIC, "
        "antialias=True), transforms.CenterCrop((224, 192)), ToTensor(), "
        "Normalize(mean=[127 / 255] * 3, std=0.5)])"
    )
    assert made.statements == [
        "let image = resize(&image, 256, InterpolationMode::Bicubic)?;",
        "let image = center_crop(&image, [224, 192])?;",
        "let pixels = to_tensor(&image);",
        "let pixels = normalize(&pixels, &[0.4980392156862745, 0.4980392156862745, "
        "0.4980392156862745], &[0.5])?;",
    ]
    assert made.size == (224, 192)
    # Pillow's number of a filter, and no Compose around.
    made = understood("[Resize([8, 9], 1), ToTensor()]")
    assert made.statements[0] == "let image = resize(&image, [8, 9], InterpolationMode::Lanczos)?;"
    assert made.size == (8, 9)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Resize(", "expected an expression of Python"),
        ("[CenterCrop(8)]", "expected a ToTensor(), found none"),
        ("[Resize(8), ToTensor()]", "depends on the picture"),
        ("[CenterCrop(8), Resize(8), ToTensor()]", "depends on the picture"),
        ("[RandomCrop(8), ToTensor()]", "`RandomCrop(8)`: expected one of Compose, Resize"),
        ("[ToTensor(), CenterCrop(8)]", "`CenterCrop(8)`: expected it before ToTensor()"),
        ("[Normalize(0.5, 0.5), ToTensor()]", "expected it behind ToTensor()"),
        ("[CenterCrop(8), ToTensor(), ToTensor()]", "`ToTensor()`: expected it before"),
        ("[CenterCrop(0), ToTensor()]", "expected a size from 1 to 65535"),
        ("[CenterCrop(8.5), ToTensor()]", "expected a size from 1"),
        ("[CenterCrop(), ToTensor()]", "expected a size from 1"),
        ("[CenterCrop(8, 9), ToTensor()]", "expected at most 1 arguments"),
        ("[CenterCrop(8, fill=0), ToTensor()]", "expected no argument fill there"),
        ("[Resize(8, max_size=9), ToTensor()]", "max_size is not supported"),
        ("[Resize((8, 8), InterpolationMode.NEAREST), ToTensor()]", "one of the filters"),
        ("[Resize((8, 8), 0), ToTensor()]", "one of the filters"),
        ("[CenterCrop(side), ToTensor()]", "expected numbers, found `side`"),
        ("[CenterCrop(8), ToTensor(), Normalize([0.5, 0.5], 1)]", "expected three numbers as mean"),
        ("[CenterCrop(8), ToTensor(), Normalize(0.5)]", "expected three numbers as std"),
        ("[CenterCrop(8), ToTensor(), Normalize(0.5, 1e-60)]", "other than 0 as std"),
        ("[CenterCrop(8), ToTensor(), Normalize(1e999, 1)]", "finite numbers as mean"),
        ("[CenterCrop(8), ToTensor(), Normalize(1 / 0, 1)]", "`1 / 0`: division by zero"),
    ],
)
def test_a_transform_without_a_counterpart_is_refused(text: str, expected: str) -> None:
    with pytest.raises(Refused) as refused:
        understood(text)
    (line,) = refused.value.lines
    assert expected in line and line.startswith("--transform"), line


def test_labels_are_lines_or_json(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    for text in (
        "tench\ngreat  shark\n",
        '["tench", "great shark"]',
        '{"1": "great shark", "0": "tench"}',
    ):
        file.write_text(text)
        assert read_labels(file) == ["tench", "great shark"], text


@pytest.mark.parametrize(
    "text, expected",
    [
        (b"", "found none on line 1"),
        (b"tench\n\nshark\n", "found none on line 2"),
        (b"\xff\xfe\x00", "expected a text in UTF-8"),
        (b"[1, 2]", "expected in JSON a list of names"),
        (b'{"1": "shark"}', "a dict from 0 on to names"),
        (b'["tench"', "found no JSON"),
    ],
)
def test_other_labels_are_refused(tmp_path: Path, text: bytes, expected: str) -> None:
    file = tmp_path / "labels"
    file.write_bytes(text)
    with pytest.raises(Refused) as refused:
        read_labels(file)
    (line,) = refused.value.lines
    assert line.startswith(f"--labels {file}: ") and expected in line, line
    with pytest.raises(Refused, match="No such file"):
        read_labels(tmp_path / "missing")


def test_the_program_fits_the_network(tmp_path: Path, colours: str, torch2tch: Run) -> None:
    folder = tmp_path / "crate"
    labels = f"--labels={tmp_path / 'labels.txt'}"
    done = torch2tch(colours, INPUT, TRANSFORM, labels, "--crate", folder)
    assert done.code == 0, done
    assert (folder / "labels.txt").read_text() == "warm\ncold\n"
    assert "center_crop(&image, [8, 8])" in (folder / "src/picture.rs").read_text()
    assert "torchvision-parity = { path" in (folder / "Cargo.toml").read_text()

    plain = tmp_path / "plain"
    assert torch2tch(colours, INPUT, "--crate", plain).code == 0
    assert "torchvision-parity" not in (plain / "Cargo.toml").read_text()
    assert not (plain / "src/picture.rs").exists() and not (plain / "labels.txt").exists()


def test_a_program_that_does_not_fit_is_refused(
    tmp_path: Path, colours: str, torch2tch: Run
) -> None:
    (tmp_path / "three.txt").write_text("warm\ncold\nnone\n")
    for option, expected in [
        ("--transform=[CenterCrop(9), ToTensor()]", "gives (1, 3, 9, 9) float32"),
        (f"--labels={tmp_path / 'three.txt'}", "has 3 names, expected an output of (N, 3)"),
    ]:
        line = torch2tch(colours, INPUT, option, "--crate", tmp_path / "crate").refusal()
        assert expected in line
        assert not (tmp_path / "crate").exists()
    for option in ("--transform=[CenterCrop(8), ToTensor()]", "--labels=x", "--git=x"):
        done = torch2tch(colours, INPUT, option)
        assert done.code == 2 and "goes with --crate" in done.err
