//! The guide and the README name and quote the lines of a run.

use std::collections::BTreeSet;
use std::fs;

use super::{EXPERIMENT_RUN, Finding, findings, numbers, numbers_in};
use crate::common::root;

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
