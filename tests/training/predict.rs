//! `evaluate` and `predict` agree with Python for the same weights and the same files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::train::{SAMPLE_DATA, sample_data};
use testing::{NETWORKS, example, python, python_code, run, stdout};

/// Networks that behave differently in evaluation and in training, on digits with normalized
/// pixels.
const OTHERS: [&str; 2] = ["convolutional_classifier", "recurrent_classifier"];

/// A briefly trained network, and the path of its weights.
struct Trained {
    network: &'static str,
    data: PathBuf,
    folder: TempDir,
}

impl Trained {
    fn new(network: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights.safetensors");
        let epochs = match network {
            "convolutional_classifier" => "--epochs=1",
            _ => "--epochs=5",
        };
        let args = [epochs, "--threads=1", "--lr=0.003"];
        stdout(
            example(network)
                .arg("train")
                .args(args)
                .arg("--output")
                .arg(weights),
        );
        let place = NETWORKS.iter().position(|&name| name == network);
        Self {
            network,
            data: sample_data(place.map_or("digits", |place| SAMPLE_DATA[place])),
            folder,
        }
    }

    fn weights(&self) -> PathBuf {
        self.path("weights.safetensors")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, command: &str) -> Command {
        let mut example = example(self.network);
        example
            .args([command, "--threads=1", "--weights"])
            .arg(self.weights());
        example
    }

    /// Runs a Python test script with these weights and this data.
    fn python(&self, script: &str, more: &[&OsStr]) -> Value {
        let weights = self.weights();
        let mut args = vec![
            self.network.as_ref(),
            weights.as_os_str(),
            self.data.as_os_str(),
        ];
        args.extend(more);
        serde_json::from_str(&python_code(script, &args)).unwrap()
    }
}

/// The elements as float32; JSON preserves every bit.
fn floats(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().unwrap().iter();
    numbers
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}

#[test]
fn evaluate_prints_the_metrics_of_scikit_learn() {
    for network in NETWORKS.into_iter().chain(OTHERS) {
        let trained = Trained::new(network);
        let expected = trained.python("tests/python/evaluate.py", &[]);
        let expected = expected.as_object().unwrap();
        let found = stdout(trained.command("evaluate").arg("--json"));
        let found: Value = serde_json::from_str(&found).unwrap();
        assert_eq!(found.as_object().unwrap().len(), expected.len(), "{found}");
        let text = stdout(&mut trained.command("evaluate"));
        for (name, expected) in expected {
            match expected.as_f64() {
                Some(expected) => {
                    let distance = (found[name].as_f64().unwrap() - expected).abs();
                    assert!(
                        distance <= 1e-12 * expected.abs().max(1.),
                        "{network}: {name}"
                    );
                    assert!(text.contains(&format!("\n{name} ")), "{text}");
                }
                None => assert_eq!(&found[name], expected, "{network}: {name}"),
            }
        }
        assert_eq!(
            text.contains("true \\ predicted"),
            expected.contains_key("confusion")
        );
    }
}

#[test]
fn predict_gives_pythons_probabilities_of_pictures() {
    for (network, key) in [
        ("digit_classifier", "probabilities"),
        ("binary_classifier", "probability"),
        (OTHERS[0], "probabilities"),
        (OTHERS[1], "probabilities"),
    ] {
        let trained = Trained::new(network);
        let folder = trained.folder.path().as_os_str();
        let expected = trained.python("tests/python/predict.py", &[folder]);
        let expected = expected.as_array().unwrap();
        for (ending, option) in [(".png", None), ("-inverted.png", Some("--invert"))] {
            let pictures = (0..expected.len()).map(|i| trained.path(&format!("{i}{ending}")));
            let mut predict = trained.command("predict");
            let text = stdout(predict.arg("--json").args(option).args(pictures.clone()));
            let lines: Vec<Value> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(lines.len(), expected.len());
            for ((line, path), expected) in lines.iter().zip(pictures).zip(expected) {
                assert_eq!(line["input"], path.to_str().unwrap());
                let found = match &line[key] {
                    Value::Array(_) => floats(&line[key]),
                    number => floats(&Value::Array(vec![number.clone()])),
                };
                assert_eq!(found, floats(expected), "{network} {}", path.display());
            }
        }
    }
}

