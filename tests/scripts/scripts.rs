//! The Python scripts with a faulty `.venv`, a faulty module of a network, or wrong arguments: one
//! line that names the fault.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use testing::{example, examples, python, refusal, root, run, stdout, write_executable};

/// The scripts in a temporary project.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        copy(&root("scripts"), &project.path("scripts"));
        copy(&root("torch2tch"), &project.path("torch2tch"));
        project
    }

    /// A project with the packages of this one.
    fn with_packages() -> Self {
        let project = Self::new();
        symlink(root(".venv"), project.path(".venv")).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A script run as a user runs it, with the system's Python.
    fn script(&self, name: &str) -> Command {
        let mut command = Command::new("python3");
        command.arg(self.path(name)).current_dir(self.0.path());
        command
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }
}

/// Copies a folder with what is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &copied),
            false => drop(fs::copy(&path, copied).unwrap()),
        }
    }
}

/// Creates a Python with only the standard library at `.venv`.
fn empty_venv(project: &Project) {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--without-pip"]);
    stdout(venv.arg(project.path(".venv")));
}

type Break = fn(&Project);

#[test]
fn an_incomplete_venv_is_reported_with_the_remedy() {
    let cases: [(Break, &str); 6] = [
        (|_| (), "there is no .venv yet; run scripts/setup first"),
        (
            |project| {
                empty_venv(project);
                fs::remove_file(project.path(".venv/pyvenv.cfg")).unwrap();
            },
            "is no Python of its own); run scripts/setup, which repairs it",
        ),
        (
            empty_venv,
            "(No module named 'torch'); run scripts/setup, which repairs it",
        ),
        (
            |project| {
                empty_venv(project);
                let packages = run(Command::new(project.path(".venv/bin/python"))
                    .args(["-c", "import site; print(site.getsitepackages()[0])"]));
                let packages = String::from_utf8(packages.stdout).unwrap();
                fs::create_dir(Path::new(packages.trim()).join("torch")).unwrap();
            },
            "run scripts/setup, which repairs it",
        ),
        (
            |project| {
                fs::create_dir_all(project.path(".venv/bin")).unwrap();
                project.write(".venv/bin/python", "no program");
            },
            "Permission denied); run scripts/setup, which repairs it",
        ),
        (
            |project| {
                fs::create_dir_all(project.path(".venv/bin")).unwrap();
                write_executable(&project.path(".venv/bin/python"), b"\x7fELF cut off");
            },
            "run scripts/setup, which repairs it",
        ),
    ];
    for (break_it, expected) in cases {
        let project = Project::new();
        break_it(&project);
        for script in [
            "scripts/compare.py",
            "torch2tch/src/torch2tch/reference/train.py",
        ] {
            let line = refusal(&mut project.script(script));
            assert!(line.contains(expected), "{line}");
        }
    }
}

/// A class as the guide requires, without functions yet.
const CLASS: &str = "import torch.nn as nn
class MyNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 10)
    def forward(self, x):
        return self.fc2(self.fc1(x).relu())
";

const FUNCTIONS: &str = "from digit_classifier import draw_input, draw_target, loss, readings\n";

