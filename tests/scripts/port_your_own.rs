//! The guide *Port your own network* shows the actual output of its commands. Its network also runs
//! with the commands of the examples: it is short, and equal to Python without a change to the
//! comparison.

use std::fs;

use testing::{example, examples, python, root, run, stdout};

const GUIDE: &str = include_str!("../../docs/port-your-own-network.md");

const WINE: [&str; 4] = [
    "docs/wine.py:Wine",
    "--input=randn(batch_size, 13)",
    "--target=randint(3, (batch_size,))",
    "--loss=F.cross_entropy(output, target)",
];

/// Checks that the guide contains the text as a code block.
fn shows(language: &str, text: &str) {
    let block = format!("```{language}\n{}\n```\n", text.trim_end());
    assert!(GUIDE.contains(&block), "the guide does not show {block}");
}

#[test]
fn the_guide_shows_the_port_and_its_proof() {
    let folder = tempfile::tempdir().unwrap();
    let rust = folder.path().join("wine.rs");
    let mut port = python("scripts/port.py");
    port.args(WINE)
        .arg("--prove")
        .arg("--output")
        .arg(&rust)
        .current_dir(root(""));
    let text = stdout(&mut port);
    shows("python", &fs::read_to_string(root("docs/wine.py")).unwrap());
    let written = fs::read_to_string(&rust).unwrap();
    shows("rust", &written);
    shows("text", text.lines().last().unwrap());

    let changed = written.replace(
        "leaky_relu(&x.apply(&self.fc1), 0.2)",
        "leaky_relu(&x.apply(&self.fc1), 0.3)",
    );
    assert_ne!(changed, written);
    fs::write(&rust, changed).unwrap();
    let mut compare = python("scripts/compare.py");
    compare
        .args(WINE)
        .arg("--rust")
        .arg(&rust)
        .args(["--steps=20", "--optimizer=adam"]);
    let output = run(compare.current_dir(root("")));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    shows("text", text.lines().last().unwrap());
}

#[test]
fn the_guide_shows_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let from = GUIDE.find("import torch\n").unwrap();
    let class = &GUIDE[from..from + GUIDE[from..].find("```").unwrap()];
    fs::write(folder.path().join("spectrum.py"), class).unwrap();
    let mut port = python("scripts/port.py");
    port.args(["spectrum.py:Spectrum", "--input=randn(batch_size, 16)"]);
    let output = run(port.current_dir(&folder));
    assert_eq!(output.status.code(), Some(1));
    shows("text", &String::from_utf8(output.stderr).unwrap());
}

const NETWORK: &str = "clothing_classifier";

/// Runs `scripts/compare.py` on the fourth network; the guide must contain its last line.
fn compare(args: &[&str]) -> String {
    let mut command = python("scripts/compare.py");
    command.arg(NETWORK).arg("--examples").arg(examples());
    let text = stdout(command.args(args).current_dir(root("")));
    assert!(!text.contains("note:"), "the settings differ: {text}");
    let verdict = text.lines().last().unwrap().to_owned();
    assert!(
        GUIDE.contains(&format!("\n{verdict}\n")),
        "the guide does not say: {verdict}"
    );
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
    let mut reference = testing::python_module("torch2tch.reference.demonstrate");
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
