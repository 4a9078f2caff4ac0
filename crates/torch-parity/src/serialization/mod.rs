//! `model.load_state_dict(strict=True)` and saving of a state dict.
//!
//! `tch::nn::VarStore::load` ignores unknown keys, adopts the file's dtype, broadcasts tensors of
//! another shape, and cannot read the files of `torch.save(model.state_dict(), "model.pt")`. Here,
//! as in Python, a state dict must have exactly the network's keys and shapes; otherwise nothing is
//! loaded. Python converts other dtypes; here they are refused, since converted weights have
//! different bits.
//!
//! Source: `Module.load_state_dict` and `_load_from_state_dict` in `torch/nn/modules/module.py`.

mod output_file;
mod partial;
mod place;
mod pt;
mod safetensors;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::{fs, io};

use tch::nn::VarStore;
use tch::{Kind, Tensor, no_grad};

pub use output_file::{OutputFile, check_writable};
pub use place::{is_at, is_same_file, resolve};
pub use pt::read_pt;
pub use safetensors::{Metadata, read_safetensors, read_safetensors_and_metadata};

use super::error::{Error, Result, shown};
use super::native::tensor_id;
use super::print::dtype_name;

/// Tensors by name, sorted by name.
pub type NamedTensors = BTreeMap<String, Tensor>;

/// Loads weights into every parameter of `vs`, from a `.safetensors` file or from a `.pt` (or
/// `.pth`) file written by `torch.save(model.state_dict(), …)`.
///
/// # Errors
/// If the file cannot be read or does not hold tensors by name, if a key is missing or unexpected,
/// or if a shape or dtype differs. Nothing is loaded then.
pub fn load_state_dict(vs: &VarStore, path: &Path) -> Result<()> {
    let state_dict = match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => read_safetensors(path)?,
        Some("pt" | "pth") => pt::read_pt(path)?,
        _ => {
            let problem = format!("unknown kind of weights, expected a name that ends in {KINDS}");
            return Err(Error::file(path, problem));
        }
    };
    copy_state_dict(vs, &state_dict).map_err(|error| error.loading(path))
}

const KINDS: &str = ".safetensors, .pt or .pth";

/// Copies a state dict into the parameters of `vs`. If a parameter has several names (tied
/// weights), one of them is enough: `safetensors.torch.save_model` writes only one.
///
/// # Errors
/// If a key is missing or unexpected, a shape or dtype differs, or the names of one parameter have
/// different values. Nothing is copied then.
pub fn copy_state_dict(vs: &VarStore, state_dict: &NamedTensors) -> Result<()> {
    let parameters = self::state_dict(vs);
    let state_dict = &with_tied_names(&parameters, state_dict)?;
    check_state_dict(&parameters, state_dict)?;
    no_grad(|| {
        for (name, mut parameter) in parameters {
            parameter.f_copy_(&state_dict[&name])?;
        }
        Ok(())
    })
}

/// Adds the missing names of tied parameters to the state dict.
fn with_tied_names(parameters: &NamedTensors, state_dict: &NamedTensors) -> Result<NamedTensors> {
    let loaded = state_dict.iter();
    let mut all: NamedTensors = loaded
        .map(|(name, t)| (name.clone(), t.shallow_clone()))
        .collect();
    let mut names_of = HashMap::<usize, Vec<&String>>::new();
    for (name, parameter) in parameters {
        names_of.entry(tensor_id(parameter)).or_default().push(name);
    }
    let mut problems = Vec::new();
    for names in names_of.into_values() {
        let found = names
            .iter()
            .find_map(|&name| Some((name, state_dict.get(name)?)));
        let Some((first, value)) = found else {
            continue;
        };
        for name in names {
            let other = all
                .entry(name.clone())
                .or_insert_with(|| value.shallow_clone());
            if !same_bits(value, other)? {
                problems.push(format!(
                    "\"{first}\" and \"{name}\" are one parameter, but differ"
                ));
            }
        }
    }
    problems.sort();
    match problems.is_empty() {
        true => Ok(all),
        false => Err(Error::StateDict(problems)),
    }
}

fn same_bits(a: &Tensor, b: &Tensor) -> Result<bool> {
    if tensor_id(a) == tensor_id(b) {
        return Ok(true);
    }
    let bytes = |tensor: &Tensor| tensor.f_reshape([-1])?.f_view_dtype(Kind::Uint8);
    Ok(a.kind() == b.kind() && a.size() == b.size() && bytes(a)?.f_equal(&bytes(b)?)?)
}

/// `model.state_dict()`: the parameters of `vs` by name, sharing their memory. A parameter with
/// several names is listed under each, as in Python.
pub fn state_dict(vs: &VarStore) -> NamedTensors {
    vs.variables().into_iter().collect()
}

/// Writes the parameters of `vs` by name, for
/// `model.load_state_dict(safetensors.torch.load_file(path))`. Tied weights are written under each
/// of their names, so that Python can load the file strictly; `safetensors.torch.save_file` refuses
/// them.
pub fn save_state_dict(vs: &VarStore, file: OutputFile) -> Result<()> {
    file.write_safetensors(
        &state_dict(vs),
        Metadata::from([("format".into(), "pt".into())]),
    )
}

/// Returns an error unless a state dict has exactly the keys, shapes and dtypes of `expected`.
pub(crate) fn check_state_dict(expected: &NamedTensors, state_dict: &NamedTensors) -> Result<()> {
    let problems = mismatches(expected, state_dict);
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::StateDict(problems)),
    }
}

/// The reasons why `state_dict` cannot be loaded: one phrase for each key.
fn mismatches(parameters: &NamedTensors, state_dict: &NamedTensors) -> Vec<String> {
    let unexpected = state_dict
        .keys()
        .filter(|name| !parameters.contains_key(*name))
        .map(|name| format!("unexpected key {}", shown(name)));
    parameters
        .iter()
        .filter_map(|(name, parameter)| mismatch(name, parameter, state_dict.get(name)))
        .chain(unexpected)
        .collect()
}

fn mismatch(name: &str, parameter: &Tensor, loaded: Option<&Tensor>) -> Option<String> {
    let Some(loaded) = loaded else {
        return Some(format!("missing key {}", shown(name)));
    };
    let (expected, found) = (parameter.size(), loaded.size());
    if expected != found {
        return Some(format!(
            "\"{name}\" has shape {found:?}, expected {expected:?}"
        ));
    }
    let (expected, found) = (parameter.kind(), loaded.kind());
    (expected != found).then(|| {
        let name_of = |kind| dtype_name(kind).unwrap_or("another dtype");
        format!(
            "\"{name}\" is {}, expected {}",
            name_of(found),
            name_of(expected)
        )
    })
}

/// Returns an error if `path` is not a regular file: reading a device or pipe may never end.
///
/// # Errors
/// If there is nothing at `path`, or something other than a regular file.
pub fn check_regular(path: &Path) -> Result<()> {
    let is_file = fs::metadata(path).map(|about| about.is_file());
    match is_file {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::read(path, not_regular())),
        Err(error) => Err(Error::read(path, error)),
    }
}

fn not_regular() -> io::Error {
    io::Error::other("not a regular file")
}

/// The folder that contains a path.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
