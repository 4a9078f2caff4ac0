//! The check against slowdowns: its verdict on given counts. The counting itself needs valgrind and
//! a release build, and runs in `scripts/check`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use testing::{python, root, run};

const STEP: &str = "step digit_classifier 64 adam";

/// The committed counts for one processor.
fn committed() -> Value {
    let file = fs::File::open(root("benches/instructions.json")).unwrap();
    let all: Value = serde_json::from_reader(file).unwrap();
    all[0].clone()
}

/// Checks counts as if they had just been measured; returns the exit code and the output.
fn judge(counts: &Value) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counted.json");
    fs::write(&file, counts.to_string()).unwrap();
    let output = run(python("benches/instructions.py")
        .arg("--counted")
        .arg(&file));
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

/// The committed counts with one of them multiplied by `factor`.
fn with_step(factor: f64) -> Value {
    let mut counts = committed();
    let count = &mut counts["counts"][STEP]["around"];
    *count = json!((count.as_f64().unwrap() * factor) as u64);
    counts
}

#[test]
fn the_committed_counts_pass() {
    let (code, text) = judge(&committed());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(STEP) && text.contains("+0.00%"), "{text}");
}

#[test]
fn one_case_beyond_the_margin_fails_and_is_named() {
    let (code, text) = judge(&with_step(1.03));
    assert_eq!(code, Some(1), "{text}");
    let slower: Vec<_> = text
        .lines()
        .filter(|line| line.contains("SLOWER"))
        .collect();
    assert!(slower.len() == 1 && slower[0].contains(STEP), "{text}");

    let (code, text) = judge(&with_step(1.01));
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = judge(&with_step(0.9));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("faster"), "{text}");
}

#[test]
fn other_surroundings_are_not_compared() {
    for key in ["torch", "processor"] {
        let mut counts = with_step(2.);
        counts[key] = json!("another");
        let (code, text) = judge(&counts);
        assert_eq!(code, Some(77), "{text}");
        assert!(text.contains("nothing to compare with"), "{text}");
    }
}

#[test]
fn without_valgrind_it_is_skipped() {
    let output = run(python("benches/instructions.py").env("PATH", Path::new("/nowhere")));
    assert_eq!(output.status.code(), Some(77));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("skipped, there is no valgrind"), "{text}");
}
