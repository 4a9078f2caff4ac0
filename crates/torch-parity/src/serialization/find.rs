//! The place of the weights in a file: which dict, and which prefix of its keys.

use super::candidate::{Candidate, Chosen, candidates};
use super::leaf::Stored;
use super::load::{LoadOptions, Network};
use super::value::Value;
use crate::shown;

/// Chooses the state dict for a network. With `is_partial`, the one with the most keys in common
/// is taken; otherwise, the only one that fits.
///
/// # Errors
/// A phrase for each reason why there is none, or more than one.
pub(super) fn choose(
    value: &Value<Stored>,
    network: &Network,
    options: &LoadOptions,
) -> Result<Chosen, Vec<String>> {
    let candidates = with_key(candidates(value), value, options).map_err(|what| vec![what])?;
    let mut attempts = Vec::new();
    for candidate in &candidates {
        let prefixes = (0..).map_while(|levels| candidate.prefix(levels));
        let mut best: Option<Chosen> = None;
        for prefix in prefixes {
            let chosen = candidate.attempt(prefix, options, network);
            let chosen = chosen.map_err(|what| vec![what])?;
            let is_better = best.as_ref().is_none_or(|best| rank(&chosen) > rank(best));
            if is_better {
                best = Some(chosen);
            }
        }
        attempts.extend(best.map(|best| (candidate, best)));
    }
    let most = attempts.iter().map(|(_, chosen)| rank(chosen)).max();
    let (best, _): (Vec<_>, Vec<_>) = attempts
        .into_iter()
        .partition(|(_, chosen)| Some(rank(chosen)) == most);
    let is_taken = |chosen: &Chosen| match options.is_partial {
        true => !chosen.report.loaded.is_empty(),
        false => chosen.report.is_exact(),
    };
    let taken = best.iter().filter(|(_, chosen)| is_taken(chosen)).count();
    if taken > 1 {
        let all = best.iter().map(|(candidate, _)| candidate.described());
        let all = all.collect::<Vec<_>>().join(", ");
        return Err(vec![format!(
            "several state dicts fit; choose one by its key: {all}"
        )]);
    }
    let Some((candidate, chosen)) = best.into_iter().next() else {
        return Err(vec![no_tensors(value)]);
    };
    if taken == 1 {
        return Ok(chosen);
    }
    let mut problems = chosen.report.problems();
    if candidate
        .entries
        .iter()
        .all(|(name, _)| name.parse::<u64>().is_ok())
    {
        let (first, last) = (&candidate.entries[0].0, candidate.entries.len());
        problems.insert(
            0,
            format!("its {last} keys are numbers ({first}, ...), expected names"),
        );
    }
    if options.is_partial {
        problems.insert(0, "nothing can be loaded".to_owned());
    }
    if let Some(first) = problems.first_mut()
        && !candidate.path.is_empty()
    {
        *first = format!("under {}: {first}", shown(&candidate.path));
    }
    Err(problems)
}

/// An order of attempts: exact ones first, then by what is loaded and what differs.
fn rank(chosen: &Chosen) -> (bool, usize, std::cmp::Reverse<usize>) {
    let report = &chosen.report;
    (
        report.is_exact(),
        report.loaded.len(),
        std::cmp::Reverse(report.problem_count()),
    )
}

/// The candidates under the key that the user gave, or all.
pub(super) fn with_key<'a>(
    all: Vec<Candidate<'a>>,
    value: &Value<Stored>,
    options: &LoadOptions,
) -> Result<Vec<Candidate<'a>>, String> {
    if all.is_empty() {
        return Err(no_tensors(value));
    }
    let Some(key) = &options.key else {
        return Ok(all);
    };
    let (found, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.path == *key);
    if found.is_empty() {
        let others = others.iter().map(Candidate::described).collect::<Vec<_>>();
        return Err(format!(
            "no tensors under the key {}; there are some in {}",
            shown(key),
            others.join(", ")
        ));
    }
    Ok(found)
}

fn no_tensors(value: &Value<Stored>) -> String {
    let found = match value {
        Value::Dict(dict) => match dict.entries.first() {
            Some((key, value)) => format!("a dict without tensors; {key} is {}", value.kind()),
            None => "an empty dict".to_owned(),
        },
        other => other.kind().to_owned(),
    };
    format!(
        "expected a dict of tensors, as torch.save(model.state_dict(), ...) writes; found {found}"
    )
}
