//! `model.load_state_dict(strict=True)` and the saving of a state dict.
//!
//! `tch::nn::VarStore::load` ignores keys that it does not know, takes over the file's dtype,
//! broadcasts a shape that does not fit, and cannot read what
//! `torch.save(model.state_dict(), "model.pt")` writes. Here, as in Python, a state dict has
//! exactly the network's keys and shapes, or nothing is loaded. Unlike Python, which would convert
//! it, any dtype but the network's is refused, since converted weights are no longer the same bits.
//!
//! Source: `Module.load_state_dict` and `_load_from_state_dict` in `torch/nn/modules/module.py`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::nn::VarStore;
use tch::{Tensor, no_grad};

use super::messages::shown;
use super::print::dtype_name;
use super::pt::read_pt;
use crate::storage::{Metadata, NamedTensors, OutputFile, read_safetensors};

/// Loads weights into every parameter of `vs`, from a `.safetensors` file or from the `.pt` (or
/// `.pth`) that `torch.save(model.state_dict(), …)` wrote.
///
/// # Errors
/// If the file cannot be read, holds something else than tensors by name, or if a key is missing or
/// unexpected or a shape or dtype differs. Nothing is loaded then.
pub fn load_state_dict(vs: &VarStore, path: &Path) -> Result<()> {
    let state_dict = match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => read_safetensors(path)?,
        Some("pt" | "pth") => read_pt(path)?,
        _ => bail!(
            "{}: unknown kind of weights, expected a name that ends in .safetensors, .pt or .pth",
            path.display()
        ),
    };
    copy_state_dict(vs, &state_dict).with_context(|| path.display().to_string())
}

/// Copies a state dict into the parameters of `vs`.
///
/// # Errors
/// If a key is missing or unexpected or a shape or dtype differs. Nothing is copied then.
pub(crate) fn copy_state_dict(vs: &VarStore, state_dict: &NamedTensors) -> Result<()> {
    let parameters = self::state_dict(vs);
    check_state_dict(&parameters, state_dict)?;
    no_grad(|| {
        for (name, mut parameter) in parameters {
            parameter.f_copy_(&state_dict[&name])?;
        }
        Ok(())
    })
}

/// `model.state_dict()`: the parameters of `vs`, not copies, under their names in the network.
pub(crate) fn state_dict(vs: &VarStore) -> NamedTensors {
    vs.variables().into_iter().collect()
}

/// Writes the parameters of `vs`, under their names in the network, for
/// `model.load_state_dict(safetensors.torch.load_file(path))`.
pub fn save_state_dict(vs: &VarStore, file: OutputFile) -> Result<()> {
    file.write_safetensors(
        &state_dict(vs),
        Metadata::from([("format".into(), "pt".into())]),
    )
}

/// Refuses a state dict that has not exactly the keys, shapes and dtypes of `expected`.
pub(crate) fn check_state_dict(expected: &NamedTensors, state_dict: &NamedTensors) -> Result<()> {
    /// So many are told; more of them mean another network altogether.
    const MOST: usize = 4;
    let mut problems = mismatches(expected, state_dict);
    let others = problems.len().saturating_sub(MOST);
    problems.truncate(MOST);
    if others > 0 {
        problems.push(format!("and {others} more"));
    }
    ensure!(problems.is_empty(), "{}", problems.join("; "));
    Ok(())
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
