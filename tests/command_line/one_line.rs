//! Every failure ends in one line, `error: …`: no panic message, no C++ frames, no signal.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;
use final_layer::cli::exit_code;
use final_layer::torch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

use testing::files::{gzip, idx, idx_labels};
use testing::{example, refusal, root, run, stdout};

const DIGITS: &str = "digit_classifier";
const HOUSES: &str = "house_price_predictor";

/// The command under a limit of the shell, such as `-v 500000`.
fn limited(limit: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("ulimit {limit} && exec \"$@\"");
    shell
        .args(["-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    // With this variable set, the full panic may be shown.
    shell.env_remove("RUST_BACKTRACE");
    shell
}

/// The output of a failed run, which must be one line.
fn error_line(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{:?}: {stderr}",
        output.status
    );
    let lines: Vec<_> = stderr
        .lines()
        .filter(|line| !line.starts_with("note: "))
        .collect();
    let [line] = lines[..] else {
        panic!("not one line: {stderr}");
    };
    assert!(line.starts_with("error: "), "{stderr}");
    assert!(!line.contains("frame #"), "{stderr}");
    line.to_owned()
}

/// Runs a command with increasing memory, starting with enough for a small run, until it succeeds.
/// All earlier runs must end in a line about memory; returns their number.
fn short_of_memory(small: &Command, command: &Command) -> usize {
    let has_enough = |limit: &i32| {
        let mut command = limited(&format!("-v {limit}"), small);
        run(&mut command).status.success()
    };
    let limits = (1..80).map(|step| step * 50_000);
    let from_enough = limits.skip_while(|limit| !has_enough(limit));
    for (lines, limit) in from_enough.enumerate() {
        let output = run(&mut limited(&format!("-v {limit}"), command));
        if output.status.success() {
            return lines;
        }
        let line = error_line(&output);
        assert!(line.contains("memory"), "{line}");
    }
    panic!("no memory was enough");
}

#[test]
fn out_of_memory_in_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |batch_size: &str| {
        let mut command = example(HOUSES);
        command.args([
            "trace",
            "--steps=1",
            "--threads=1",
            "--output=t.safetensors",
        ]);
        command.arg(batch_size).current_dir(&folder);
        command
    };
    let lines = short_of_memory(&trace("--batch-size=1"), &trace("--batch-size=500000"));
    assert!(lines >= 3, "memory was short in {lines} runs alone");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn out_of_memory_in_training_and_evaluation() {
    let folder = tempfile::tempdir().unwrap();
    let count = 40_000;
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let pixels = vec![0; count as usize * 784];
    write(
        "train-images-idx3-ubyte.gz",
        &gzip(&idx(&[0x803, count, 28, 28], &pixels)),
    );
    write("train-labels-idx1-ubyte.gz", &gzip(&idx_labels(count)));
    write(
        "t10k-images-idx3-ubyte.gz",
        &gzip(&idx(&[0x803, 10, 28, 28], &pixels[..7840])),
    );
    write("t10k-labels-idx1-ubyte.gz", &gzip(&idx_labels(10)));
    let train = |batch_size: &str| {
        let mut command = example(DIGITS);
        command.args([
            "train",
            "--epochs=1",
            "--threads=1",
            "--optimizer=sgd",
            "--data=.",
        ]);
        command.args(["--dry-run", batch_size]).current_dir(&folder);
        command
    };
    let lines = short_of_memory(&train("--batch-size=1"), &train("--batch-size=40000"));
    assert!(lines >= 2, "memory was short in {lines} runs alone");
}

/// Run by the test below, in a separate process.
#[test]
#[ignore = "panics on purpose: a_panic_in_a_network_is_one_line runs it"]
fn a_network_with_a_wrong_shape() {
    let work = || -> Result<_> {
        let vs = nn::VarStore::new(Device::Cpu);
        let layer = nn::linear(vs.root() / "fc", 10, 1, Default::default());
        let input = Tensor::zeros([1, 3], (Kind::Float, Device::Cpu));
        let _ = layer.forward(&input); // The line that is named.
        unreachable!("the shape is wrong")
    };
    let code = exit_code(work);
    assert_eq!(
        format!("{code:?}"),
        format!("{:?}", std::process::ExitCode::FAILURE)
    );
}

#[test]
fn a_panic_in_a_network_is_one_line() {
    let source = fs::read_to_string(root("tests/command_line/one_line.rs")).unwrap();
    let number = source
        .lines()
        .position(|line| line.ends_with("// The line that is named."));
    let place = format!("tests/command_line/one_line.rs:{}", number.unwrap() + 1);
    let child = |backtrace: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--ignored",
            "--exact",
            "--nocapture",
            "one_line::a_network_with_a_wrong_shape",
        ]);
        let output = run(command.env("RUST_BACKTRACE", backtrace));
        assert!(output.status.success(), "the exit code is not 1");
        String::from_utf8(output.stderr).unwrap()
    };
    let stderr = child("0");
    let expected =
        format!("error: {place}: mat1 and mat2 shapes cannot be multiplied (1x3 and 10x1)\n");
    assert_eq!(stderr, expected);
    let stderr = child("1");
    assert!(stderr.contains("stack backtrace:"), "{stderr}");
    assert!(stderr.contains(&expected), "{stderr}");
}

