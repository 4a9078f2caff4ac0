//! The guide and the README quote the output of a run, which is kept in `docs/`.

use std::collections::BTreeSet;
use std::fs;

use super::{EXPERIMENT_RUN, Finding, findings_in, numbers_in};
use testing::root;

/// The output of a run from ten seeds.
fn kept() -> Vec<Finding> {
    findings_in(&fs::read_to_string(root("docs/is-softmax-essential.txt")).unwrap())
}

/// The output of the run on MNIST.
fn kept_of_mnist() -> Vec<Finding> {
    findings_in(&fs::read_to_string(root("docs/is-softmax-essential-mnist.txt")).unwrap())
}

fn guide() -> String {
    fs::read_to_string(root("src/guide/last_layer.rs")).unwrap()
}

/// The findings that do not depend on training: identical on every processor.
const COMPUTED: [&str; 6] = [
    "printed-example",
    "sigmoid-ties",
    "double-softmax-stuck",
    "sigmoid-saturates",
    "loss-on-logit",
    "one-label-at-most",
];

/// The verdicts that follow from arithmetic, independent of training.
const THEOREMS: [&str; 7] = [
    "sums-to-one",
    "positive",
    "naive-overflow",
    "relative-probability",
    "same-function",
    "softmax-of-one",
    "double-softmax-floor",
];

/// The kept output has the claims of a run, and findings that do not depend on the processor are
/// identical.
#[test]
fn the_kept_output_has_the_claims_of_a_run() {
    let (kept, printed) = (kept(), findings_in(&EXPERIMENT_RUN.stdout));
    assert_eq!(kept.len(), printed.len());
    for (kept, printed) in kept.iter().zip(&printed) {
        let id = kept.id.as_str();
        assert_eq!(id, printed.id);
        if COMPUTED.contains(&id) {
            assert_eq!(kept.finding, printed.finding, "{id}");
        }
        if COMPUTED.contains(&id) || THEOREMS.contains(&id) {
            assert_eq!(kept.verdict, printed.verdict, "{id}");
        }
    }
}

/// Every reference to claims in the guide links to their row, and every row is referenced.
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

/// The guide's table of claims is complete.
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

/// Every number with an interval in the guide, in the README and on the page about the question
/// occurs in the kept output, for the sample or for MNIST.
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

/// The page about the question lists exactly the verdicts that differ between the two runs.
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

/// The numbers before and after each ±, without signs.
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

/// The lines quoted in the README are in the kept output.
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

/// The figure in `docs/` is drawn as in a run. Its numbers depend on the processor and on the
/// number of seeds.
#[test]
fn the_kept_figure_is_of_a_run() {
    let shown = fs::read_to_string(root("docs/loss-curves.svg")).unwrap();
    let between = |svg: &str, start: &str, end: &str| {
        let (_, rest) = svg.split_once(start).unwrap();
        rest.split_once(end).unwrap().0.to_owned()
    };
    let words = |svg: &str| {
        let label = between(svg, "aria-label=\"", "\"");
        assert_eq!(numbers_in(&label).len(), 4, "{label}");
        label.replace(|c: char| c.is_ascii_digit(), "")
    };
    let style = |svg: &str| between(svg, "<style>", "</style>");
    let drawn = &EXPERIMENT_RUN.loss_curve;
    assert_eq!(words(&shown), words(drawn));
    assert_eq!(style(&shown), style(drawn));
}
