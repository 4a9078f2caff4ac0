//! The batch drawn by Python, for the program that includes this file.

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use final_layer::torch::random::{get_rng_state, set_rng_state};
use final_layer::torch::serialization::{NamedTensors, read_safetensors};
use tch::Tensor;

/// The state of the generator after the network was built.
static GENERATOR: OnceLock<Vec<u8>> = OnceLock::new();

/// Records the state of the generator.
pub fn network_is_built() -> Result<()> {
    let state = Vec::try_from(get_rng_state()?)?;
    let _ = GENERATOR.set(state);
    Ok(())
}

/// The recorded state, for the comparison: it shows if building the network draws more or fewer
/// numbers than in Python, since the batch is not drawn here.
pub fn readings() -> Vec<(&'static str, Tensor)> {
    let state = GENERATOR.get().into_iter();
    let state = state.map(|state| ("generator", Tensor::from_slice(state)));
    state.collect()
}

/// A tensor of the batch.
pub fn tensor(name: &str) -> Result<Tensor> {
    let found = all()?.remove(name);
    found.with_context(|| format!("Python drew no {name}"))
}

/// Sets the generator to the state of Python's after drawing the batch, from which the network's own
/// draws, such as dropout, continue.
pub fn batch_is_drawn() -> Result<()> {
    Ok(set_rng_state(&tensor("generator")?)?)
}

fn all() -> Result<NamedTensors> {
    let path = std::env::var_os("FINAL_LAYER_GIVEN").context("FINAL_LAYER_GIVEN is not set")?;
    Ok(read_safetensors(&PathBuf::from(path))?)
}
