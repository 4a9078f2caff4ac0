//! The comparison of a state dict with a network: what is loaded, missing, unexpected or of
//! another shape.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use super::NamedTensors;
use crate::print::dtype_name;
use crate::shown;

/// The result of loading a state dict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The parameters and buffers of the network that were loaded.
    pub loaded: Vec<String>,
    /// Those that the state dict does not have.
    pub missing: Vec<String>,
    /// Keys of the state dict that the network does not have.
    pub unexpected: Vec<String>,
    /// Those that the state dict has otherwise, by a phrase such as `"fc.weight" has shape [3],
    /// expected [4]`.
    pub mismatched: Vec<String>,
    /// Remarks for the user, such as the prefix that was taken off all keys.
    pub notes: Vec<String>,
}

impl Report {
    /// Returns true if the keys and shapes are the same.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatched.is_empty()
    }

    /// The number of keys that differ.
    pub(super) fn problem_count(&self) -> usize {
        self.missing.len() + self.unexpected.len() + self.mismatched.len()
    }

    /// A phrase for each key that differs. A missing key stands beside the unexpected one that is
    /// most like it, the most alike first.
    pub fn problems(&self) -> Vec<String> {
        /// As many pairs are looked for; no message shows more.
        const MOST_PAIRS: usize = 32;
        let mut unexpected: Vec<&str> = self.unexpected.iter().map(String::as_str).collect();
        let (mut pairs, mut alone) = (Vec::new(), Vec::new());
        for missing in &self.missing {
            let like = unexpected.iter().enumerate();
            let like = like.map(|(place, name)| (likeness(missing, name), place));
            let like = like.max_by(|a, b| a.0.total_cmp(&b.0));
            match like.filter(|&(like, _)| like >= 0.5 && pairs.len() < MOST_PAIRS) {
                Some((like, place)) => pairs.push((like, missing, unexpected.remove(place))),
                None => alone.push(missing),
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let pairs = pairs.into_iter().map(|(_, missing, unexpected)| {
            let (missing, unexpected) = (shown(missing), shown(unexpected));
            format!("missing key {missing}, unexpected key {unexpected}")
        });
        let missing = alone
            .into_iter()
            .map(|name| format!("missing key {}", shown(name)));
        let unexpected = unexpected.into_iter();
        let unexpected = unexpected.map(|name| format!("unexpected key {}", shown(name)));
        let mismatched = self.mismatched.iter().cloned();
        mismatched
            .chain(pairs)
            .chain(by_turns(missing, unexpected))
            .collect()
    }
}

/// The items of both, one of each at a time.
fn by_turns<T>(
    mut a: impl Iterator<Item = T>,
    mut b: impl Iterator<Item = T>,
) -> impl Iterator<Item = T> {
    std::iter::from_fn(move || match (a.next(), b.next()) {
        (None, None) => None,
        (a, b) => Some(a.into_iter().chain(b)),
    })
    .flatten()
}

/// The part of the longer name that both have at their starts and ends.
fn likeness(a: &str, b: &str) -> f64 {
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    let same = |pair: &(u8, u8)| pair.0 == pair.1;
    let start = a.bytes().zip(b.bytes()).take_while(same).count();
    let end = a
        .bytes()
        .rev()
        .zip(b.bytes().rev())
        .take_while(same)
        .count();
    (start + end).min(short) as f64 / long.max(1) as f64
}

/// A tensor that is or may be loaded.
#[derive(Clone, Debug)]
pub(super) enum About {
    Tensor(Vec<i64>, Kind),
    /// A value that is no tensor, by a phrase that says what it is.
    Other(String),
}

impl From<&Tensor> for About {
    fn from(tensor: &Tensor) -> Self {
        Self::Tensor(tensor.size(), tensor.kind())
    }
}

pub(super) fn describe(tensors: &NamedTensors) -> BTreeMap<String, About> {
    let tensors = tensors.iter();
    tensors
        .map(|(name, tensor)| (name.clone(), About::from(tensor)))
        .collect()
}

/// Compares keys and shapes. As in Python, another dtype is converted.
pub(super) fn compare(
    parameters: &BTreeMap<String, About>,
    found: &BTreeMap<String, About>,
) -> Report {
    let mut report = Report::default();
    let mut converted = BTreeMap::<(&str, &str), Vec<&str>>::new();
    for (name, parameter) in parameters {
        let Some(found) = found.get(name) else {
            report.missing.push(name.clone());
            continue;
        };
        if let Some(problem) = mismatch(name, parameter, found) {
            report.mismatched.push(problem);
            continue;
        }
        report.loaded.push(name.clone());
        if let (About::Tensor(_, to), About::Tensor(_, from)) = (parameter, found)
            && from != to
        {
            converted
                .entry((dtype_name(*from), dtype_name(*to)))
                .or_default()
                .push(name);
        }
    }
    for ((from, to), names) in converted {
        let others = match names.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let name = shown(names[0]);
        report
            .notes
            .push(format!("{name}{others} converted from {from} to {to}"));
    }
    let unexpected = found.keys().filter(|name| !parameters.contains_key(*name));
    report.unexpected = unexpected.cloned().collect();
    report
}

fn mismatch(name: &str, parameter: &About, found: &About) -> Option<String> {
    let name = shown(name);
    let About::Tensor(expected, to) = parameter else {
        return None;
    };
    match found {
        About::Other(what) => Some(format!("{name} is {what}, expected a tensor")),
        About::Tensor(found, _) if found != expected => {
            Some(format!("{name} has shape {found:?}, expected {expected:?}"))
        }
        // Python drops the imaginary parts, with a warning.
        About::Tensor(_, from) if is_complex(*from) && !is_complex(*to) => {
            let (from, to) = (dtype_name(*from), dtype_name(*to));
            Some(format!("{name} is {from}, expected {to}"))
        }
        About::Tensor(..) => None,
    }
}

fn is_complex(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ComplexHalf | Kind::ComplexFloat | Kind::ComplexDouble
    )
}

/// The reasons why `found` is not what an optimizer expects: one phrase for each key, also for
/// another dtype.
pub(super) fn differences(expected: &NamedTensors, found: &NamedTensors) -> Vec<String> {
    let report = compare(&describe(expected), &describe(found));
    let mut problems = report.problems();
    for name in &report.loaded {
        let (expected, found) = (expected[name].kind(), found[name].kind());
        if expected != found {
            let (found, expected) = (dtype_name(found), dtype_name(expected));
            problems.push(format!("\"{name}\" is {found}, expected {expected}"));
        }
    }
    problems
}
