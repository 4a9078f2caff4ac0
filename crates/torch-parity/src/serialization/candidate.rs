//! The dicts in a file that have tensors, and the prefixes of their keys.

use std::collections::BTreeMap;

use super::fit::{About, Report, compare};
use super::leaf::Stored;
use super::load::{LoadOptions, Network};
use super::value::{Dict, Key, Value};
use crate::shown;

/// A state dict that was chosen: the leaves by the names of the network.
#[derive(Debug)]
pub(super) struct Chosen {
    pub leaves: BTreeMap<String, Stored>,
    pub report: Report,
}

/// The most levels of dicts within dicts.
const MOST_DEPTH: usize = 5;

/// A dict in a file that has tensors.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    /// The keys that lead to it, with dots between; empty for the file's own value.
    pub path: String,
    pub entries: Vec<(String, &'a Value<Stored>)>,
    versions: Option<&'a BTreeMap<String, i64>>,
}

/// The dicts that have tensors, also within other dicts, except the states of optimizers.
pub(super) fn candidates(value: &Value<Stored>) -> Vec<Candidate<'_>> {
    let mut all = Vec::new();
    collect(value, String::new(), 0, &mut all);
    all
}

fn collect<'a>(value: &'a Value<Stored>, path: String, depth: usize, all: &mut Vec<Candidate<'a>>) {
    let (entries, versions) = match value {
        Value::Dict(dict) if is_optimizer(dict) => return,
        Value::Dict(dict) => {
            let entries = dict.entries.iter();
            let entries = entries
                .map(|(key, value)| (plain(key), value))
                .collect::<Vec<_>>();
            (entries, Some(&dict.versions))
        }
        Value::List(values) | Value::Tuple(values) => {
            let entries = values.iter().enumerate();
            (
                entries
                    .map(|(place, value)| (place.to_string(), value))
                    .collect(),
                None,
            )
        }
        _ => return,
    };
    if depth < MOST_DEPTH {
        for (key, value) in &entries {
            let path = match path.is_empty() {
                true => key.clone(),
                false => format!("{path}.{key}"),
            };
            collect(value, path, depth + 1, all);
        }
    }
    if entries.iter().any(|(_, value)| is_tensor(value)) {
        all.push(Candidate {
            path,
            entries,
            versions,
        });
    }
}

fn is_optimizer(dict: &Dict<Stored>) -> bool {
    dict.get("state").is_some() && dict.get("param_groups").is_some()
}

fn is_tensor<T>(value: &Value<T>) -> bool {
    match value {
        Value::Tensor(_) => true,
        Value::Other(what) => what.contains("tensor"),
        _ => false,
    }
}