#[test]
fn predict_prints_a_line_for_each_input() {
    let trained = Trained::new("digit_classifier");
    let folder = trained.folder.path().as_os_str();
    let expected = trained.python("tests/python/predict.py", &[folder]);
    let largest = |i: usize| {
        let probabilities = floats(&expected[i]).into_iter().enumerate();
        probabilities.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
    };
    let mut predict = trained.command("predict");
    let output = run(predict
        .args(["0.png", "1.png"])
        .current_dir(&trained.folder));
    let ((a, p), (b, q)) = (largest(0), largest(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("0.png: {a}, probability {p:.4}\n1.png: {b}, probability {q:.4}\n")
    );
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "note: 0.png: 28×28 grey\nnote: 1.png: 28×28 grey\n"
    );
}

#[test]
fn predict_gives_pythons_prices_of_houses() {
    let trained = Trained::new("house_price_predictor");
    let folder = trained.folder.path().as_os_str();
    let expected = trained.python("tests/python/predict.py", &[folder]);

    let mut predict = trained.command("predict");
    let output = run(predict.arg("--json").arg(&trained.data));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1195);
    // Every fifth house is for testing, starting with the fifth.
    for (i, expected) in expected.as_array().unwrap().iter().enumerate() {
        let price = lines[5 * i + 4]["price"].as_f64().unwrap();
        assert_eq!((price / 100_000.) as f32, floats(expected)[0], "house {i}");
    }
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("5 of 1,200 rows lack a value and are left out"),
        "{stderr}"
    );

    let text = stdout(trained.command("predict").arg(&trained.data));
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with(&format!("{}:2: $", trained.data.display())),
        "{first}"
    );
}

#[test]
fn one_invalid_input_refuses_all() {
    let trained = Trained::new("digit_classifier");
    let folder = trained.folder.path().as_os_str();
    trained.python("tests/python/predict.py", &[folder]);
    fs::write(trained.path("text.png"), "no picture").unwrap();
    let whole = fs::read(trained.path("0.png")).unwrap();
    fs::write(trained.path("cut.png"), &whole[..whole.len() / 2]).unwrap();
    let cases = [
        ("text.png", "text.png: expected a PNG or JPEG picture"),
        ("cut.png", "cut.png: cannot be read as a picture"),
        ("missing.png", "cannot read missing.png"),
        (".", "cannot read .: not a regular file"),
    ];
    for (bad, message) in cases {
        let mut predict = trained.command("predict");
        let output = run(predict.args(["0.png", bad]).current_dir(&trained.folder));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(output.stdout.is_empty());
        let error = stderr.lines().last().unwrap();
        assert!(
            error.starts_with("error: ") && error.contains(message),
            "{stderr}"
        );
    }
}

/// The output of a command on a terminal.
fn on_terminal(command: &Command, folder: &Path) -> String {
    let mut terminal = python("tests/python/terminal.py");
    terminal.arg(command.get_program()).args(command.get_args());
    stdout(terminal.current_dir(folder).env("TERM", "xterm"))
}

#[test]
fn a_terminal_shows_bars() {
    let trained = Trained::new("digit_classifier");
    let folder = trained.folder.path();
    trained.python("tests/python/predict.py", &[folder.as_os_str()]);

    let mut predict = trained.command("predict");
    let text = on_terminal(predict.arg("0.png"), folder);
    assert_eq!(text.lines().count(), 12, "{text}");
    assert!(text.contains("█████"), "{text}");
    // Bars are shown only for a single picture, and not with --json.
    let two = on_terminal(trained.command("predict").args(["0.png", "1.png"]), folder);
    let json = on_terminal(trained.command("predict").args(["--json", "0.png"]), folder);
    for text in [two, json] {
        assert!(!text.contains('█'), "{text}");
    }

    let mut train = example("digit_classifier");
    let text = on_terminal(train.args(["train", "--epochs=3"]), folder);
    for part in ["epoch 1/3", "] loss ", " samples/s, ", " left"] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    assert!(text.contains("epoch 3/3: loss "), "{text}");
}
