//! Behaviour expected of a careful program on a Unix system.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use final_layer::torch::serialization::{read_safetensors, read_safetensors_and_metadata};

use crate::resume::{signal, wait_until};
use testing::{example, root, run, stdout};

const HOUSES: &str = "house_price_predictor";

/// As `nohup` and a shell's `trap '' INT` start it.
#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    for name in ["INT", "HUP", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("c.safetensors");
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("trap '' {name}; exec \"$@\""), "sh"]);
        shell.arg(example(HOUSES).get_program());
        shell.args(["train", "--epochs=1000000", "--threads=1", "--checkpoint"]);
        shell
            .arg(&checkpoint)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = shell.spawn().unwrap();
        wait_until(&mut child, || checkpoint.exists());
        signal(&child, name);
        // A run that reacted to the signal would save once more and end.
        let written = || fs::metadata(&checkpoint).and_then(|about| about.modified());
        for _ in 0..3 {
            let before = written().unwrap();
            wait_until(&mut child, || written().unwrap() != before);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn a_report_is_written_although_nobody_reads_stdout_at_length() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "\"$@\" | true", "sh"])
        .arg(example("is_softmax_essential").get_program());
    let output = run(shell.args(["--seeds", "2", "--output"]).arg(&report));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        fs::read_to_string(&report).is_ok_and(|html| html.ends_with("</html>")),
        "{stderr}"
    );
}

#[test]
fn a_path_that_is_not_utf8_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    let data = path(b"h\xff.csv");
    fs::copy(root("data/sample/houses.csv"), &data).unwrap();
    let (checkpoint, weights) = (path(b"c\xfe.safetensors"), path(b"w\xfd.safetensors"));
    let mut train = example(HOUSES);
    train.args(["train", "--epochs=1", "--data"]).arg(&data);
    stdout(train.arg("--checkpoint").arg(&checkpoint));
    // The data are found under the path recorded in the checkpoint.
    let mut go_on = example(HOUSES);
    go_on
        .args(["train", "--epochs=2", "--resume"])
        .arg(&checkpoint);
    let text = stdout(go_on.arg("--output").arg(&weights));
    assert!(text.starts_with("epoch 2/2: "), "{text}");
    read_safetensors(&weights).unwrap();
}

#[test]
fn an_environment_that_moves_bits_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("c.safetensors");
    let mut train = example(HOUSES);
    train
        .args(["train", "--epochs=1", "--threads=1", "--checkpoint"])
        .arg(&checkpoint);
    stdout(train.env("OMP_DYNAMIC", "false").env_remove("MKL_CBWR"));
    let (_, metadata) = read_safetensors_and_metadata(&checkpoint).unwrap();
    assert_eq!(metadata["OMP_DYNAMIC"], "false");
    assert!(!metadata.contains_key("MKL_CBWR"));
    if let Ok(text) = fs::read_to_string("/proc/cpuinfo")
        && text.contains("model name")
    {
        assert!(text.contains(&metadata["processor"]));
    }
    let resume = |variables: &[(&str, &str)]| {
        let mut command = example(HOUSES);
        command.env_remove("OMP_DYNAMIC").env_remove("MKL_CBWR");
        command
            .args(["train", "--dry-run", "--resume"])
            .arg(&checkpoint);
        let output = run(command.envs(variables.iter().copied()));
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let start = "note: where the checkpoint was written, ";
    let stderr = resume(&[("OMP_DYNAMIC", "false")]);
    assert!(!stderr.contains(start), "{stderr}");
    let stderr = resume(&[("MKL_CBWR", "COMPATIBLE")]);
    for difference in [
        "OMP_DYNAMIC was \"false\", is not set here: bits may differ",
        "MKL_CBWR was not set, is \"COMPATIBLE\" here: bits may differ",
    ] {
        assert!(
            stderr.contains(&format!("{start}{difference}\n")),
            "{stderr}"
        );
    }
}

#[test]
fn wrong_usage_says_what_is_wrong() {
    let cases: [(&[&str], &str); 7] = [
        (
            &["train", "--lr", "-1"],
            "'-1' for '--lr <F>': expected a number from 0 to 1e30",
        ),
        (&["train", "--lr", "-1e-3"], "'-1e-3' for '--lr <F>'"),
        (&["train", "--epochs", "-1"], "'-1' for '--epochs <N>'"),
        (
            &["train", "--batch-size", "-1"],
            "'-1' for '--batch-size <N>'",
        ),
        (&["--threads", "-1"], "'-1' for '--threads <N>'"),
        (
            &["trace", "--output=t", "--steps", "-1"],
            "'-1' for '--steps <N>'",
        ),
        (
            &["predict", "--invert", "--weights=w.safetensors", "h.csv"],
            "--invert applies to pictures only, which house_price_predictor does not read",
        ),
    ];
    for (args, message) in cases {
        let output = run(example(HOUSES).args(args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}

#[test]
fn help_wraps_to_the_terminal() {
    let width = |columns: &str| {
        let mut command = example(HOUSES);
        let help = stdout(command.args(["train", "--help"]).env("COLUMNS", columns));
        help.lines().map(|line| line.chars().count()).max().unwrap()
    };
    assert!(width("70") <= 70);
    assert!(width("100") > 70);
}
