//! `is_softmax_essential`: its lines, its numbers, its report, what it refuses.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use crate::common::{example, python, refusal, root, run, stdout};
use crate::files;

const EXPERIMENT: &str = "is_softmax_essential";

/// The sections of the report.
const SECTIONS: [&str; 6] = [
    "normalisation",
    "confidence",
    "losses",
    "regression",
    "binary",
    "several-labels",
];

/// The figures of the report, each with how many plots it holds.
const FIGURES: [(&str, usize); 9] = [
    ("logits-and-probabilities", 15),
    ("reliability", 2),
    ("accuracy", 1),
    ("loss-curves", 2),
    ("gradients", 1),
    ("prices", 3),
    ("roc", 1),
    ("saturation", 1),
    ("labels", 1),
];

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

/// Every name in the guide that stands for lines leads to their row, and no row is without one.
#[test]
fn guide_links_its_statements_to_the_rows() {
    let guide = fs::read_to_string(root("src/guide/last_layer.rs")).unwrap();
    let between = |start: &str, end: &str| -> BTreeSet<String> {
        let parts = guide.split(start).skip(1);
        let names = parts.filter_map(|part| part.split_once(end));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let anchors = between("<a id=\"", "\"></a>`");
    let links = between("`](#", ")");
    assert_eq!(anchors.len(), 11);
    assert_eq!(links, anchors);
    for name in &anchors {
        assert!(guide.contains(&format!("| <a id=\"{name}\"></a>`{name}` |")));
        assert!(guide.contains(&format!("[`{name}`](#{name})")));
    }
}

/// The lines that the README quotes are a run's: the same claims and verdicts, and the numbers but
/// for what another processor's rounding does to a training.
#[test]
fn readme_quotes_a_run() {
    let readme = fs::read_to_string(root("README.md")).unwrap();
    let (_, section) = readme.split_once("## Is softmax essential?").unwrap();
    let (_, quoted) = section.split_once("```text\n").unwrap();
    let (quoted, _) = quoted.split_once("\n```").unwrap();
    let quoted: Vec<Finding> = quoted.lines().map(Finding::new).collect();
    assert_eq!(quoted.len(), 3);
    for quoted in quoted {
        let printed = numbers(&quoted.claim, &quoted.verdict);
        let written = numbers_in(&quoted.measured);
        assert_eq!(written.len(), printed.len(), "{}", quoted.claim);
        for (written, printed) in written.iter().zip(&printed) {
            let claim = &quoted.claim;
            assert!(
                (written - printed).abs() < 0.02,
                "{claim}: {written}, {printed}"
            );
        }
    }
}

/// The figure that the README shows is a run's: its ends, in the text alternative, are.
#[test]
fn readme_shows_a_run() {
    let shown = fs::read_to_string(root("docs/loss-curves.svg")).unwrap();
    let label = |svg: &str| {
        let (_, rest) = svg.split_once("aria-label=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let [shown_label, drawn] = [&shown, &EXPERIMENT_RUN.loss_curve].map(|svg| label(svg));
    let [written, printed] = [&shown_label, &drawn].map(|label| numbers_in(label));
    assert_eq!((written.len(), printed.len()), (4, 4), "{shown_label}");
    for (written, printed) in written.iter().zip(&printed) {
        assert!((written - printed).abs() < 0.02, "{shown_label}; {drawn}");
    }
    // The style does not depend on a training.
    let style = |svg: &str| {
        let (_, rest) = svg.split_once("<style>").unwrap();
        rest.split_once("</style>").unwrap().0.to_owned()
    };
    assert_eq!(style(&shown), style(&EXPERIMENT_RUN.loss_curve));
}

/// The guide's table of claims names these lines, all of them and in their order.
#[test]
fn guide_names_the_lines() {
    let guide = fs::read_to_string(root("src/guide/last_layer.rs")).unwrap();
    let (_, table) = guide.split_once("//! | name | lines |\n").unwrap();
    let lines = |row: &str| {
        let (_, lines) = row.strip_prefix("//! | ")?.split_once(" | ")?;
        let lines = lines.strip_suffix("` |")?.strip_prefix('`')?;
        Some(lines.split("`, `").map(str::to_owned).collect::<Vec<_>>())
    };
    let named: Vec<String> = table.lines().filter_map(lines).flatten().collect();
    let printed: Vec<String> = findings().into_iter().map(|line| line.claim).collect();
    assert_eq!(named, printed);
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

/// The four files of MNIST, with pictures that are the same for every digit of a class and apart for
/// others.
fn mnist_apart(train: u32, test: u32) -> [(&'static str, Vec<u8>); 4] {
    let images = |count: u32| {
        let rows = (0..count).flat_map(|n| (0..28u32).map(move |row| row / 2 == n % 10));
        let pixels: Vec<u8> = rows.flat_map(|ink| [255 * u8::from(ink); 28]).collect();
        files::idx(&[0x803, count, 28, 28], &pixels)
    };
    [
        ("train-images-idx3-ubyte", images(train)),
        ("train-labels-idx1-ubyte", files::idx_labels(train)),
        ("t10k-images-idx3-ubyte", images(test)),
        ("t10k-labels-idx1-ubyte", files::idx_labels(test)),
    ]
}

/// Where no answer is wrong, what would be told by wrong ones is said not to be measured. The report
/// names the folder of the digits by its last component, and the houses apart.
#[test]
fn data_without_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let digits = folder.path().join("classes-apart");
    fs::create_dir(&digits).unwrap();
    for (name, bytes) in mnist_apart(600, 20) {
        fs::write(digits.join(name), bytes).unwrap();
    }
    let report = folder.path().join("report.html");
    let mut command = example(EXPERIMENT);
    let stdout = stdout(
        command
            .arg("--data")
            .arg(&digits)
            .arg("--output")
            .arg(&report),
    );
    let line = |claim: &str| {
        let line = stdout.lines().find(|line| line.starts_with(claim));
        line.unwrap_or_else(|| panic!("{stdout}"))
    };
    for (claim, measured) in [
        ("a logit does not reflect", "no wrong answer among 20"),
        (
            "a temperature calibrates",
            "none is best: the search ends at T 0.01",
        ),
    ] {
        assert!(line(claim).contains(measured), "{stdout}");
        assert!(line(claim).ends_with("| not measured"), "{stdout}");
    }
    let without_example = stdout.replace("naive NaN", "");
    assert!(!without_example.contains("NaN"), "{stdout}");

    let report = fs::read_to_string(&report).unwrap();
    assert!(
        report.contains("on the digits of <code>classes-apart</code> and on the made-up houses")
    );
    assert!(!report.contains(folder.path().to_str().unwrap()));
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

#[test]
fn report_needs_nothing_else() {
    let report = &EXPERIMENT_RUN.report;
    assert!(report.starts_with("<!DOCTYPE html>"));
    let report = report.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    let outside = [
        "http:", "https:", "<script", "src=", "@import", "url(", "<link",
    ];
    for reference in outside {
        assert!(!report.contains(reference), "{reference}");
    }
    assert!(report.contains("prefers-color-scheme: dark"));
    assert!(report.contains("name=\"viewport\""));
}

#[test]
fn report_holds_all_claims_and_figures() {
    let report = &EXPERIMENT_RUN.report;
    let cell = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        format!("<td role=\"cell\">{}</td>", text.replace('>', "&gt;"))
    };
    for finding in findings() {
        assert!(report.contains(&cell(&finding.claim)), "{}", finding.claim);
        let measured = &finding.measured;
        assert!(report.contains(&cell(measured)), "{measured}");
    }
    for section in SECTIONS {
        let start = format!("<section id=\"{section}\">");
        assert!(report.contains(&start), "{start}");
    }
    for (figure, plots) in FIGURES {
        let start = format!("<figure id=\"{figure}\">");
        let (_, rest) = report.split_once(&start).expect(&start);
        let (content, _) = rest.split_once("</figure>").unwrap();
        let found = content.matches("<svg role=\"img\" aria-label=\"").count();
        assert_eq!(found, plots, "{figure}");
        assert!(content.contains("<figcaption>"), "{figure}");
    }
}

#[test]
fn figures_go_to_a_folder() {
    let plots: usize = FIGURES.iter().map(|(_, plots)| plots).sum();
    assert_eq!(EXPERIMENT_RUN.figures, plots);
    let svg = &EXPERIMENT_RUN.loss_curve;
    assert!(svg.starts_with("<svg ") && svg.contains("<style>"), "{svg}");
    assert!(svg.contains("svg { background: var(--paper); }"), "{svg}");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("report.html");
    fs::write(&kept, "kept").unwrap();
    let refuse = |data: &Path| {
        let mut command = example(EXPERIMENT);
        refusal(command.arg("--data").arg(data).arg("--output").arg(&kept))
    };
    let missing = folder.path().join("missing");
    let few = folder.path().join("few");
    let even = folder.path().join("even");
    for data in [&few, &even] {
        fs::create_dir(data).unwrap();
        for (name, bytes) in files::mnist() {
            fs::write(data.join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in [
        ("train-images-idx3-ubyte", files::idx_images(100)),
        ("train-labels-idx1-ubyte", files::idx_labels(100)),
        ("t10k-images-idx3-ubyte", files::idx_images(1)),
        ("t10k-labels-idx1-ubyte", files::idx_labels(1)),
    ] {
        fs::write(even.join(name), bytes).unwrap();
    }
    for (data, message) in [
        (&missing, "cannot read"),
        (&few, "expected at least 100 training pictures, found 5"),
        (
            &even,
            "expected odd and even digits among the 1 test pictures",
        ),
    ] {
        let line = refuse(data);
        assert!(line.contains(message), "{line}");
        assert!(line.contains(data.to_str().unwrap()), "{line}");
    }
    // The report that was there, and nothing unfinished beside it.
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);

    let line = refusal(example(EXPERIMENT).args(["--output", "/no/such/folder/report.html"]));
    assert!(line.contains("cannot write /no/such/folder"), "{line}");
}

#[test]
fn wrong_usage() {
    let cases: [&[&str]; 5] = [
        &["--seed=one"],
        &["--threads=0"],
        &["--data"],
        &["--no-such-option"],
        &["extra"],
    ];
    for args in cases {
        let output = run(example(EXPERIMENT).args(args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
    }
}

fn check_report(page: &Path) -> Command {
    let mut command = python("scripts/check_report.py");
    command.arg(page);
    command
}

#[test]
fn check_of_the_report_says_that_it_is_skipped() {
    let output = run(check_report(&root("README.md")).env("PATH", "/no/such/folder"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(77), "{stderr}");
    assert_eq!(stderr, "skipped: there is no Chromium on the PATH\n");
    let line = refusal(&mut check_report(Path::new("/no/such/report.html")));
    assert!(line.contains("cannot read /no/such/report.html"), "{line}");
}

/// Each fault of a page is found, and none in the report.
#[test]
#[ignore = "needs Chromium: cargo test -- --ignored check_of_the_report"]
fn check_of_the_report_finds_faults() {
    const PAGE: &str = r#"<!DOCTYPE html><title>Faults</title>
        <p style="width: 3000px">Wide</p><img src="no-such-file.png">
        <figure><svg viewBox="0 0 1000 100"><text x="1010" y="50" font-size="2">cut</text></svg>
        </figure><script>console.error("a message"); throw new Error("a fault");</script>"#;
    const FAULTS: [&str; 7] = [
        "the page is 30",
        "\"cut\" is cut off",
        "no text alternative",
        "pixels high",
        "a message",
        "exception: ",
        "no-such-file.png",
    ];
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("faults.html");
    fs::write(&page, PAGE).unwrap();
    let output = run(&mut check_report(&page));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
    for line in text.lines() {
        for fault in FAULTS {
            assert!(line.contains(fault), "{fault}: {line}");
        }
    }

    let page = folder.path().join("report.html");
    fs::write(&page, &EXPERIMENT_RUN.report).unwrap();
    assert_eq!(
        stdout(&mut check_report(&page)),
        "desktop, light: well\ndesktop, dark: well\nphone, light: well\nphone, dark: well\n"
    );
}
