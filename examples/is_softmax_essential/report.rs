//! The report: one HTML file that needs no other, no network and no script.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use final_layer::torch::random::Seed;
use final_layer::torch::serialization::OutputFile;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::Data;

const STYLE: &str = include_str!("report.css");

/// The report as HTML.
pub fn page(sections: &[Section], data: &Data, seed: Seed) -> String {
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
                    p {
                        "Every number on this page was computed in one run of "
                        code { "is_softmax_essential" }
                        " from seed " (seed) ", on the digits of "
                        @match &data.folder {
                            Some(folder) => code { (folder) },
                            None => "the project's sample",
                        }
                        " and on the made-up houses of the project's sample. Threads: "
                        (tch::get_num_threads()) "."
                    }
                    (summary(sections))
                    @for part in sections { (section(part)) }
                }
            }
        }
    };
    page.into_string()
}

/// The number of claims by verdict, of all and of each section, with links.
fn summary(sections: &[Section]) -> Markup {
    let all: Vec<&Claim> = sections.iter().flat_map(|part| &part.claims).collect();
    html! {
        p { (all.len()) " claims: " (counts(&all)) "." }
        nav {
            ul {
                @for part in sections {
                    li {
                        a href={ "#" (part.id) } { (part.title) }
                        " " (counts(&part.claims.iter().collect::<Vec<_>>())) "."
                    }
                }
            }
        }
    }
}

/// How many claims hold, hold in part and do not, in words.
fn counts(claims: &[&Claim]) -> String {
    let count = |verdict| {
        let n = claims
            .iter()
            .filter(|claim| claim.verdict == verdict)
            .count();
        let words = match (verdict, n) {
            (Verdict::Holds, 1) => "holds",
            (Verdict::Holds, _) => "hold",
            (Verdict::InPart, _) => "in part",
            (Verdict::DoesNotHold, 1) => "does not",
            (Verdict::DoesNotHold, _) => "do not",
            (Verdict::NotMeasured, _) => "not measured",
        };
        (n > 0).then(|| format!("{n} {words}"))
    };
    let verdicts = [
        Verdict::Holds,
        Verdict::InPart,
        Verdict::DoesNotHold,
        Verdict::NotMeasured,
    ];
    let counts: Vec<String> = verdicts.into_iter().filter_map(count).collect();
    counts.join(", ")
}

fn section(part: &Section) -> Markup {
    html! {
        section id=(part.id) {
            h2 { (part.title) }
            p { (part.about) }
            // The roles outlive a style that shows a row as lines, on a phone.
            table.claims role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for name in ["Claim", "Measured", "Verdict"] {
                            th scope="col" role="columnheader" { (name) }
                        }
                    }
                }
                tbody role="rowgroup" { @for claim in &part.claims { (claim_row(claim)) } }
            }
            details {
                summary { "How each verdict is reached" }
                dl {
                    @for claim in &part.claims {
                        dt { (claim.text) }
                        dd { (claim.rule) }
                    }
                }
            }
            @for figure in &part.figures { (figure_block(figure)) }
            @for table in &part.tables { (table_block(table)) }
        }
    }
}

fn claim_row(claim: &Claim) -> Markup {
    let (class, sign) = match claim.verdict {
        Verdict::Holds => ("holds", "✓"),
        Verdict::InPart => ("in-part", "~"),
        Verdict::DoesNotHold => ("does-not-hold", "✗"),
        Verdict::NotMeasured => ("not-measured", "–"),
    };
    html! {
        tr id=(claim.id) role="row" {
            td role="cell" { (claim.text) }
            td role="cell" { (claim.measured) }
            td.(class) role="cell" { span aria-hidden="true" { (sign) } " " (claim.verdict) }
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
            // Of a long figure the caption comes first.
            @if figure.layout == Layout::Pictures { figcaption { (figure.caption) } }
            div class={ "plots " (class) } {
                @for plot in &figure.plots { (PreEscaped(plot)) }
            }
            @if figure.layout == Layout::Even { figcaption { (figure.caption) } }
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

/// Its first cell names the row.
fn number_row(row: &[String]) -> Markup {
    html! {
        tr {
            @for (i, cell) in row.iter().enumerate() {
                @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
            }
        }
    }
}

/// Writes every plot as a file of its own: `<figure>.svg`, or `<figure>-<n>.svg` of several.
pub fn write_figures(sections: &[Section], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
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

/// A plot with the colours of the page, for a file of its own.
fn standalone(plot: &str) -> String {
    let colors = STYLE.split("/* page */").next().unwrap_or_default();
    let inside = plot.find('>').map_or(0, |end| end + 1);
    let (start, rest) = plot.split_at(inside);
    // Of its own: a page that shows it may be light where the system is dark.
    let paper = "svg { background: var(--paper); }";
    format!("{start}\n<style>{colors}{paper}</style>{rest}\n")
}
