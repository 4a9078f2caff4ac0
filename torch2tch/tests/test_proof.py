"""The proof of a port: equal to the bit, or the first row that differs says where it is not."""

from pathlib import Path

import pytest

from torch2tch.compare.command import find_examples

from .conftest import Done, Run

DIGITS = "torch2tch/src/torch2tch/reference/digit_classifier.py:DigitClassifier"
SETTINGS = ("--steps=3", "--optimizer=adam", "--batch-size=8")

# A class with two layers of one shape, and a port of it by hand.
TWIN_PYTHON = """
import torch.nn as nn
import torch.nn.functional as F


class Twin(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, width)
        self.fc2 = nn.Linear(width, width)

    def forward(self, x, y):
        x = F.leaky_relu(self.fc1(x), 0.2)
        y = F.dropout(self.fc2(y), 0.5, self.training)
        return x, y


def loss(output, target):
    x, y = output
    return F.mse_loss(x, target) + y.abs().mean()
"""

TWIN_RUST = """
use final_layer::torch::nn::functional::leaky_relu;
use final_layer::torch::nn::{Linear, Path, linear};
use tch::{Reduction, Tensor};

#[derive(Debug)]
pub struct Twin {
    fc1: Linear,
    fc2: Linear,
}

impl Twin {
    pub fn new(vs: &Path, width: i64) -> Self {
        let fc1 = linear(vs / "fc1", width, width, Default::default());
        let fc2 = linear(vs / "fc2", width, width, Default::default());
        Self { fc1, fc2 }
    }

    pub fn forward(&self, x: &Tensor, y: &Tensor, train: bool) -> (Tensor, Tensor) {
        let x = leaky_relu(&x.apply(&self.fc1), 0.2);
        let y = y.apply(&self.fc2).dropout(0.5, train);
        (x, y)
    }
}

pub fn loss(output: &(Tensor, Tensor), target: &Tensor) -> Tensor {
    output.0.mse_loss(target, Reduction::Mean) + output.1.abs().mean(None)
}
"""

TWIN_OPTIONS = (
    "--args=width=6",
    "--input=randn(batch_size, 6)",
    "--input=randn(batch_size, 6)",
    "--target=randn(batch_size, 6)",
)


class Twin:
    """The class and its port by hand, in a folder."""

    def __init__(self, folder: Path, torch2tch: Run) -> None:
        self.folder, self.torch2tch = folder, torch2tch
        (folder / "twin.py").write_text(TWIN_PYTHON)
        self.change("", "")

    def change(self, old: str, new: str) -> None:
        """Writes the port by hand, with one text in it replaced."""
        assert old in TWIN_RUST
        (self.folder / "twin.rs").write_text(TWIN_RUST.replace(old, new, 1))

    def compare(self, *options: str, rust: str = "twin.rs") -> Done:
        target, file = f"{self.folder / 'twin.py'}:Twin", self.folder / rust
        return self.torch2tch("compare", target, "--rust", file, *SETTINGS, *options)


@pytest.fixture
def twin(tmp_path: Path, torch2tch: Run) -> Twin:
    return Twin(tmp_path, torch2tch)


def test_a_network_of_the_project_is_equal_as_a_class_of_any_file(torch2tch: Run) -> None:
    rust = "src/networks/digit_classifier.rs"
    more = ("--seed=5", "--threads=2")
    done = torch2tch("compare", DIGITS, "--rust", rust, *SETTINGS, *more)
    assert done.code == 0, done
    assert done.verdict() == "21 tensors, all equal to the bit"


def test_a_port_by_hand_is_equal(twin: Twin) -> None:
    done = twin.compare(*TWIN_OPTIONS)
    assert done.code == 0, done
    for name in ["generator", "input.0", "input.1", "target", "output.0", "output.1"]:
        assert f"  {name} " in done.out


LAYERS = [
    f'let {name} = linear(vs / "{name}", width, width, Default::default());'
    for name in ("fc1", "fc2")
]
ONE_MORE = 'let _ = linear(vs / "fc3", 1, 1, Default::default());'
ONE_DRAW = "let _ = Tensor::rand([1], (tch::Kind::Float, tch::Device::Cpu));"

