//! `model.load_state_dict(torch.load(path))`, for files as people have them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::str::FromStr;

use regex_lite::Regex;
use tch::nn::VarStore;
use tch::{Kind, Tensor, no_grad};

use super::candidate::{Chosen, candidates};
use super::find::{choose, with_key};
use super::fit::{About, Report, compare, describe};
use super::open::open;
use super::value::Value;
use super::{NamedTensors, state_dict};
use crate::error::{Error, Result, shown};
use crate::native::tensor_id;

/// The way in which weights are looked for and loaded.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The key of the state dict within the file, with dots between the keys of nested dicts; the
    /// only one that fits if `None`.
    pub key: Option<String>,
    /// Changes of the state dict's keys, in their order.
    pub renames: Vec<Rename>,
    /// `strict=False`: loads the keys that fit. Python refuses another shape then, too; here the
    /// parameter is left as it is, and reported.
    pub is_partial: bool,
}

/// A change of keys, parsed from `REGEX=REPLACEMENT`: every match is replaced. `$1` stands for the
/// first group.
#[derive(Clone, Debug)]
pub struct Rename {
    pattern: Regex,
    replacement: String,
}

impl Rename {
    pub(super) fn apply(&self, name: &str) -> String {
        let replacement = self.replacement.as_str();
        self.pattern.replace_all(name, replacement).into_owned()
    }
}

impl FromStr for Rename {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=');
        let (pattern, replacement) = parts.ok_or("expected REGEX=REPLACEMENT")?;
        Ok(Self {
            pattern: Regex::new(pattern).map_err(|error| error.to_string())?,
            replacement: replacement.to_owned(),
        })
    }
}

/// Loads weights into every parameter of `vs`, as `model.load_state_dict(torch.load(path))`.
///
/// The file is known by its contents: `.safetensors`; what `torch.save` has written in any version
/// (a state dict, a checkpoint that has one, a whole network); TorchScript; `torch.export.save`;
/// `numpy.savez`; weights in several files, by their index or folder; a folder of
/// `torch.distributed.checkpoint`. No code in it is run. The state dict may lie within other
/// dicts, and a prefix that all keys have is taken off if they fit then; [`Report::notes`] says
/// so. As in Python, other dtypes are converted.
///
/// # Errors
/// If the file cannot be read or does not hold tensors by name, if several of its state dicts fit,
/// or if a key is missing or unexpected, or a shape differs. Nothing is loaded then.
pub fn load_state_dict(vs: &VarStore, path: &Path) -> Result<Report> {
    load_state_dict_with(vs, path, &LoadOptions::default())
}

/// [`load_state_dict`] with options.
///
/// # Errors
/// See [`load_state_dict`]. With [`LoadOptions::is_partial`], only if nothing can be loaded.
pub fn load_state_dict_with(vs: &VarStore, path: &Path, options: &LoadOptions) -> Result<Report> {
    let value = open(path)?;
    let load = || {
        let parameters = state_dict(vs);
        let network = Network::new(&parameters);
        let chosen = choose(&value, &network, options);
        let chosen = chosen.map_err(|problems| explained(problems, path))?;
        // The rest of the file need not be kept.
        drop(value);
        copy(parameters, &network, chosen)
    };
    load().map_err(|error: Error| error.loading(path))
}

/// The reasons, with a hint if the file is one of several.
fn explained(mut problems: Vec<String>, path: &Path) -> Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts = name.rsplit_once("-of-").and_then(|(start, rest)| {
        let part: u32 = start.rsplit_once('-')?.1.parse().ok()?;
        let count: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((part, count.parse::<u32>().ok()?))
    });
    if let Some((part, count)) = parts.filter(|&(_, count)| count > 1) {
        let hint = format!("this is part {part} of {count}; give their index or folder");
        problems.insert(0, hint);
    }
    Error::StateDict(problems)
}

/// The parameters of a network.
#[derive(Debug)]
pub(super) struct Network {
    pub parameters: BTreeMap<String, About>,
    /// The names of each parameter that has more than one.
    pub tied: Vec<Vec<String>>,
}

impl Network {
    fn new(parameters: &NamedTensors) -> Self {
        let mut names_of = HashMap::<usize, Vec<String>>::new();
        for (name, parameter) in parameters {
            let names = names_of.entry(tensor_id(parameter)).or_default();
            names.push(name.clone());
        }
        let mut tied: Vec<_> = names_of
            .into_values()
            .filter(|names| names.len() > 1)
            .collect();
        tied.sort();
        Self {
            parameters: describe(parameters),
            tied,
        }
    }
}