fn plain(key: &Key) -> String {
    match key {
        Key::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Candidate<'_> {
    /// The number of tensors.
    pub fn count(&self) -> usize {
        self.entries
            .iter()
            .filter(|(_, value)| is_tensor(value))
            .count()
    }

    /// The candidate in a message.
    pub fn described(&self) -> String {
        let count = self.count();
        match self.path.as_str() {
            "" => format!("the whole file ({count} tensors)"),
            path => format!("{} ({count} tensors)", shown(path)),
        }
    }

    /// The prefix of the first `levels` levels that all keys have, if they do. `n_averaged`, which
    /// `AveragedModel` adds, is no key of the network's.
    pub fn prefix(&self, levels: usize) -> Option<&str> {
        let mut names = self.entries.iter().map(|(name, _)| name.as_str());
        let mut names = names
            .by_ref()
            .filter(|name| levels == 0 || *name != N_AVERAGED);
        let first = names.next()?;
        let dots = first.match_indices('.').map(|(place, _)| place + 1);
        let end = std::iter::once(0).chain(dots).nth(levels)?;
        let prefix = &first[..end];
        names.all(|name| name.starts_with(prefix)).then_some(prefix)
    }

    /// The entries by the names that remain without a prefix, after renaming.
    pub fn named(
        &self,
        prefix: &str,
        options: &LoadOptions,
    ) -> Result<BTreeMap<String, (&str, &Value<Stored>)>, String> {
        let mut named = BTreeMap::new();
        for (original, value) in &self.entries {
            let is_counter = !prefix.is_empty() && original == N_AVERAGED;
            let Some(name) = original.strip_prefix(prefix).filter(|_| !is_counter) else {
                continue;
            };
            let mut name = name.to_owned();
            for rename in &options.renames {
                name = rename.apply(&name);
            }
            if let Some((other, _)) = named.insert(name.clone(), (original.as_str(), *value)) {
                let (name, other, original) = (shown(&name), shown(other), shown(original));
                return Err(format!("{other} and {original} are both renamed {name}"));
            }
        }
        Ok(named)
    }

    /// Compares the entries without a prefix with the network's.
    pub fn attempt(
        &self,
        prefix: &str,
        options: &LoadOptions,
        network: &Network,
    ) -> Result<Chosen, String> {
        let named = self.named(prefix, options)?;
        let about = named
            .iter()
            .map(|(name, (_, value))| (name.clone(), about(value)));
        let mut about: BTreeMap<String, About> = about.collect();
        let kept = self.keep_counters(&named, &network.parameters, &mut about);
        let mut leaves: BTreeMap<String, Stored> = BTreeMap::new();
        for (name, (_, value)) in &named {
            if let Value::Tensor(leaf) = value {
                leaves.insert(name.clone(), leaf.clone());
            }
        }
        // One name of a parameter is enough.
        for names in &network.tied {
            let Some(leaf) = names.iter().find_map(|name| leaves.get(name)).cloned() else {
                continue;
            };
            for name in names.iter().filter(|name| !named.contains_key(*name)) {
                about.insert(name.clone(), About::Tensor(leaf.size.clone(), leaf.kind));
                leaves.insert(name.clone(), leaf.clone());
            }
        }
        let mut report = compare(&network.parameters, &about);
        report.loaded.retain(|name| leaves.contains_key(name));
        report.notes.extend(kept);
        if !prefix.is_empty() {
            let prefix = shown(prefix);
            report
                .notes
                .insert(0, format!("took the prefix {prefix} off all keys"));
        }
        if !self.path.is_empty() {
            report
                .notes
                .insert(0, format!("took the weights under {}", shown(&self.path)));
        }
        leaves.retain(|name, _| report.loaded.binary_search(name).is_ok());
        Ok(Chosen { leaves, report })
    }

    /// As Python, keeps the count of batches of a normalization whose state was saved by a version
    /// before it had one, or without a version.
    fn keep_counters(
        &self,
        named: &BTreeMap<String, (&str, &Value<Stored>)>,
        parameters: &BTreeMap<String, About>,
        about: &mut BTreeMap<String, About>,
    ) -> Option<String> {
        let mut kept = 0;
        for (name, parameter) in parameters {
            let Some(module) = name.strip_suffix(COUNTER) else {
                continue;
            };
            if named.contains_key(name) {
                continue;
            }
            let Some((mean, _)) = named.get(&format!("{module}running_mean")) else {
                continue;
            };
            let module = mean.strip_suffix("running_mean").unwrap_or_default();
            let version = self
                .versions
                .and_then(|all| all.get(module.trim_end_matches('.')));
            if version.is_none_or(|&version| version < 2) {
                about.insert(name.clone(), parameter.clone());
                kept += 1;
            }
        }
        let what = "num_batches_tracked, which the state dict does not have, as Python does";
        (kept > 0).then(|| format!("kept {kept} {what}"))
    }
}

const COUNTER: &str = "num_batches_tracked";

const N_AVERAGED: &str = "n_averaged";

fn about(value: &Value<Stored>) -> About {
    match value {
        Value::Tensor(leaf) => About::Tensor(leaf.size.clone(), leaf.kind),
        other => About::Other(other.kind().to_owned()),
    }
}
