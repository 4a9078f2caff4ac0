//! The report: one HTML file that needs no other file, no network connection and no script.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use final_layer::torch::random::Seed;
use final_layer::torch::serialization::OutputFile;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::experiment::claims::{Claim, Figure, Kind, Layout, Section, Table};
use crate::experiment::data::Data;
use crate::experiment::pictures::Example;
use crate::experiment::rates::{GRIDS, Grid};
use crate::experiment::statistics::Verdict;

const STYLE: &str = include_str!("report.css");

/// The file name of the playground, which is expected beside the report.
const PLAYGROUND: &str = "playground.html";

/// The origin of the numbers.
pub struct Provenance<'a> {
    pub seed: Seed,
    pub seeds: usize,
    pub data: &'a Data,
}

/// The report as HTML.
pub fn page(
    answer: &[String],
    opening: &Figure,
    example: &Example,
    sections: &[Section],
    provenance: &Provenance,
) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Is softmax essential?" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Is softmax essential?" }
                    ul.answer { @for line in answer { li { strong { (parts(line).0) "." } } } }
                    (figure_block(opening))
                    p {
                        "The two largest logits differ by " (number(margin(example)))
                        ", and e to this power is " (number(margin(example).exp()))
                        ": so many times as probable is the first class as the second. Softmax "
                        "adds no more than the common scale on which all ten sum to 1. "
                        (panel(("drag", "Drag the logits yourself"))) "."
                    }
                    p { "What the five answers rest on:" }
                    ul { @for line in answer { li { (parts(line).1) } } }
                    p {
                        "Each line comes from one of " (sections.iter().map(|part| part.claims.len()).sum::<usize>()) " claims. Those in quotation marks are the "
                        "article's: " cite { "Is softmax essential for neural networks?" }
                        " of 30 January 2025, with which this project began. The other claims are what the "
                        "tests of these led to. Here are the questions, and how their claims came out:"
                    }
                    (contents(sections))
                    @for part in sections { (section(part)) }
                    (method(provenance))
                }
            }
        }
    };
    page.into_string()
}

/// A line of the answer, split into the statement and its evidence.
fn parts(line: &str) -> (&str, &str) {
    line.split_once(". ").unwrap_or((line, ""))
}

/// The difference between the largest and the second largest logit.
fn margin(example: &Example) -> f64 {
    let mut logits = example.logits.clone();
    logits.sort_by(|a, b| b.total_cmp(a));
    logits[0] - logits[1]
}

fn number(x: f64) -> String {
    format!("{x:.2}")
}

/// A link to a panel of the playground.
fn panel((anchor, name): (&str, &str)) -> Markup {
    html! { a href={ (PLAYGROUND) "#" (anchor) } { (name) } }
}

/// The questions with the verdicts of their claims.
fn contents(sections: &[Section]) -> Markup {
    html! {
        nav aria-label="Questions" {
            ul {
                @for part in sections {
                    li {
                        a href={ "#" (part.id) } { (part.title) }
                        " " (counts(&part.claims)) "."
                    }
                }
            }
        }
    }
}

/// The number of claims that hold, hold in part and do not hold, in words.
fn counts(claims: &[Claim]) -> String {
    let count = |(verdict, one, several): (Verdict, &str, &str)| {
        let n = (claims.iter())
            .filter(|claim| claim.verdict == verdict)
            .count();
        let words = if n == 1 { one } else { several };
        (n > 0).then(|| format!("{n} {words}"))
    };
    let verdicts = [
        (Verdict::Holds, "claim holds", "claims hold"),
        (Verdict::InPart, "holds in part", "hold in part"),
        (Verdict::DoesNotHold, "does not", "do not"),
        (Verdict::Undecided, "is undecided", "are undecided"),
        (
            Verdict::NotMeasured,
            "could not be measured",
            "could not be measured",
        ),
    ];
    let counts: Vec<String> = verdicts.into_iter().filter_map(count).collect();
    counts.join(", ")
}

fn section(part: &Section) -> Markup {
    html! {
        section id=(part.id) {
            h2 { (part.title) }
            p { (part.about) @if let Some(link) = part.panel { " " (panel(link)) "." } }
            @for figure in &part.figures { (figure_block(figure)) }
            @for kind in Kind::ALL {
                @let claims: Vec<&Claim> = part.claims.iter().filter(|c| c.kind == kind).collect();
                @if !claims.is_empty() {
                    h3 { (kind.title()) }
                    @for claim in claims { (claim_block(claim)) }
                }
            }
            @for table in &part.tables { (table_block(table)) }
        }
    }
}

