//! The report and its figures, and the check of them in a browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{EXPERIMENT_RUN, findings};
use crate::common::{python, refusal, root, run, stdout};

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
