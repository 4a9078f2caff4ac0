//! `model.load_state_dict(strict=True)` and the saving of a state dict.
//!
//! `tch::nn::VarStore::load` ignores keys that it does not know, takes over the file's dtype,
//! broadcasts a shape that does not fit, and cannot read what
//! `torch.save(model.state_dict(), "model.pt")` writes. Here, as in Python, a state dict has
//! exactly the network's keys and shapes, or nothing is loaded. Unlike Python, which would convert
//! it, any dtype but the network's is refused, since converted weights are no longer the same bits.
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

/// Tensors by name, in the order of their names.
pub type NamedTensors = BTreeMap<String, Tensor>;

/// Loads weights into every parameter of `vs`, from a `.safetensors` file or from the `.pt` (or
/// `.pth`) that `torch.save(model.state_dict(), …)` wrote.
///
/// # Errors
/// If the file cannot be read, holds something else than tensors by name, or if a key is missing or
/// unexpected or a shape or dtype differs. Nothing is loaded then.
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

/// Copies a state dict into the parameters of `vs`. Of a parameter that has several names (tied
/// weights) one is enough, as `safetensors.torch.save_model` writes one.
///
/// # Errors
/// If a key is missing or unexpected or a shape or dtype differs, or if one parameter has different
/// values under its names. Nothing is copied then.
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

/// The state dict with all names of each tied parameter that it has one of.
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

/// `model.state_dict()`: the parameters of `vs`, not copies, under their names in the network. One
/// that has several names is there under each, as in Python.
pub fn state_dict(vs: &VarStore) -> NamedTensors {
    vs.variables().into_iter().collect()
}

/// Writes the parameters of `vs`, under their names in the network, for
/// `model.load_state_dict(safetensors.torch.load_file(path))`. Tied weights are written under each of
/// their names, where `safetensors.torch.save_file` refuses them: so Python loads the file strictly.
pub fn save_state_dict(vs: &VarStore, file: OutputFile) -> Result<()> {
    file.write_safetensors(
        &state_dict(vs),
        Metadata::from([("format".into(), "pt".into())]),
    )
}

/// Refuses a state dict that has not exactly the keys, shapes and dtypes of `expected`.
pub(crate) fn check_state_dict(expected: &NamedTensors, state_dict: &NamedTensors) -> Result<()> {
    let problems = mismatches(expected, state_dict);
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::StateDict(problems)),
    }
}

/// What keeps `state_dict` from being loaded: one phrase a key.
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

/// Refuses what is no regular file: a folder, or a device or pipe that may never end.
///
/// # Errors
/// If there is nothing at `path`, or something else.
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

/// The folder that a path is in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
