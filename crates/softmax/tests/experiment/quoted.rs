//! The guide and the README name and quote what a run printed, which is kept in `docs/`.

use std::collections::BTreeSet;
use std::fs;

use super::{EXPERIMENT, EXPERIMENT_RUN, Finding, findings_in, numbers_in};
use testing::{example, root, stdout};

/// What a run from ten seeds printed.
fn kept() -> Vec<Finding> {
    findings_in(&fs::read_to_string(root("docs/is-softmax-essential.txt")).unwrap())
}

/// The same of the run on MNIST.
fn kept_of_mnist() -> Vec<Finding> {
    findings_in(&fs::read_to_string(root("docs/is-softmax-essential-mnist.txt")).unwrap())
}

fn guide() -> String {
    fs::read_to_string(root("src/guide/last_layer.rs")).unwrap()
}

/// The kept output has the claims of a run, and what no training decides is the same to the letter.
#[test]
fn the_kept_output_has_the_claims_of_a_run() {
    let (kept, printed) = (kept(), findings_in(&EXPERIMENT_RUN.stdout));
    assert_eq!(kept.len(), printed.len());
    const COMPUTED: [&str; 8] = [
        "sums-to-one",
        "printed-example",
        "sigmoid-ties",
        "double-softmax-stuck",
        "sigmoid-saturates",
        "loss-on-logit",
        "one-label-at-most",
        "naive-overflow",
    ];
    // These draw their vectors from the first seed, which the number of seeds does not change.
    for (kept, printed) in kept.iter().zip(&printed) {
        assert_eq!(kept.id, printed.id);
        if COMPUTED.contains(&kept.id.as_str()) {
            let Finding {
                verdict, finding, ..
            } = printed;
            assert_eq!(
                (&kept.verdict, &kept.finding),
                (verdict, finding),
                "{}",
                kept.id
            );
        }
    }
}

/// The verdicts are those of a run; another processor's rounding may move the numbers. The verdict
/// on the time of a step is the machine's, which may be busy.
#[test]
#[ignore = "trains for two minutes: cargo test -- --ignored the_kept_output_is_a_run"]
fn the_kept_output_is_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = example(EXPERIMENT);
    command
        .arg("--output")
        .arg(folder.path().join("report.html"));
    let printed = findings_in(&stdout(&mut command));
    for (kept, printed) in kept().iter().zip(&printed) {
        assert_eq!(kept.id, printed.id);
        if kept.id != "second-output" {
            assert_eq!(kept.verdict, printed.verdict, "{}", kept.id);
        }
    }
}

