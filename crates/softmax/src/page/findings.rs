//! The findings of `is_softmax_essential`, from its outputs kept in docs/. The page quotes them and
//! has no numbers of its own.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::project;

/// The finding of each claim in a kept output, by the claim's name, as HTML.
pub fn findings(path: &str) -> Result<Value> {
    let text = std::fs::read_to_string(project(path))
        .with_context(|| format!("cannot read {path} of the project"))?;
    let finding = |line: &str| {
        let fields: Vec<&str> = line.splitn(3, " | ").map(str::trim).collect();
        match fields[..] {
            [id, _, finding] => Some((id.to_owned(), Value::from(typeset(finding)))),
            _ => None,
        }
    };
    let findings: Map<String, Value> = text.lines().filter_map(finding).collect();
    ensure!(
        !findings.is_empty(),
        "{path}: expected at least one line of a claim, found 0"
    );
    Ok(findings.into())
}

/// A sentence as HTML: with proper minus signs, and 2.4e-22 as a power of ten.
fn typeset(sentence: &str) -> String {
    let words = sentence.split(' ').map(|word| {
        let word = maud::html! { (word) }.into_string();
        let word = match word.strip_prefix('-') {
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
                format!("−{number}")
            }
            _ => word,
        };
        match word.split_once("e-") {
            Some((digits, rest)) if digits.ends_with(|c: char| c.is_ascii_digit()) => {
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                let (exponent, rest) = rest.split_at(end);
                format!("{digits}·10<sup>−{exponent}</sup>{rest}")
            }
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
