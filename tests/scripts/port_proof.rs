//! `scripts/compare.py FILE.py:CLASS --rust FILE.rs` and `scripts/port.py --prove`: a port is equal
//! to the bit, or the first differing row shows where it is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use testing::{example, python, refusal, root, run, stdout};

/// Compares a class with a Rust file; returns the exit code and the output.
fn compare(class: &str, rust: &Path, options: &[&str]) -> (Option<i32>, String) {
    let output = run(comparison(class, rust).args(options));
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text + &said)
}

fn comparison(class: &str, rust: &Path) -> Command {
    let mut command = python("scripts/compare.py");
    command
        .current_dir(root(""))
        .arg(class)
        .arg("--rust")
        .arg(rust);
    command.args(["--steps=3", "--optimizer=adam", "--batch-size=8"]);
    command
}

const DIGITS: &str = "torch2tch/src/torch2tch/reference/digit_classifier.py:DigitClassifier";

#[test]
fn a_network_of_the_project_is_equal_as_a_class_of_any_file() {
    let rust = root("src/networks/digit_classifier.rs");
    let (code, text) = compare(DIGITS, &rust, &["--seed=5", "--threads=2"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("\n21 tensors, all equal to the bit\n"),
        "{text}"
    );
}

#[test]
fn an_executable_of_ones_own_is_compared_as_well() {
    let executable = example("digit_classifier");
    let (code, text) = compare(DIGITS, Path::new(executable.get_program()), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("\n22 tensors, all equal to the bit\n"),
        "{text}"
    );
}

/// A class with two layers of the same shape, and a port of it by hand.
const TWIN_PYTHON: &str = "
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
";

const TWIN_RUST: &str = r#"
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
"#;

const TWIN_OPTIONS: [&str; 4] = [
    "--args=width=6",
    "--input=randn(batch_size, 6)",
    "--input=randn(batch_size, 6)",
    "--target=randn(batch_size, 6)",
];

struct Twin(TempDir);

impl Twin {
    fn new() -> Self {
        let twin = Self(tempfile::tempdir().unwrap());
        fs::write(twin.0.path().join("twin.py"), TWIN_PYTHON).unwrap();
        twin
    }

    fn class(&self) -> String {
        format!("{}:Twin", self.0.path().join("twin.py").display())
    }

    /// Writes the port by hand, with `from` replaced by `to`.
    fn rust(&self, from: &str, to: &str) -> PathBuf {
        assert!(TWIN_RUST.contains(from));
        let path = self.0.path().join("twin.rs");
        fs::write(&path, TWIN_RUST.replacen(from, to, 1)).unwrap();
        path
    }

    /// Checks that the comparison fails for the port with `from` replaced by `to`, first at `row`.
    fn sees(&self, from: &str, to: &str, row: &str) {
        let (code, text) = compare(&self.class(), &self.rust(from, to), &TWIN_OPTIONS);
        assert_eq!(code, Some(1), "{from} → {to}: {text}");
        let first = format!("the first: Twin adam {row}\n");
        assert!(text.contains(&first), "{from} → {to}: {text}");
    }
}

#[test]
fn a_port_by_hand_is_equal_and_a_change_to_it_is_seen() {
    let twin = Twin::new();
    let (code, text) = compare(&twin.class(), &twin.rust("0.2", "0.2"), &TWIN_OPTIONS);
    assert_eq!(code, Some(0), "{text}");
    for name in [
        "generator",
        "input.0",
        "input.1",
        "target",
        "output.0",
        "output.1",
    ] {
        assert!(text.contains(&format!("  {name} ")), "{name}: {text}");
    }
    twin.sees("0.2", "0.3", "output.0");
}

#[test]
#[ignore = "a minute: cargo test --test it -- --ignored every_port"]
fn every_port_by_hand_is_seen_where_it_is_changed() {
    let twin = Twin::new();
    let [first, second] = ["fc1", "fc2"].map(|name| {
        format!("let {name} = linear(vs / \"{name}\", width, width, Default::default());")
    });
    twin.sees("self.fc2", "self.fc1", "output.1");
    twin.sees("dropout(0.5", "dropout(0.4", "output.1");
    twin.sees(
        &format!("{first}\n        {second}"),
        &format!("{second}{first}"),
        "init.fc1.weight",
    );
    twin.sees("vs / \"fc2\"", "vs / \"other\"", "init.fc2.weight");
    let layer = "let _ = linear(vs / \"fc3\", 1, 1, Default::default());";
    twin.sees(
        "Self { fc1",
        &format!("{layer} Self {{ fc1"),
        "init.fc3.bias",
    );
    let draw = "let _ = Tensor::rand([1], (tch::Kind::Float, tch::Device::Cpu));";
    twin.sees("Self { fc1", &format!("{draw} Self {{ fc1"), "generator");
    twin.sees("Reduction::Mean", "Reduction::Sum", "losses");
}

#[test]
fn errors_are_reported_in_one_line() {
    let twin = Twin::new();
    let rust = twin.rust("0.2", "0.2");
    let rejected =
        |class: &str, rust: &Path, options: &[&str]| refusal(comparison(class, rust).args(options));
    let class = twin.class();
    for (from, to, expected) in [
        (
            "pub struct",
            "struct",
            "twin.rs: there is no `pub struct Twin`",
        ),
        (
            "pub fn new",
            "pub fn make",
            "twin.rs: Twin has no `pub fn new(",
        ),
        (
            "pub fn forward",
            "pub fn answer",
            "twin.rs: Twin has no `forward`",
        ),
        (
            "width: i64",
            "breadth: i64",
            "takes breadth, which Twin in ",
        ),
        (
            "&x.apply(&self.fc1)",
            "&x.apply(&self.fc9)",
            "twin.rs:20: no field `fc9`",
        ),
    ] {
        let line = rejected(&class, &twin.rust(from, to), &TWIN_OPTIONS);
        assert!(line.contains(expected), "{line}");
    }
    twin.rust("0.2", "0.2");
    for (options, expected) in [
        (
            &TWIN_OPTIONS[1..],
            "twin.py: Twin cannot be made (--args gives",
        ),
        (
            &TWIN_OPTIONS[..1],
            "twin.py: --input is needed, once for each argument of forward(x, y)",
        ),
        (&TWIN_OPTIONS[..2], "twin.py: Twin: forward: TypeError"),
        (
            &["--args=width=6", "--input=randn(", "--input=1"],
            "--input 'randn('",
        ),
        (
            &["--args=width=6", "--input=1", "--input=1"],
            "expected a tensor",
        ),
    ] {
        let line = rejected(&class, &rust, options);
        assert!(line.contains(expected), "{line}");
    }
    let missing = twin.0.path().join("missing.rs");
    let line = rejected(&class, &missing, &TWIN_OPTIONS);
    assert!(
        line.contains("missing.rs: expected a file of Rust or an executable"),
        "{line}"
    );
    for wrong in [
        &["digit_classifier", "--rust=x.rs"][..],
        &["x.py:X"],
        &["--input=randn(1)"],
    ] {
        let output = run(python("scripts/compare.py").args(wrong));
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

/// Classes of `torch2tch/tests/classes/` with facts that are not in their files: the constructor's arguments and
/// the inputs.
const PORTS: [(&str, &str, &[&str]); 20] = [
    ("variational_autoencoder", "VariationalAutoencoder", &[]),
    (
        "adversarial",
        "Generator",
        &["--input=randn(batch_size, 16, 1, 1)"],
    ),
    (
        "adversarial",
        "Discriminator",
        &["--input=randn(batch_size, 3, 16, 16)"],
    ),
    (
        "graph_convolution",
        "GraphNetwork",
        &["--args=nhid=12, dropout=0.3"],
    ),
    (
        "mixture_of_experts",
        "MixtureOfExperts",
        &["--input=randn(batch_size, 24)"],
    ),
    ("gru_tagger", "GruTagger", &[]),
    ("u_net", "UNet", &["--input=randn(batch_size, 1, 16, 16)"]),
    ("recommender", "Recommender", &[]),
    ("pyramid", "Pyramid", &[]),
    ("attention_pooling", "AttentionPooling", &[]),
    ("causal_transformer", "CausalTransformer", &[]),
    ("language_model", "LanguageModel", &[]),
    ("lstm_cells", "LstmCells", &[]),
    ("mixer", "Mixer", &[]),
    ("residual_network", "ResidualNetwork", &[]),
    ("sequence_to_sequence", "SequenceToSequence", &[]),
    ("siamese", "Siamese", &[]),
    ("staged_network", "StagedNetwork", &[]),
    ("translation", "Translation", &[]),
    ("captions", "Captions", &[]),
];

/// Ports a class, compiles it and compares it, with two optimizers.
fn prove(file: &str, class: &str, options: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = python("scripts/port.py");
    command
        .current_dir(root(""))
        .arg(format!("torch2tch/tests/classes/{file}.py:{class}"));
    command
        .arg("--output")
        .arg(folder.path().join("port.rs"))
        .args(["--prove", "--batch-size=8"]);
    let text = stdout(command.args(options));
    let last = text.lines().last().unwrap();
    assert!(
        last.ends_with(" tensors, all equal to the bit"),
        "{class}: {text}"
    );
    for stage in [
        "init.",
        "generator ",
        "output",
        "losses ",
        "grad.",
        "step1.",
        "step20.",
    ] {
        assert!(
            text.contains(&format!("\n  {stage}")),
            "{class}: no {stage} in {text}"
        );
    }
}

#[test]
fn a_port_is_equal_to_the_bit() {
    let (file, class, options) = PORTS[0];
    prove(file, class, options);
}

#[test]
#[ignore = "a minute: cargo test --test it -- --ignored every_port"]
fn every_port_is_equal_to_the_bit() {
    for (file, class, options) in PORTS {
        prove(file, class, options);
    }
}