/// Every name in the guide that stands for claims leads to their row, and no row is without one.
#[test]
fn guide_links_its_statements_to_the_rows() {
    let guide = guide();
    let between = |start: &str, end: &str| -> BTreeSet<String> {
        let parts = guide.split(start).skip(1);
        let names = parts.filter_map(|part| part.split_once(end));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let anchors = between("<a id=\"", "\"></a>`");
    let links = between("`](#", ")");
    assert_eq!(anchors.len(), 14);
    assert_eq!(links, anchors);
    for name in &anchors {
        assert!(guide.contains(&format!("| <a id=\"{name}\"></a>`{name}` |")));
        assert!(guide.contains(&format!("[`{name}`](#{name})")));
    }
}

/// The guide's table of claims names all of them.
#[test]
fn guide_names_the_claims() {
    let guide = guide();
    let (_, table) = guide.split_once("//! | name | claims |\n").unwrap();
    let claims = |row: &str| {
        let (_, claims) = row.strip_prefix("//! | ")?.split_once(" | ")?;
        let claims = claims.strip_suffix("` |")?.strip_prefix('`')?;
        Some(claims.split("`, `").map(str::to_owned).collect::<Vec<_>>())
    };
    let mut named: Vec<String> = table.lines().filter_map(claims).flatten().collect();
    let mut printed: Vec<String> = kept().into_iter().map(|finding| finding.id).collect();
    named.sort();
    printed.sort();
    assert_eq!(named, printed);
}

/// Every number with an interval in the guide, in the README and on the page about the question is one
/// that was printed, for the sample or for MNIST.
#[test]
fn guide_quotes_the_kept_output() {
    let of = |findings: Vec<Finding>| -> BTreeSet<String> {
        let lines = findings.iter();
        lines.flat_map(|line| intervals(&line.finding)).collect()
    };
    let (sample, mnist) = (of(kept()), of(kept_of_mnist()));
    let page = fs::read_to_string(root("docs/is-softmax-essential.md")).unwrap();
    let readme = fs::read_to_string(root("README.md")).unwrap();
    for (text, least) in [(guide(), 15), (page, 25), (readme, 8)] {
        let text = text
            .replace("//! ", "")
            .replace('\n', " ")
            .replace('−', "-");
        let quoted = intervals(&text);
        assert!(quoted.len() >= least, "{quoted:?}");
        for interval in quoted {
            let printed = sample.contains(&interval) || mnist.contains(&interval);
            assert!(printed, "{interval}");
        }
    }
}

/// The page about the question says which verdicts differ between the two runs: those, and no others.
#[test]
fn the_page_has_the_verdicts_that_differ() {
    let page = fs::read_to_string(root("docs/is-softmax-essential.md")).unwrap();
    let mut same = 0;
    for (sample, mnist) in kept().iter().zip(kept_of_mnist()) {
        assert_eq!(sample.id, mnist.id);
        let start = format!("| `{}`: ", sample.id);
        let row = page.lines().find(|line| line.starts_with(&start));
        if sample.verdict == mnist.verdict {
            assert_eq!(row, None);
            same += 1;
        } else {
            let cells: Vec<&str> = row.expect(&start).split(" | ").collect();
            assert!(
                cells[1].starts_with(&format!("{}: ", sample.verdict)),
                "{cells:?}"
            );
            assert!(
                cells[2].starts_with(&format!("{}: ", mnist.verdict)),
                "{cells:?}"
            );
        }
    }
    let all = kept().len();
    let said = format!("Of the {all} verdicts, {same} are the same.");
    assert!(page.contains(&said), "{said}");
}

/// What stands around each ±, without signs.
fn intervals(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_interval = |words: &[&str]| match words {
        [mean, "±", half] => {
            let (mean, half) = (numbers_in(mean), numbers_in(half));
            Some(format!("{} ± {}", mean.first()?.abs(), half.first()?))
        }
        _ => None,
    };
    words.windows(3).filter_map(is_interval).collect()
}

/// The lines that the README quotes are the kept output's.
#[test]
fn readme_quotes_the_kept_output() {
    let readme = fs::read_to_string(root("README.md")).unwrap();
    let kept = fs::read_to_string(root("docs/is-softmax-essential.txt")).unwrap();
    let (_, section) = readme.split_once("## Is softmax essential?").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let (_, quoted) = section.split_once("```text\n").unwrap();
    let (quoted, _) = quoted.split_once("\n```").unwrap();
    assert!(quoted.lines().count() >= 3);
    for line in quoted.lines() {
        assert!(kept.lines().any(|kept| kept == line), "{line}");
    }
}

/// The figure in `docs/` is a run's: its numbers, in the text alternative, are, as far as two seeds
/// tell those of ten.
#[test]
fn the_kept_figure_is_of_a_run() {
    let shown = fs::read_to_string(root("docs/loss-curves.svg")).unwrap();
    let label = |svg: &str| {
        let (_, rest) = svg.split_once("aria-label=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let [shown_label, drawn] = [&shown, &EXPERIMENT_RUN.loss_curve].map(|svg| label(svg));
    let [written, printed] = [&shown_label, &drawn].map(|label| numbers_in(label));
    assert_eq!((written.len(), printed.len()), (4, 4), "{shown_label}");
    for (written, printed) in written.iter().zip(&printed) {
        assert!((written - printed).abs() < 0.2, "{shown_label}; {drawn}");
    }
    // The style does not depend on a training.
    let style = |svg: &str| {
        let (_, rest) = svg.split_once("<style>").unwrap();
        rest.split_once("</style>").unwrap().0.to_owned()
    };
    assert_eq!(style(&shown), style(&EXPERIMENT_RUN.loss_curve));
}
