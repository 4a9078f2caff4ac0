//! The report and its figures, and the check of them in a browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{EXPERIMENT_RUN, Finding, findings_in};
use testing::{python, refusal, root, run, stdout};

/// The sections of the report.
const SECTIONS: [&str; 8] = [
    "normalisation",
    "confidence",
    "decision",
    "losses",
    "binary",
    "regression",
    "several-labels",
    "method",
];

/// The figures of the report, each with its number of plots.
const FIGURES: [(&str, usize); 11] = [
    ("logits-and-probabilities", 12),
    ("reliability", 2),
    ("costs", 1),
    ("accuracy", 2),
    ("rates", 2),
    ("loss-curves", 1),
    ("gradients", 1),
    ("areas", 2),
    ("saturation", 1),
    ("prices", 3),
    ("labels", 2),
];

/// The panels of the playground to which the report links.
const PANELS: [&str; 4] = ["draw", "drag", "race", "which"];

#[test]
fn the_report_is_self_contained() {
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
    let escaped = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        text.replace('>', "&gt;")
    };
    for Finding {
        id,
        verdict,
        finding,
    } in findings_in(&EXPERIMENT_RUN.stdout)
    {
        let start = format!("<article class=\"claim\" id=\"{id}\">");
        let (_, rest) = report
            .split_once(&start)
            .unwrap_or_else(|| panic!("{start}"));
        let (block, _) = rest.split_once("</article>").unwrap();
        assert!(
            block.contains(&format!("</span> {verdict}</span> {}", escaped(&finding))),
            "{id}"
        );
        assert!(
            block.contains("<summary>How it was tested</summary>"),
            "{id}"
        );
    }
    for section in SECTIONS {
        let start = format!("<section id=\"{section}\">");
        assert!(report.contains(&start), "{start}");
    }
    let figures = [("one-digit", 3)].into_iter().chain(FIGURES);
    for (figure, plots) in figures {
        let start = format!("<figure id=\"{figure}\">");
        let (_, rest) = report.split_once(&start).expect(&start);
        let (content, _) = rest.split_once("</figure>").unwrap();
        let found = content.matches("<svg role=\"img\" aria-label=\"").count();
        assert_eq!(found, plots, "{figure}");
        assert!(content.contains("<figcaption>"), "{figure}");
    }
    for panel in PANELS {
        let link = format!("href=\"playground.html#{panel}\"");
        assert!(report.contains(&link), "{link}");
    }
    // The answer and the figure about it come first.
    let place = |text: &str| report.find(text).unwrap_or_else(|| panic!("{text}"));
    let answer = place("<ul class=\"answer\">");
    assert!(answer < place("id=\"one-digit\"") && place("id=\"one-digit\"") < place("<nav"));
    assert!(place("<nav") < place("<section") && place("id=\"method\"") > place("id=\"labels\""));
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
    let mut command = python("scripts/checks/report.py");
    command.arg(page);
    command
}

#[test]
fn the_check_of_the_report_reports_that_it_is_skipped() {
    let output = run(check_report(&root("README.md")).env("PATH", "/no/such/folder"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(77), "{stderr}");
    assert_eq!(stderr, "skipped: there is no Chromium on the PATH\n");
    let line = refusal(&mut check_report(Path::new("/no/such/report.html")));
    assert!(line.contains("cannot read /no/such/report.html"), "{line}");
}

/// The check finds each injected fault, and none in the report itself.
#[test]
#[ignore = "needs Chromium: cargo test -- --ignored check_of_the_report"]
fn check_of_the_report_finds_faults() {
    const PAGE: &str = r##"<!DOCTYPE html><title>Faults</title>
        <p style="width: 3000px; height: 9000px">Wide, <a href="#nowhere">a link</a></p>
        <img src="no-such-file.png">
        <figure><svg viewBox="0 0 1000 100"><text x="1010" y="50" font-size="2">cut</text></svg>
        </figure><script>console.error("a message"); throw new Error("a fault");</script>"##;
    const FAULTS: [&str; 9] = [
        "the page is 30",
        "#nowhere leads nowhere",
        "the first figure is out of sight",
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
