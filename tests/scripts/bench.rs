//! The Python side of the measurements, which no other test runs; `benches/instructions.py`
//! runs the Rust side.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use testing::python;

/// The worker's answers: a line about itself, then one for each case.
fn ask(cases: &[&str]) -> Vec<Value> {
    let mut worker = python("benches/worker.py")
        .arg("--seconds=0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let mut stdin = worker.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    let output = worker.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let answers = text.lines().map(|line| serde_json::from_str(line).unwrap());
    answers.skip(1).collect()
}

#[test]
fn python_runs_every_kind_of_case_and_refuses_others() {
    let good = [
        "inference house_price_predictor 2",
        "step digit_classifier 4 sgd eager",
        "step binary_classifier 4 adam fused",
        "step recurrent_classifier 4 adadelta eager",
        "epoch digit_classifier 70 adam loader",
        "epoch digit_classifier 70 adam plain",
    ];
    let bad = [
        "step digit_classifier 4 adam",
        "step digit_classifier 4 adam other",
        "epoch digit_classifier 70 adam other",
        "inference no_network 1",
        "nothing digit_classifier",
    ];
    let answers = ask(&[&good[..], &bad].concat());
    assert_eq!(answers.len(), good.len() + bad.len());
    for (case, answer) in good.iter().zip(&answers) {
        let time = answer["microseconds"].as_f64();
        assert!(time.is_some_and(|time| time > 0.), "{case}: {answer}");
    }
    for (case, answer) in bad.iter().zip(&answers[good.len()..]) {
        assert!(answer["error"].is_string(), "{case}: {answer}");
    }
}