#[test]
fn a_full_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("w.safetensors");
    stdout(
        example(HOUSES)
            .args(["train", "--epochs=1", "--output"])
            .arg(&weights),
    );
    let houses = root("data/sample/houses.csv");
    let houses = houses.to_str().unwrap();
    let weights = format!("--weights={}", weights.display());
    let cases: [&[&str]; 5] = [
        &[],
        &["evaluate", &weights],
        &["evaluate", "--json", &weights],
        &["predict", houses, &weights],
        &["train", "--dry-run"],
    ];
    for args in cases {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "\"$@\" >/dev/full", "sh"])
            .arg(example(HOUSES).get_program());
        let line = refusal(shell.args(args));
        assert!(
            line.starts_with("error: cannot write to stdout: No space left"),
            "{line}"
        );
    }
}

#[test]
fn a_device_is_refused_as_an_output_file() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("full.safetensors");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    for output in [Path::new("/dev/full"), &link] {
        let line = refusal(
            example(HOUSES)
                .args(["trace", "--steps=1", "--output"])
                .arg(output),
        );
        assert!(line.ends_with(": not a regular file"), "{line}");
    }
    let line = refusal(example(HOUSES).args(["train", "--output"]).arg(&link));
    assert!(
        line.ends_with("full.safetensors: not a regular file"),
        "{line}"
    );
}

#[test]
fn control_characters_in_names_are_escaped() {
    for (name, shown) in [
        (&b"a\nb.safetensors"[..], "a\\nb.safetensors"),
        (b"\x1b[31mred.safetensors", "\\u{1b}[31mred.safetensors"),
        (b"h\xff.safetensors", "h\\xff.safetensors"),
    ] {
        let line = refusal(
            example(HOUSES)
                .arg("--weights")
                .arg(OsStr::from_bytes(name)),
        );
        assert!(
            line.starts_with(&format!("error: cannot read {shown}: No such file")),
            "{line}"
        );
    }
    let long = format!("{}.safetensors", "9".repeat(100_000));
    let line = refusal(example(HOUSES).arg("--weights").arg(long));
    assert!(
        line.len() < 1000 && line.contains("File name too long"),
        "{line}"
    );
}

#[test]
fn an_inaccessible_file_is_not_reported_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let checkpoint = inner.join("c.safetensors");
    let mut train = example(HOUSES);
    stdout(
        train
            .args(["train", "--epochs=1", "--checkpoint"])
            .arg(&checkpoint),
    );
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    set_mode(folder.path(), 0o755);
    set_mode(&inner, 0o000);
    let become_nobody = ["setpriv", "--reuid=65534", "--clear-groups"];
    let is_root = run(Command::new(become_nobody[0])
        .args(&become_nobody[1..])
        .arg("true"));
    for option in ["--checkpoint", "--resume", "--output", "--weights"] {
        let command = example(HOUSES);
        let mut command = match is_root.status.success() {
            true => {
                let mut other = Command::new(become_nobody[0]);
                other.args(&become_nobody[1..]).arg(command.get_program());
                other
            }
            false => command,
        };
        let line = refusal(command.args(["train", option]).arg(&checkpoint));
        assert!(line.contains("ermission denied"), "{option}: {line}");
    }
    set_mode(&inner, 0o755);
}

#[test]
fn more_threads_than_the_system_allows() {
    let mut train = example(HOUSES);
    train.args(["train", "--epochs=1", "--threads=1024"]);
    // Their stacks alone would need 8 GiB.
    let output = run(&mut limited("-v 3000000", &train));
    let line = error_line(&output);
    assert!(
        line.starts_with("error: --threads 1024: the system allows no more than "),
        "{line}"
    );
    assert!(line.contains("Resource temporarily unavailable"), "{line}");
}
