//! `is_softmax_essential`: its lines, its numbers, its data; its report, and who quotes it.

use std::fs;
use std::sync::LazyLock;

use crate::common::{example, run, stdout};

mod data;
mod quoted;
mod report;

const EXPERIMENT: &str = "is_softmax_essential";

struct Experiment {
    stdout: String,
    stderr: String,
    report: String,
    /// The names of the figures' files, and one of them.
    figures: usize,
    loss_curve: String,
}

/// One run on the sample data, for all tests.
static EXPERIMENT_RUN: LazyLock<Experiment> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.html");
    let figures = folder.path().join("figures");
    let mut command = example(EXPERIMENT);
    command.arg("--output").arg(&report);
    let output = run(command.arg("--figures").arg(&figures));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let stderr = text(output.stderr);
    assert!(output.status.success(), "{stderr}");
    Experiment {
        stdout: text(output.stdout),
        stderr,
        report: fs::read_to_string(report).unwrap(),
        figures: fs::read_dir(&figures).unwrap().count(),
        loss_curve: fs::read_to_string(figures.join("loss-curves-1.svg")).unwrap(),
    }
});

/// A line of stdout.
struct Finding {
    claim: String,
    measured: String,
    verdict: String,
}

impl Finding {
    fn new(line: &str) -> Self {
        let fields: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [claim, measured, verdict] = fields[..] else {
            panic!("not three fields: {line}");
        };
        Self {
            claim: claim.to_owned(),
            measured: measured.to_owned(),
            verdict: verdict.to_owned(),
        }
    }
}

fn findings() -> Vec<Finding> {
    EXPERIMENT_RUN.stdout.lines().map(Finding::new).collect()
}

/// What was measured for a claim, which has to have this verdict.
fn measured(claim: &str, verdict: &str) -> String {
    let found = findings()
        .into_iter()
        .find(|finding| finding.claim == claim);
    let found = found.unwrap_or_else(|| panic!("no claim {claim:?}"));
    assert_eq!(found.verdict, verdict, "{claim}: {}", found.measured);
    found.measured
}

/// The numbers in what was measured for a claim, which has to have this verdict.
fn numbers(claim: &str, verdict: &str) -> Vec<f64> {
    numbers_in(&measured(claim, verdict))
}

fn numbers_in(text: &str) -> Vec<f64> {
    let is_part = |c: char| c.is_ascii_digit() || ".-+e".contains(c);
    let parts = text.split(|c| !is_part(c));
    // A sentence ends in a dot, too.
    let numbers = parts.map(|part| part.trim_end_matches('.').parse());
    numbers.filter_map(Result::ok).collect()
}

#[test]
fn one_line_a_claim() {
    let findings = findings();
    assert_eq!(findings.len(), 31);
    for line in EXPERIMENT_RUN.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for finding in &findings {
        let Finding {
            claim,
            measured,
            verdict,
        } = finding;
        let verdicts = ["holds", "holds in part", "does not hold"];
        assert!(verdicts.contains(&verdict.as_str()), "{claim}: {verdict}");
        assert!(measured.chars().any(|c| c.is_ascii_digit()), "{claim}");
        assert!(!measured.contains("inf"), "{claim}: {measured}");
        // Of the naive formula alone it is what is to be shown.
        let is_nan = measured.contains("NaN") && !measured.starts_with("naive NaN; softmax 0.0900");
        assert!(!is_nan, "{claim}: {measured}");
    }
    // No bar where stderr is no terminal; a reader of data may have a note.
    let unexpected = |line: &&str| !line.starts_with("note: ");
    assert_eq!(EXPERIMENT_RUN.stderr.lines().find(unexpected), None);
}

#[test]
fn softmax_normalises() {
    let sums = numbers("softmax sums to one", "holds");
    assert!(sums[sums.len() - 1] < 1e-6, "{sums:?}");
    assert_eq!(
        measured("the same on [1000, 1001, 1002]", "holds"),
        "naive NaN; softmax 0.0900, 0.2447, 0.6652"
    );
    let not_finite = numbers("exp(z)/Σexp(z) overflows, softmax not", "holds");
    let [overflows, zero, zero_too, by_zero, softmax] = not_finite[..] else {
        panic!("{not_finite:?}");
    };
    assert_eq!((zero, zero_too, softmax), (0., 0., 0.));
    assert!(overflows > 0. && by_zero > 0., "{not_finite:?}");
    assert_eq!(
        measured("the probabilities the document prints", "does not hold"),
        "sum 0.978; 0 of 10 right (the first: 0.1076)"
    );
}

