//! Assembles the page: one HTML file that needs no other file and no network connection.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::Model;
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use crate::page::confidence::confidence;
use crate::page::findings::findings;
use crate::page::questions::questions;
use crate::project;

const PAGE: &str = include_str!("page.html");
/// Its colours come before `/* page */`; the page uses the same.
const REPORT_STYLE: &str = include_str!("../experiment/report.css");
const STYLE: &str = include_str!("page.css");

/// The panels in the order of the page.
const PANELS: [&str; 5] = [
    include_str!("panels/draw.html"),
    include_str!("panels/drag.html"),
    include_str!("panels/loss.html"),
    include_str!("panels/race.html"),
    include_str!("panels/last_layer.html"),
];

/// The scripts, ordered so that each file uses only those before it.
const SCRIPTS: [&str; 14] = [
    include_str!("script/numbers.js"),
    include_str!("script/losses.js"),
    include_str!("script/network.js"),
    include_str!("script/recipe.js"),
    include_str!("script/ink.js"),
    include_str!("script/drawings.js"),
    include_str!("script/bars.js"),
    include_str!("script/draw.js"),
    include_str!("script/laws.js"),
    include_str!("script/drag.js"),
    include_str!("script/loss.js"),
    include_str!("script/race.js"),
    include_str!("script/last_layer.js"),
    include_str!("script/address.js"),
];

/// The page for this network.
pub fn page(model: &Model<DigitClassifier>) -> Result<String> {
    let measured = json!({
        "confidence": confidence(model)?,
        "race": {
            "sample": curves("docs/race.json")?,
            "mnist": curves("docs/race-mnist.json")?,
        },
        "findings": {
            "sample": findings("docs/is-softmax-essential.txt")?,
            "mnist": findings("docs/is-softmax-essential-mnist.txt")?,
        },
    });
    let (colors, _) = REPORT_STYLE
        .split_once("/* page */")
        .context("the report's style has no mark after its colours")?;
    let page = fill(PAGE, "style", &[colors, STYLE].concat())?;
    let page = fill(&page, "panels", &PANELS.concat())?;
    let page = fill(&page, "questions", &questions())?;
    let page = quote(&page, &measured)?;
    let page = fill(&page, "weights", &STANDARD.encode(weights(model)?))?;
    let page = fill(&page, "race", &measured["race"].to_string())?;
    fill(&page, "script", &SCRIPTS.join("\n"))
}

/// The curves of the race, written by `is_softmax_essential`.
fn curves(path: &str) -> Result<Value> {
    let text = std::fs::read_to_string(project(path))
        .with_context(|| format!("cannot read {path} of the project"))?;
    serde_json::from_str(&text).with_context(|| format!("{path}: expected JSON"))
}

/// The page with the single `{{name}}` replaced.
fn fill(page: &str, name: &str, content: &str) -> Result<String> {
    let mark = format!("{{{{{name}}}}}");
    let (before, after) = page.split_once(&mark).context(format!("no {mark}"))?;
    ensure!(!after.contains(&mark), "{mark} twice");
    Ok([before, content, after].concat())
}

/// The page with each `{{/path/in/measured}}` replaced by that number or text, and `{{%/path}}` by
/// that share in per cent.
fn quote(page: &str, measured: &Value) -> Result<String> {
    let mut parts = page.split("{{");
    let mut quoted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (mark, rest) = part.split_once("}}").context("{{ without }}")?;
        let (path, percent) = match mark.strip_prefix('%') {
            Some(path) => (path, true),
            None => (mark, false),
        };
        if path.starts_with('/') {
            let value = measured.pointer(path);
            let value = value.with_context(|| format!("expected a number or a text at {path}"))?;
            quoted += &match (value, percent) {
                (Value::String(text), false) => text.clone(),
                (Value::Number(number), false) => with_comma(&number.to_string()),
                (value, _) => {
                    let share = value
                        .as_f64()
                        .with_context(|| format!("no share at {path}"))?;
                    format!("{:.0}\u{a0}%", share * 100.)
                }
            };
        } else {
            quoted += &format!("{{{{{mark}}}}}");
        }
        quoted += rest;
    }
    Ok(quoted)
}

/// A whole number with commas between thousands.
fn with_comma(number: &str) -> String {
    match number.len().checked_sub(3) {
        Some(place @ 1..) => format!("{},{}", &number[..place], &number[place..]),
        _ => number.to_owned(),
    }
}

/// The weights as little-endian float32, one after another: `fc1.weight` `(128, 784)`, `fc1.bias`
/// `(128,)`, `fc2.weight` `(10, 128)`, `fc2.bias` `(10,)`.
fn weights(model: &Model<DigitClassifier>) -> Result<Vec<u8>> {
    let variables = model.vs.variables();
    let names = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"];
    let flat: Vec<Tensor> = names
        .iter()
        .map(|name| variables[*name].detach().to_kind(Kind::Float).reshape([-1]))
        .collect();
    let numbers = Vec::<f32>::try_from(Tensor::cat(&flat, 0))?;
    Ok(numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
}
