//! The batch that Python drew, handed over to the program that this is a part of.

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use final_layer::torch::random::{get_rng_state, set_rng_state};
use final_layer::torch::serialization::{NamedTensors, read_safetensors};
use tch::Tensor;

/// The generator's state where building the network left it.
static GENERATOR: OnceLock<Vec<u8>> = OnceLock::new();

/// Takes down where the generator stands.
pub fn network_is_built() -> Result<()> {
    let state = Vec::try_from(get_rng_state()?)?;
    let _ = GENERATOR.set(state);
    Ok(())
}

/// Where the generator stood, for the comparison: if building the network draws more or fewer
/// numbers than in Python, it is seen here, as the batch is not drawn.
pub fn readings() -> Vec<(&'static str, Tensor)> {
    let state = GENERATOR.get().into_iter();
    let state = state.map(|state| ("generator", Tensor::from_slice(state)));
    state.collect()
}

/// One of the tensors of the batch.
pub fn tensor(name: &str) -> Result<Tensor> {
    let found = all()?.remove(name);
    found.with_context(|| format!("Python drew no {name}"))
}

/// Puts the generator where drawing the batch left Python's: what the network draws, such as
/// dropout, goes on from there.
pub fn batch_is_drawn() -> Result<()> {
    Ok(set_rng_state(&tensor("generator")?)?)
}

fn all() -> Result<NamedTensors> {
    let path = std::env::var_os("FINAL_LAYER_GIVEN").context("FINAL_LAYER_GIVEN is not set")?;
    Ok(read_safetensors(&PathBuf::from(path))?)
}
