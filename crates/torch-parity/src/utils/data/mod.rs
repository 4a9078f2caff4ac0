//! `torch.utils.data`: the order of the samples, drawn at the same moments as in Python.
//!
//! | | `tch::data::Iter2` | `DataLoader` |
//! | --- | --- | --- |
//! | a shuffle | the global generator's `randperm` | a seed from the global generator, for a `randperm` of the sampler's own |
//! | before it | nothing | another seed, for workers, whether there are any or not |
//! | the last batch, if short | dropped | kept, unless `drop_last` |
//!
//! The loader leaves the global generator in the same state as Python's, so that dropout between
//! two epochs, or a second loader for evaluation, draws the same numbers.

mod dataloader;
mod sampler;

pub use dataloader::{Batches, DataLoader, DataLoaderConfig, GeneratorStates};
pub use sampler::{
    RandomSampler, RandomSamplerConfig, Sampler, SequentialSampler, WeightedRandomSampler,
    WeightedRandomSamplerConfig,
};

use crate::random::RandomError;

/// An error of a loader or a sampler.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A number that must be positive.
    #[error("{name}: expected a number above 0, found {found}")]
    NotPositive {
        /// The argument's name.
        name: &'static str,
        /// The value found.
        found: i64,
    },
    /// Weights that do not define a distribution.
    #[error("weights: expected {0}")]
    Weights(&'static str),
    /// `shuffle` together with a sampler, which determines the order itself.
    #[error("shuffle and sampler: expected one of them, found both")]
    ShuffleAndSampler,
    /// States of a loader with other generators, or of a longer epoch.
    #[error("expected states of {expected}, found {found}")]
    OtherLoader {
        /// The property of this loader.
        expected: String,
        /// The property of the states.
        found: String,
    },
    /// An error of a generator.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Returns `value` if it is positive.
fn positive(name: &'static str, found: i64) -> Result<usize, DataError> {
    match usize::try_from(found) {
        Ok(value) if value > 0 => Ok(value),
        _ => Err(DataError::NotPositive { name, found }),
    }
}