/// Copies the leaves into the parameters, after everything that can fail has been tried.
fn copy(parameters: NamedTensors, network: &Network, chosen: Chosen) -> Result<Report> {
    let Chosen { mut leaves, report } = chosen;
    let damaged =
        |name: &str, problem: String| Error::StateDict(vec![format!("{} {problem}", shown(name))]);
    for (name, leaf) in &leaves {
        let verified = leaf.storage.verify();
        verified.map_err(|problem| damaged(name, problem))?;
    }
    for names in &network.tied {
        let mut values = names
            .iter()
            .filter_map(|name| Some((name, leaves.get(name)?)));
        let Some((first, leaf)) = values.next() else {
            continue;
        };
        let expected = leaf.read().map_err(|problem| damaged(first, problem))?;
        for (name, leaf) in values {
            let value = leaf.read().map_err(|problem| damaged(name, problem))?;
            check_tied((first, &expected), (name, &value))?;
        }
    }
    no_grad(|| {
        for (name, mut parameter) in parameters {
            // Each storage is dropped when its last tensor has been copied.
            if let Some(leaf) = leaves.remove(&name) {
                let value = leaf.read().map_err(|problem| damaged(&name, problem))?;
                parameter.f_copy_(&value)?;
            }
        }
        Ok(report)
    })
}

fn check_tied(a: (&str, &Tensor), b: (&str, &Tensor)) -> Result<()> {
    match same_bits(a.1, b.1)? {
        true => Ok(()),
        false => Err(Error::StateDict(vec![format!(
            "{} and {} are one parameter, but differ",
            shown(a.0),
            shown(b.0)
        )])),
    }
}

fn same_bits(a: &Tensor, b: &Tensor) -> Result<bool> {
    if tensor_id(a) == tensor_id(b) {
        return Ok(true);
    }
    let bytes = |tensor: &Tensor| tensor.f_reshape([-1])?.f_view_dtype(Kind::Uint8);
    Ok(a.kind() == b.kind() && a.size() == b.size() && bytes(a)?.f_equal(&bytes(b)?)?)
}

/// Copies a state dict into the parameters of `vs`. If a parameter has several names (tied
/// weights), one of them is enough: `safetensors.torch.save_model` writes only one. As in Python,
/// other dtypes are converted.
///
/// # Errors
/// If a key is missing or unexpected, a shape differs, or the names of one parameter have different
/// values. Nothing is copied then.
pub fn copy_state_dict(vs: &VarStore, state_dict: &NamedTensors) -> Result<Report> {
    let parameters = self::state_dict(vs);
    let network = Network::new(&parameters);
    let mut found: BTreeMap<&str, &Tensor> = BTreeMap::new();
    found.extend(
        state_dict
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor)),
    );
    for names in &network.tied {
        let first = names
            .iter()
            .find_map(|name| Some((name, *found.get(name.as_str())?)));
        let Some((first, value)) = first else {
            continue;
        };
        for name in names {
            let other = *found.entry(name).or_insert(value);
            check_tied((first, value), (name, other))?;
        }
    }
    let about = found
        .iter()
        .map(|(name, tensor)| ((*name).to_owned(), About::from(*tensor)));
    let report = compare(&network.parameters, &about.collect());
    if !report.is_exact() {
        return Err(Error::StateDict(report.problems()));
    }
    no_grad(|| {
        for (name, mut parameter) in parameters {
            parameter.f_copy_(found[name.as_str()])?;
        }
        Ok(report)
    })
}

/// `torch.load(path, weights_only=True)`: the value in a file or folder as [`load_state_dict`]
/// takes them, with its tensors on the CPU. Tensors of one storage share their memory.
///
/// # Errors
/// If the file cannot be read or is of another kind, or if a tensor is damaged.
pub fn load(path: &Path) -> Result<Value> {
    let value = open(path)?;
    value.map(&mut |leaf| {
        leaf.read()
            .map_err(|problem| Error::file(path, format!("a tensor {problem}")))
    })
}

/// Reads the tensors of a state dict without a network: the one under [`LoadOptions::key`], or the
/// only one in the file. The names are as in the file, after renaming.
///
/// # Errors
/// If the file cannot be read, has no state dict or more than one, or if one of its values is no
/// tensor.
pub fn read_state_dict(path: &Path, options: &LoadOptions) -> Result<NamedTensors> {
    let value = open(path)?;
    let refused = |problem: String| Error::file(path, problem);
    let mut all = with_key(candidates(&value), &value, options).map_err(refused)?;
    if options.key.is_none() {
        // Not a checkpoint with a tensor or two beside its state dict.
        let is_mostly = all.iter().any(|one| 2 * one.count() > one.entries.len());
        all.retain(|one| !is_mostly || 2 * one.count() > one.entries.len());
    }
    let [one] = &all[..] else {
        let all = all.iter().map(|one| one.described()).collect::<Vec<_>>();
        return Err(refused(format!(
            "found several state dicts; choose one by its key: {}",
            all.join(", ")
        )));
    };
    let mut tensors = NamedTensors::new();
    for (name, value) in one.named("", options).map_err(refused)? {
        let tensor = match value.1 {
            Value::Tensor(leaf) => leaf.read(),
            other => Err(format!("is {}, expected a tensor", other.kind())),
        };
        let tensor = tensor.map_err(|problem| refused(format!("{} {problem}", shown(&name))))?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}