# What is written in the place of what, and the first row in which that shows.
CHANGES = [
    ("0.2", "0.3", "output.0"),
    ("self.fc2", "self.fc1", "output.1"),
    ("dropout(0.5", "dropout(0.4", "output.1"),
    (f"{LAYERS[0]}\n        {LAYERS[1]}", LAYERS[1] + LAYERS[0], "init.fc1.weight"),
    ('vs / "fc2"', 'vs / "other"', "init.fc2.weight"),
    ("Self { fc1", f"{ONE_MORE} Self {{ fc1", "init.fc3.bias"),
    ("Self { fc1", f"{ONE_DRAW} Self {{ fc1", "generator"),
    ("Reduction::Mean", "Reduction::Sum", "losses"),
]


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [CHANGES[0], *(pytest.param(*c, marks=pytest.mark.slow) for c in CHANGES[1:])],
)
def test_a_change_to_the_port_is_seen_where_it_is(old: str, new: str, row: str, twin: Twin) -> None:
    twin.change(old, new)
    done = twin.compare(*TWIN_OPTIONS)
    assert done.code == 1, done
    assert done.verdict().endswith(f"the first: Twin adam {row}"), done


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("pub struct", "struct", "twin.rs: there is no `pub struct Twin`"),
        ("pub fn new", "pub fn make", "twin.rs: Twin has no `pub fn new("),
        ("pub fn forward", "pub fn answer", "twin.rs: Twin has no `forward`"),
        ("width: i64", "breadth: i64", "takes breadth, which Twin in "),
        ("&x.apply(&self.fc1)", "&x.apply(&self.fc9)", "twin.rs:20: no field `fc9`"),
    ],
)
def test_a_port_that_does_not_fit_is_refused(old: str, new: str, expected: str, twin: Twin) -> None:
    twin.change(old, new)
    assert expected in twin.compare(*TWIN_OPTIONS).refusal()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (TWIN_OPTIONS[1:], "twin.py: Twin cannot be made (--args gives"),
        (TWIN_OPTIONS[:1], "twin.py: --input is needed, once for each argument of forward(x, y)"),
        (TWIN_OPTIONS[:2], "twin.py: Twin: forward: TypeError"),
        (("--args=width=6", "--input=randn(", "--input=1"), "--input 'randn('"),
        (("--args=width=6", "--input=1", "--input=1"), "expected a tensor"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    options: tuple[str, ...], expected: str, twin: Twin
) -> None:
    assert expected in twin.compare(*options).refusal()


def test_a_missing_port_is_refused(twin: Twin) -> None:
    line = twin.compare(*TWIN_OPTIONS, rust="missing.rs").refusal()
    assert "missing.rs: expected a file of Rust or an executable" in line


@pytest.mark.parametrize(
    "arguments", [("digit_classifier", "--rust=x.rs"), ("x.py:X",), ("--input=randn(1)",)]
)
def test_wrong_usage_has_exit_code_2(arguments: tuple[str, ...], torch2tch: Run) -> None:
    assert torch2tch("compare", *arguments).code == 2


def test_an_executable_is_compared_as_well(torch2tch: Run) -> None:
    built = find_examples(["digit_classifier"], None)["digit_classifier"]
    done = torch2tch("compare", DIGITS, "--rust", built, *SETTINGS)
    assert done.code == 0, done
    assert done.verdict() == "22 tensors, all equal to the bit"


# Classes of torch2tch/tests/classes with what does not stand in their files: the constructor's
# arguments, the inputs.
PORTS: list[tuple[str, str, list[str]]] = [
    ("variational_autoencoder", "VariationalAutoencoder", []),
    ("adversarial", "Generator", ["--input=randn(batch_size, 16, 1, 1)"]),
    ("adversarial", "Discriminator", ["--input=randn(batch_size, 3, 16, 16)"]),
    ("graph_convolution", "GraphNetwork", ["--args=nhid=12, dropout=0.3"]),
    ("mixture_of_experts", "MixtureOfExperts", ["--input=randn(batch_size, 24)"]),
    ("gru_tagger", "GruTagger", []),
    ("u_net", "UNet", ["--input=randn(batch_size, 1, 16, 16)"]),
    ("recommender", "Recommender", []),
    ("pyramid", "Pyramid", []),
    ("attention_pooling", "AttentionPooling", []),
    ("causal_transformer", "CausalTransformer", []),
    ("language_model", "LanguageModel", []),
    ("lstm_cells", "LstmCells", []),
    ("mixer", "Mixer", []),
    ("residual_network", "ResidualNetwork", []),
    ("sequence_to_sequence", "SequenceToSequence", []),
    ("siamese", "Siamese", []),
    ("staged_network", "StagedNetwork", []),
    ("translation", "Translation", []),
    ("captions", "Captions", []),
    ("as_found", "Masked", ["--input=randn(batch_size, 5, 6)", "--loss=output[0].pow(2).mean()"]),
    ("as_found", "InTurns", ["--input=randn(batch_size, 8)"]),
    ("as_found", "Pooled", ["--input=randn(batch_size, 4, 9, 9)"]),
    (
        "as_found",
        "Several",
        [
            "--input=[randn(batch_size, 5), randn(batch_size, 5)]",
            "--loss=output['gated'].pow(2).mean()",
        ],
    ),
    ("shared_parts", "SharedLayers", ["--input=randn(batch_size, 8)"]),
    ("shared_parts", "TiedSides", ["--input=randint(10, (batch_size, 3))"]),
    ("shared_parts", "WeightNorms", ["--input=randn(batch_size, 8)"]),
]


def proof(file: str, name: str, options: list[str], output: Path, torch2tch: Run) -> None:
    target = f"torch2tch/tests/classes/{file}.py:{name}"
    done = torch2tch(target, "--output", output, "--prove", "--batch-size=8", *options)
    assert done.code == 0, done
    assert done.verdict().endswith(" tensors, all equal to the bit")
    stages = ["generator", "init", "evaluation", "training", "sgd.losses", "adam.step20"]
    rows = "\n" + done.out
    assert all(f"\n  {stage}" in rows for stage in stages), done.out


def test_a_port_is_equal_to_the_bit(tmp_path: Path, torch2tch: Run) -> None:
    proof(*PORTS[0], tmp_path / "port.rs", torch2tch)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "name", "options"), PORTS[1:])
def test_every_port_is_equal_to_the_bit(
    file: str, name: str, options: list[str], tmp_path: Path, torch2tch: Run
) -> None:
    proof(file, name, options, tmp_path / "port.rs", torch2tch)