fn claim_block(claim: &Claim) -> Markup {
    let (class, sign) = match claim.verdict {
        Verdict::Holds => ("holds", "✓"),
        Verdict::InPart => ("in-part", "~"),
        Verdict::DoesNotHold => ("does-not-hold", "✗"),
        Verdict::Undecided => ("undecided", "?"),
        Verdict::NotMeasured => ("not-measured", "–"),
    };
    html! {
        article.claim id=(claim.id) {
            p.finding {
                span.(class) { span aria-hidden="true" { (sign) } " " (claim.verdict) }
                " " (claim.finding)
            }
            @if claim.kind == Kind::Addition {
                p.sentence { (claim.sentence) }
            } @else {
                blockquote { (claim.sentence) }
            }
            details {
                summary { "How it was tested" }
                p { (claim.experiment) }
                p { (claim.rule) }
            }
        }
    }
}

/// The method of measurement, and the data.
fn method(provenance: &Provenance) -> Markup {
    let Provenance { seed, seeds, data } = provenance;
    let grid = |grid: &Grid| {
        let rates: Vec<String> = grid.rates.iter().map(f64::to_string).collect();
        format!("{}: {}", grid.name, rates.join(", "))
    };
    let grids: Vec<String> = GRIDS.iter().map(grid).collect();
    html! {
        section id="method" {
            h2 { "How it was measured" }
            p {
                "Every network is trained from " (seeds) " seeds, and the seed is the unit of the "
                "statistics: networks that are compared start from the same weights, as far as "
                "they have the same layers, and see the samples in the same order. A number "
                "after ± is half of a 95 % interval, by Student's t distribution over the seeds. "
                "A verdict asks on which side of a bound the whole interval lies; where the bound "
                "lies inside the interval, it is undecided. The bounds say which differences matter. "
                "They were set after pilot runs with five of the seeds that seed 0 stands for, and "
                "were not touched when seeds 1 to 4 were run."
            }
            p {
                "Each network has the learning rate that is best for it, of a grid, by its mean "
                "score on validation samples (by five seeds, for the losses by all): "
                (grids.join("; ")) ". The rate falls to 0 along half a cosine."
            }
            p {
                "An interval says what other seeds would change at the learning rate that was "
                "chosen. It does not say what another rate would change, where two are nearly "
                "as good, nor what other pictures would: of " (data.digits.test.len()) " test pictures, one is "
                (format!("{:.2}", 100. / data.digits.test.len() as f64)) " points."
            }
            p {
                "All of this was computed in one run of " code { "is_softmax_essential" }
                " from seed " (seed) ", on the digits of "
                @match &data.folder {
                    Some(folder) => code { (folder) },
                    None => "the project's sample",
                }
                " and on the made-up houses of the project's sample."
            }
        }
    }
}

fn figure_block(figure: &Figure) -> Markup {
    let class = match figure.layout {
        Layout::Even => "even",
        Layout::Pictures => "pictures",
    };
    html! {
        figure id=(figure.id) {
            // In a long figure the caption comes first.
            @let first = figure.layout == Layout::Pictures && figure.plots.len() > 3;
            @if first { figcaption { (figure.caption) } }
            div class={ "plots " (class) } {
                @for plot in &figure.plots { (PreEscaped(plot)) }
            }
            @if !first { figcaption { (figure.caption) } }
        }
    }
}

fn table_block(table: &Table) -> Markup {
    html! {
        details {
            summary { (table.caption) }
            div.wide tabindex="0" role="region" aria-label=(table.caption) {
                table.numbers {
                    thead { tr { @for cell in &table.head { th scope="col" { (cell) } } } }
                    tbody { @for row in &table.rows { (number_row(row)) } }
                }
            }
        }
    }
}

/// A row whose first cell is its name.
fn number_row(row: &[String]) -> Markup {
    html! {
        tr {
            @for (i, cell) in row.iter().enumerate() {
                @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
            }
        }
    }
}

/// Writes every plot to its own file: `<figure>.svg`, or `<figure>-<n>.svg` if there are several.
pub fn write_figures(sections: &[Section], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for figure in sections.iter().flat_map(|part| &part.figures) {
        for (i, plot) in figure.plots.iter().enumerate() {
            let name = match figure.plots.len() {
                1 => format!("{}.svg", figure.id),
                _ => format!("{}-{}.svg", figure.id, i + 1),
            };
            let file = OutputFile::create(&folder.join(name))?;
            file.write(standalone(plot).as_bytes())?;
        }
    }
    Ok(())
}

/// A plot with the colours of the page, for a separate file.
fn standalone(plot: &str) -> String {
    let colors = STYLE.split("/* page */").next().unwrap_or_default();
    let inside = plot.find('>').map_or(0, |end| end + 1);
    let (start, rest) = plot.split_at(inside);
    // It has its own background: a page that embeds it may be light on a dark system.
    let paper = "svg { background: var(--paper); }";
    format!("{start}\n<style>{colors}{paper}</style>{rest}\n")
}
