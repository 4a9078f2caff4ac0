//! Training on the sample data equals an ordinary Python script's, to the bit.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use testing::files::mnist;
use testing::{NETWORKS, compare_traces, example, examples, refusal, root, run, stdout, torch2tch};

/// The sample data of each network, in the order of `NETWORKS`.
pub const SAMPLE_DATA: [&str; 3] = ["digits", "houses.csv", "odd_or_even.npz"];

pub fn sample_data(name: &str) -> PathBuf {
    root("data/sample").join(name)
}

/// This many digits for training and for testing, for networks that take long on the sample data.
pub fn few_digits(train: u32, test: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in mnist(train, test) {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// A text of this many chunks of 64 bytes, plus one byte.
pub fn few_words(chunks: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(sample_data("tales.txt")).unwrap();
    fs::write(folder.path().join("text.txt"), &text[..64 * chunks + 1]).unwrap();
    folder
}

/// The output of `scripts/compare.py --train` on the examples built with this test.
pub fn compare_training(data: &Path, args: &[&str]) -> String {
    let examples = examples();
    let mut all: Vec<&OsStr> = vec!["compare".as_ref(), "--examples".as_ref(), examples.as_ref()];
    all.extend(["--train".as_ref(), data.as_os_str()]);
    all.extend(args.iter().map(OsStr::new));
    let ran = torch2tch(&all);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    ran.stdout
}

/// Batches of 500 on two threads.
#[test]
fn equals_python() {
    compare_on_each(&["--batch-size=500", "--threads=2", "--optimizer=adam"]);
}

/// Batches of 64, the last of which is smaller, on one thread.
#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn equals_python_with_each_optimizer_at_length() {
    compare_on_each(&["--batch-size=64", "--threads=1"]);
}

fn compare_on_each(args: &[&str]) {
    for data in SAMPLE_DATA {
        let text = compare_training(&sample_data(data), &[args, &["--epochs=2"]].concat());
        assert!(text.contains(" tensors, all equal to the bit, "), "{text}");
        assert!(text.ends_with(" metrics equal to 1e-12\n"), "{text}");
        assert!(!text.contains("note:"), "the settings differ: {text}");
    }
}

/// Convolutions, and an LSTM with batch norm, trained as in their collection, on normalized pixels.
#[test]
fn networks_with_other_layers_equal_python() {
    compare_other_layers(150, "--threads=1");
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn networks_with_other_layers_equal_python_at_length() {
    compare_other_layers(130, "--threads=2");
}

fn compare_other_layers(train: u32, threads: &str) {
    let args = [
        "convolutional_classifier",
        "recurrent_classifier",
        threads,
        "--epochs=3",
        "--optimizer=adadelta",
        "--lr=1",
        "--scheduler=step:step_size=1,gamma=0.7",
    ];
    let text = compare_training(few_digits(train, 20).path(), &args);
    assert!(text.contains(" tensors, all equal to the bit, "), "{text}");
    assert!(text.ends_with("6 metrics equal to 1e-12\n"), "{text}");
}

/// Noise drawn in training and in evaluation, with three outputs; dropout between the layers of an
/// LSTM, with an output for each byte.
#[test]
fn autoencoder_and_character_model_equal_python() {
    compare_noise_and_dropout(&[("--threads=1", "adam")]);
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn autoencoder_and_character_model_equal_python_at_length() {
    compare_noise_and_dropout(&[("--threads=2", "rmsprop")]);
}

fn compare_noise_and_dropout(settings: &[(&str, &str)]) {
    for (network, data) in [
        ("variational_autoencoder", few_digits(150, 20)),
        ("character_model", few_words(60)),
    ] {
        for (threads, optimizer) in settings {
            let optimizer = format!("--optimizer={optimizer}");
            let args = [network, threads, "--epochs=2", &optimizer];
            let text = compare_training(data.path(), &args);
            assert!(text.contains(" tensors, all equal to the bit, "), "{text}");
            assert!(text.ends_with(" metrics equal to 1e-12\n"), "{text}");
        }
    }
}

/// A file that is not a text or is too short, and an empty prompt.
#[test]
fn invalid_texts_end_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let [text, empty] = ["text.txt", "empty.txt"].map(|name| folder.path().join(name));
    fs::write(&empty, "\n").unwrap();
    let train = |content: &[u8]| {
        fs::write(&text, content).unwrap();
        let mut command = example("character_model");
        refusal(command.args(["train", "--data"]).arg(&text))
    };
    let shown = text.display();
    assert_eq!(
        train(&[b'a'; 128]),
        format!("error: {shown}: expected a text of at least 129 bytes, found 128")
    );
    assert_eq!(
        train(b"caf\xe9 au lait"),
        format!("error: {shown}: expected text in UTF-8, found byte 0xe9 at offset 3")
    );

    let weights = folder.path().join("weights.safetensors");
    let mut command = example("character_model");
    command
        .args(["train", "--epochs=1", "--output"])
        .arg(&weights);
    stdout(command.arg("--data").arg(few_words(10).path()));
    let predict = || {
        let mut command = example("character_model");
        command.arg("predict").arg("--weights").arg(&weights);
        command
    };
    assert_eq!(
        refusal(predict().arg(&empty)),
        format!(
            "error: {}: expected a text to continue, found an empty one",
            empty.display()
        )
    );
    let answer = stdout(predict().arg(sample_data("tales.txt")).arg("--json"));
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let next = answer["next"].as_array().unwrap();
    let probabilities: Vec<f64> = next
        .iter()
        .map(|n| n["probability"].as_f64().unwrap())
        .collect();
    assert_eq!(next.len(), 5);
    assert!(probabilities.is_sorted_by(|a, b| a >= b), "{answer}");
    assert!(probabilities.iter().sum::<f64>() < 1.);
}

/// As in Python: the variance of a single value is undefined.
#[test]
fn batch_norm_of_a_single_sample_ends_in_one_line() {
    let digits = few_digits(5, 2);
    let mut train = example("recurrent_classifier");
    train
        .args(["train", "--batch-size=2", "--data"])
        .arg(digits.path());
    let line = refusal(train.env_remove("RUST_BACKTRACE"));
    let expected = "Expected more than 1 value per channel when training, got input size \
                    torch.Size([1, 64])";
    assert!(line.ends_with(expected), "{line}");
}

/// Without this, the tests above would pass for any two equal runs, even of the wrong length or
/// data.
#[test]
fn comparison_sees_another_seed() {
    let folder = tempfile::tempdir().unwrap();
    let traces = ["0", "1"].map(|seed| {
        let path = folder.path().join(format!("{seed}.safetensors"));
        let mut train = example("house_price_predictor");
        train.args(["train", "--epochs=2", "--threads=1", "--seed", seed]);
        stdout(train.arg("--trace").arg(&path));
        path
    });
    let compared = compare_traces(&traces[0], &traces[1]);
    assert_eq!(compared.code, 1);
    let text = compared.stdout;
    assert!(text.contains("the first: epoch1.losses"), "{text}");
}

#[test]
fn output_holds_the_weights_that_python_trains() {
    let folder = tempfile::tempdir().unwrap();
    for (network, data) in NETWORKS.into_iter().zip(SAMPLE_DATA) {
        let [rust, python_file] = ["rust", "python"]
            .map(|side| folder.path().join(format!("{side}-{network}.safetensors")));
        let args = [
            "--epochs=2",
            "--threads=1",
            "--seed=9",
            "--optimizer=momentum",
            "--lr=0.05",
        ];
        // Without --data, for which the sample data are the default.
        stdout(
            example(network)
                .arg("train")
                .args(args)
                .arg("--output")
                .arg(&rust),
        );
        let mut python = testing::python_module("torch2tch.reference.train");
        python.arg(network).arg("--data").arg(sample_data(data));
        stdout(python.args(args).arg("--output").arg(&python_file));
        // compare_traces.py compares any two files of tensors.
        assert_eq!(compare_traces(&python_file, &rust).code, 0);
    }
}

#[test]
fn starts_from_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let network = "house_price_predictor";
    let args = ["--epochs=1", "--threads=1"];
    stdout(
        example(network)
            .args(["train", "--output"])
            .arg(path("first.safetensors"))
            .args(args),
    );
    let weights = path("first.safetensors");
    let rust = path("rust.safetensors");
    let mut train = example(network);
    train.arg("train").args(args).arg("--weights").arg(&weights);
    stdout(train.arg("--output").arg(&rust));
    let mut train = testing::python_module("torch2tch.reference.train");
    train
        .arg(network)
        .args(args)
        .arg("--data")
        .arg(sample_data("houses.csv"));
    train
        .arg("--weights")
        .arg(&weights)
        .arg("--output")
        .arg(path("python.safetensors"));
    stdout(&mut train);
    assert_eq!(compare_traces(&path("python.safetensors"), &rust).code, 0);
}

#[test]
fn prints_a_line_for_each_epoch() {
    let mut train = example("digit_classifier");
    let output = run(train.args(["train", "--epochs=2", "--threads=1"]));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, start) in lines.iter().zip(["epoch 1/2: loss ", "epoch 2/2: loss "]) {
        assert!(line.starts_with(start), "{line}");
        assert!(line.contains("; test: accuracy 0."), "{line}");
    }
    // There is no progress bar if stderr is not a terminal; a plain line appears after ten seconds
    // at the earliest.
    let stderr = String::from_utf8(output.stderr).unwrap();
    let is_progress = |line: &str| line.starts_with("epoch ") || line.starts_with("note: without");
    assert!(stderr.lines().all(is_progress), "{stderr}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for network in NETWORKS {
        let mut train = example(network);
        train.args(["train", "--dry-run"]).current_dir(&folder);
        train.args(["--output=w.safetensors", "--checkpoint=c.safetensors"]);
        let text = stdout(train.arg("--trace=t.safetensors"));
        assert!(text.starts_with("dry run: loss of one batch "), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
    // It detects errors that a real run would report.
    let line = refusal(example(NETWORKS[0]).args([
        "train",
        "--dry-run",
        "--output=/no/such/file.safetensors",
    ]));
    assert!(
        line.contains("cannot write /no/such/file.safetensors"),
        "{line}"
    );
}

#[test]
fn options_that_exclude_each_other() {
    let cases: [&[&str]; 15] = [
        &["train", "--epochs=0"],
        &["train", "--batch-size=0"],
        &["train", "--lr=nan"],
        &["train", "--lr=-1"],
        &["train", "--optimizer=lion"],
        &["train", "--output=weights.pt"],
        &["train", "--output=weights"],
        &[
            "train",
            "--output=x.safetensors",
            "--checkpoint=x.safetensors",
        ],
        &[
            "train",
            "--output=./x.safetensors",
            "--checkpoint=x.safetensors",
        ],
        &[
            "train",
            "--output=x.safetensors",
            "--resume=x.safetensors",
            "--checkpoint=y",
        ],
        &[
            "train",
            "--output=x.safetensors",
            "--trace=src/../x.safetensors",
        ],
        &["train", "--trace=README.md", "--data=./README.md"],
        &["train", "--resume=x", "--weights=y"],
        &["evaluate"],
        &["predict", "picture.png"],
    ];
    for args in cases {
        let output = run(example(NETWORKS[0]).args(args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
    }
}

/// Training continues, and its weights are written, even if nobody reads its output.
#[test]
fn training_continues_without_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("weights.safetensors");
    let scripts = [
        "\"$@\" | true",
        "\"$@\" 2>&1 >/dev/null | true",
        "\"$@\" 2>/dev/full",
        "\"$@\" 2>&-",
    ];
    for script in scripts {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]);
        let train = example("house_price_predictor");
        shell.arg(train.get_program());
        shell
            .args(["train", "--epochs=2", "--output"])
            .arg(&weights);
        run(&mut shell);
        final_layer::torch::serialization::read_safetensors(&weights).expect(script);
        fs::remove_file(&weights).unwrap();
    }
    let mut shell = Command::new("sh");
    let train = example("house_price_predictor");
    shell
        .args(["-c", "\"$@\" >/dev/full", "sh"])
        .arg(train.get_program());
    let line = refusal(shell.args(["train", "--epochs=1"]));
    assert!(line.contains("cannot write to stdout: "), "{line}");
}