#[test]
fn logits_give_the_class() {
    let shift = numbers("logits + 100: nothing else changes", "holds");
    assert!(shift[0] < 1e-5, "{shift:?}");
    assert_eq!(
        measured("argmax of logits is unpredictable", "does not hold"),
        "the class that softmax gives: 252 of 252"
    );
    assert_eq!(
        measured("softmax and sigmoid keep the argmax", "holds in part"),
        "[0, 40, 40.00001]: 2, softmax 2, sigmoid 1"
    );
}

#[test]
fn softmax_twice_has_a_floor_and_no_gradient() {
    let losses = numbers("softmax twice: loss ≥ ln(1 + 9/e)", "holds");
    let [smallest, floor] = losses[..] else {
        panic!("{losses:?}");
    };
    assert_eq!(floor, 1.46115);
    assert!((floor..1.6).contains(&smallest), "{smallest}");
    let gradients = numbers("softmax twice: no gradient if wrong", "holds");
    let [z, twice, on_logits] = gradients[..] else {
        panic!("{gradients:?}");
    };
    assert_eq!((z, on_logits), (50., 1.414));
    assert!((1e-22..1e-21).contains(&twice), "{twice}");
}

#[test]
fn softmax_over_one_output_learns_nothing() {
    let found = numbers("softmax over one output is always 1", "holds");
    let [ones, houses, gradient, moved] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((ones, gradient, moved), (houses, 0., 0.));
    let r2 = |claim| *numbers(claim, "holds").last().unwrap();
    assert!(r2("a price needs no softmax") > 0.9);
    assert!(r2("softmax on a price is nonsense") < 0.);
    let capped = measured("a sigmoid caps a price", "holds").replace(',', "");
    assert!(capped.starts_with("9 > $300000: off by $"), "{capped}");
}

#[test]
fn sigmoid_is_softmax_of_two() {
    let same = numbers("sigmoid(z) is softmax over [0, z]", "holds");
    let [distance, equal, all] = same[..] else {
        panic!("{same:?}");
    };
    // The same mathematics, not the same bits.
    assert!(distance > 0. && distance < 1e-6 && equal < all, "{same:?}");
}

#[test]
fn sigmoid_before_the_loss_saturates() {
    let found = numbers("sigmoid, then BCE: gradient vanishes", "holds");
    let [gradient, z, loss] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((gradient, loss), (0., 100.));
    assert!((16.6..=16.7).contains(&z), "{z}");
    assert_eq!(
        measured("BCE on the logit keeps it", "holds"),
        "z = 17: loss 17, gradient 1; else 100, 0"
    );
}

#[test]
fn sigmoids_beat_softmax_at_several_labels() {
    let ceiling = numbers("so its accuracy at 0.5 has a ceiling", "holds");
    let [softmax, ceiling] = ceiling[..] else {
        panic!("{ceiling:?}");
    };
    let fitted = numbers("softmax worse at a fitted threshold", "holds");
    let [by_softmax, threshold, sigmoids, ahead, error] = fitted[..] else {
        panic!("{fitted:?}");
    };
    // A lower threshold is what lets softmax past the ceiling.
    assert!(threshold < 0.5 && softmax < ceiling && ceiling < by_softmax);
    assert!((sigmoids - by_softmax - ahead).abs() < 2e-3, "{fitted:?}");
    assert!(ahead > 2. * error, "{fitted:?}");
    assert_eq!(
        numbers("a sigmoid for each label can", "holds")[0],
        sigmoids
    );
}

/// All but the time of a step, which no seed decides.
#[test]
fn the_same_seed_gives_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let lines = |text: &str| {
        let timed = |line: &&str| !line.starts_with("two outputs cost more");
        let lines: Vec<String> = text.lines().filter(timed).map(str::to_owned).collect();
        lines
    };
    let again = |seed: &str| {
        let mut command = example(EXPERIMENT);
        command.args(["--seed", seed, "--output"]);
        lines(&stdout(command.arg(folder.path().join("report.html"))))
    };
    assert_eq!(again("0"), lines(&EXPERIMENT_RUN.stdout));
    assert_ne!(again("1"), lines(&EXPERIMENT_RUN.stdout));
}