#[test]
fn missing_and_existing_networks_are_distinguished() {
    let data = "--data=data/sample/digits";
    let cases: [(&str, &[&str]); 5] = [
        ("scripts/compare.py", &["no_such_network"]),
        ("scripts/train_distributed.py", &["no_such_network", data]),
        (
            "torch2tch/src/torch2tch/reference/train.py",
            &["../compare", data],
        ),
        (
            "torch2tch/src/torch2tch/reference/record_trace.py",
            &["no_such_network", "--output=target/never.safetensors"],
        ),
        // A module of the standard library is not a network.
        ("torch2tch/src/torch2tch/reference/demonstrate.py", &["os"]),
    ];
    for (script, args) in cases {
        let output = run(python(script).args(args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{script}: {stderr}");
        assert_eq!(
            stderr,
            format!(
                "error: there is no network '{}'; expected one of digit_classifier, \
                 house_price_predictor, binary_classifier, character_model, clothing_classifier, \
                 convolutional_classifier, dropout_classifier, recurrent_classifier, \
                 variational_autoencoder\n",
                args[0]
            )
        );
    }
}

#[test]
fn missing_functions_of_a_module_are_named() {
    let project = Project::with_packages();
    let mut file = "x = 1\n".to_owned();
    let cases = [
        (
            "",
            "torch2tch/src/torch2tch/reference/my_network.py: there is no MyNetwork",
        ),
        (
            CLASS,
            "torch2tch/src/torch2tch/reference/my_network.py: there is no draw_input",
        ),
        (
            "from digit_classifier import lss\n",
            "torch2tch/src/torch2tch/reference/my_network.py, line 10: ImportError: cannot import name 'lss'",
        ),
        (
            "def loss(:\n",
            "torch2tch/src/torch2tch/reference/my_network.py, line 11: SyntaxError: ",
        ),
    ];
    for (more, expected) in cases {
        file += more;
        project.write("torch2tch/src/torch2tch/reference/my_network.py", &file);
        let mut command = project.script("torch2tch/src/torch2tch/reference/record_trace.py");
        let line = refusal(command.args(["my_network", "--output=trace.safetensors"]));
        assert!(line.contains(expected), "{line}");
    }
    let line = refusal(project.script("scripts/compare.py").arg("my_network"));
    assert!(
        line.contains("torch2tch/src/torch2tch/reference/my_network.py, line 11"),
        "{line}"
    );
}

/// An example whose `NAME` is another network's has equal tensors here, but is not equal.
#[test]
fn another_name_in_rust_is_a_difference() {
    let project = Project::with_packages();
    let module = CLASS.to_owned() + FUNCTIONS;
    project.write("torch2tch/src/torch2tch/reference/my_network.py", &module);
    fs::create_dir(project.path("examples")).unwrap();
    let misnamed = project.path("examples/my_network");
    symlink(example("digit_classifier").get_program(), misnamed).unwrap();
    let mut compare = project.script("scripts/compare.py");
    compare.args(["my_network", "--examples=examples", "--steps=2"]);
    let output = run(compare.arg("--optimizer=sgd"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("my_network in Python, digit_classifier in Rust"),
        "{text}"
    );
    let verdict = "1 of 23 rows differ, the first: my_network sgd network\n";
    assert!(text.ends_with(verdict), "{text}");
}

/// Buffers are recorded like parameters, in the order of the state dict.
#[test]
fn buffers_are_recorded_with_the_parameters_of_their_layer() {
    let project = Project::with_packages();
    let module = CLASS.replace("nn.Linear(128, 10)", "nn.BatchNorm1d(128)") + FUNCTIONS;
    project.write("torch2tch/src/torch2tch/reference/my_network.py", &module);
    let mut record = project.script("torch2tch/src/torch2tch/reference/record_trace.py");
    stdout(record.args(["my_network", "--steps=2", "--output=trace.safetensors"]));
    let mut compare = project.script("scripts/compare_traces.py");
    let text = stdout(compare.args(["trace.safetensors", "trace.safetensors"]));
    let names = text
        .split_whitespace()
        .filter(|word| word.starts_with("step2."));
    let expected = [
        "fc1.weight",
        "fc1.bias",
        "fc2.weight",
        "fc2.bias",
        "fc2.running_mean",
        "fc2.running_var",
        "fc2.num_batches_tracked",
    ];
    assert!(
        names.eq(expected.map(|name| format!("step2.{name}"))),
        "{text}"
    );
    assert!(!text.contains("grad.fc2.running_mean"), "{text}");
}

/// A command that runs the comparison with this project's examples.
fn compare(args: &[&str]) -> Command {
    let mut command = python("scripts/compare.py");
    command.arg("--examples").arg(examples()).args(args);
    command.current_dir(root(""));
    command
}

#[test]
fn arguments_of_the_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("flowers.csv");
    fs::write(&other, "length,width\n1,2\n").unwrap();
    let other = format!("--train={}", other.display());
    let cases: [(&[&str], &str); 6] = [
        (&["--train=/nowhere"], "/nowhere: there is no such file"),
        // The extension .csv does not select the houses.
        (&[&other], "flowers.csv: expected the IDX files of digits"),
        (
            &["--train=data/sample"],
            "found house_price_predictor and binary",
        ),
        (
            &["house_price_predictor", &other],
            "house_price_predictor train: Python: ",
        ),
        (
            &["--keep=README.md", "--steps=1"],
            "--keep README.md: File exists",
        ),
        (
            &["--examples=/nowhere"],
            "/nowhere/digit_classifier does not",
        ),
    ];
    for (args, expected) in cases {
        let line = refusal(&mut compare(args));
        assert!(line.contains(expected), "{line}");
    }
    for threads in ["0", "1025"] {
        let output = run(&mut compare(&[&format!("--threads={threads}")]));
        assert_eq!(output.status.code(), Some(2), "{threads}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let line = stderr.lines().last().unwrap();
        assert!(
            line.contains("error: argument --threads: expected"),
            "{line}"
        );
    }
}

#[test]
fn a_failed_build_shows_the_compilers_message() {
    let project = Project::with_packages();
    let manifest = "[package]\nname = \"mine\"\nedition = \"2024\"\n";
    project.write("Cargo.toml", manifest);
    for folder in ["src", "examples"] {
        fs::create_dir(project.path(folder)).unwrap();
    }
    project.write("src/lib.rs", "");
    project.write(
        "examples/digit_classifier.rs",
        "fn main() { undefined_name }\n",
    );
    let mut compare = project.script("scripts/compare.py");
    let output = run(compare
        .arg("digit_classifier")
        .env_remove("CARGO_TARGET_DIR"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("cannot find value `undefined_name`"),
        "{stderr}"
    );
    let last = stderr.lines().last().unwrap();
    let expected = "error: cannot build the examples digit_classifier; cargo says why above";
    assert_eq!(last, expected);
}
