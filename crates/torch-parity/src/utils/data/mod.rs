//! `torch.utils.data`: the order in which samples are visited, drawn when Python draws it.
//!
//! | | `tch::data::Iter2` | `DataLoader` |
//! | --- | --- | --- |
//! | a shuffle | the global generator's `randperm` | a seed from the global generator, for a `randperm` of the sampler's own |
//! | before it | nothing | another seed, for workers, whether there are any or not |
//! | the last batch, if short | dropped | kept, unless `drop_last` |
//!
//! The global generator goes on where the loader leaves it, so that dropout between two epochs, or
//! a second loader for evaluation, gets the numbers that it gets in Python.

mod dataloader;
mod sampler;

pub use dataloader::{Batches, DataLoader, DataLoaderConfig, GeneratorStates};
pub use sampler::{
    RandomSampler, RandomSamplerConfig, Sampler, SequentialSampler, WeightedRandomSampler,
    WeightedRandomSamplerConfig,
};

use crate::random::RandomError;

/// What a loader or a sampler refuses.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A number that has to be above zero.
    #[error("{name}: expected a number above 0, found {found}")]
    NotPositive {
        /// The argument's name.
        name: &'static str,
        /// What it is.
        found: i64,
    },
    /// Weights that give no probabilities.
    #[error("weights: expected {0}")]
    Weights(&'static str),
    /// A sampler of one's own shuffles by itself.
    #[error("shuffle and sampler: expected one of them, found both")]
    ShuffleAndSampler,
    /// States of a loader with other generators, or of a longer epoch.
    #[error("expected states of {expected}, found {found}")]
    OtherLoader {
        /// What this loader has.
        expected: String,
        /// What the states are of.
        found: String,
    },
    /// What a generator refused.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// `value`, if it is above zero.
fn positive(name: &'static str, found: i64) -> Result<usize, DataError> {
    match usize::try_from(found) {
        Ok(value) if value > 0 => Ok(value),
        _ => Err(DataError::NotPositive { name, found }),
    }
}
