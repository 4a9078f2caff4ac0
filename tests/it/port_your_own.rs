//! The guide's fourth network: small, and equal to Python without a change to the comparison.

use std::fs;

use crate::common::{example, examples, python, root, stdout};

const NETWORK: &str = "clothing_classifier";

/// Runs `scripts/compare.py` on the fourth network; the guide has to print its last line.
fn compare(args: &[&str]) -> String {
    let mut command = python("scripts/compare.py");
    command.arg(NETWORK).arg("--examples").arg(examples());
    let text = stdout(command.args(args).current_dir(root("")));
    assert!(!text.contains("note:"), "the settings differ: {text}");
    let verdict = text.lines().last().unwrap().to_owned();
    let guide = fs::read_to_string(root("src/guide/port_your_own.rs")).unwrap();
    let quoted = format!("//! {verdict}\n");
    assert!(guide.contains(&quoted), "the guide does not say: {verdict}");
    verdict
}

#[test]
fn random_data_gives_the_bits_of_python() {
    let verdict = compare(&["--steps=20"]);
    assert_eq!(verdict, "120 tensors, all equal to the bit");
}

#[test]
fn training_gives_the_bits_of_python() {
    let verdict = compare(&["--train=data/sample/digits", "--epochs=1"]);
    assert_eq!(
        verdict,
        "78 tensors, all equal to the bit, 4 metrics equal to 1e-12"
    );
}

#[test]
fn prints_what_python_prints() {
    let args = ["--seed=3", "--threads=1"];
    let mut reference = python("scripts/reference/demonstrate.py");
    let reference = stdout(reference.arg(NETWORK).args(args));
    assert_eq!(stdout(example(NETWORK).args(args)), reference);
}

#[test]
fn takes_forty_lines() {
    let text = fs::read_to_string(root(&format!("examples/{NETWORK}.rs"))).unwrap();
    let lines = text.lines().count();
    assert!(lines <= 40, "{lines} lines");
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(110), "a line of {longest:?} characters");
}
