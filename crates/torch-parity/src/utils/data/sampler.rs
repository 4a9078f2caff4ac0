//! The samples that an epoch visits, and their order.
//!
//! Source: `torch/utils/data/sampler.py`.

use std::fmt::Debug;

use tch::Tensor;

use super::{DataError, positive};
use crate::random::{Generator, RandomError, random};

/// Draws the samples of each epoch.
pub trait Sampler: Debug {
    /// The number of indices in an epoch.
    fn len(&self) -> usize;

    /// Returns true if an epoch has no index.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Starts an epoch. Yields its indices in chunks; like a Python generator, it draws each chunk
    /// only when it is requested.
    fn iter(&self) -> Chunks;

    /// The sampler's own generator; `None` if it draws from the global one.
    fn generator(&self) -> Option<&Generator> {
        None
    }
}

/// The indices of an epoch, in chunks.
pub type Chunks = Box<dyn Iterator<Item = Result<Vec<i64>, DataError>>>;

/// `SequentialSampler`: all samples in order. Draws nothing.
#[derive(Clone, Debug)]
pub struct SequentialSampler {
    samples: usize,
}

impl SequentialSampler {
    /// A sampler of the indices from 0 to `samples` − 1.
    pub fn new(samples: usize) -> Self {
        Self { samples }
    }
}

impl Sampler for SequentialSampler {
    fn len(&self) -> usize {
        self.samples
    }

    fn iter(&self) -> Chunks {
        const PIECE: usize = 1024;
        let samples = self.samples;
        let pieces = (0..samples).step_by(PIECE);
        Box::new(pieces.map(move |start| {
            let end = samples.min(start + PIECE);
            Ok((start as i64..end as i64).collect())
        }))
    }
}

/// The arguments of `RandomSampler`, with Python's names and defaults.
#[derive(Clone, Debug, Default)]
pub struct RandomSamplerConfig {
    /// If true, a sample may occur more than once.
    pub replacement: bool,
    /// The number of indices in an epoch; the number of samples if `None`.
    pub num_samples: Option<i64>,
    /// The generator to draw from. If `None`, the sampler draws a seed from the global generator
    /// when an epoch's first index is requested, and creates a generator with that seed.
    pub generator: Option<Generator>,
}

/// `RandomSampler`: samples in random order.
#[derive(Clone, Debug)]
pub struct RandomSampler {
    samples: i64,
    num_samples: usize,
    replacement: bool,
    generator: Option<Generator>,
}

impl RandomSampler {
    /// A sampler of the indices from 0 to `samples` − 1.
    ///
    /// # Errors
    /// If `samples` or `num_samples` is not positive.
    pub fn new(samples: i64, config: RandomSamplerConfig) -> Result<Self, DataError> {
        positive("samples", samples)?;
        Ok(Self {
            samples,
            num_samples: positive("num_samples", config.num_samples.unwrap_or(samples))?,
            replacement: config.replacement,
            generator: config.generator,
        })
    }
}

impl Sampler for RandomSampler {
    fn len(&self) -> usize {
        self.num_samples
    }

    fn iter(&self) -> Chunks {
        /// The numbers drawn at once with replacement.
        const PIECE: usize = 32;
        let &Self {
            samples,
            num_samples,
            replacement,
            ..
        } = self;
        let piece = if replacement { PIECE } else { samples as usize };
        let mut generator = self.generator.clone();
        // All full pieces, then the rest: even an empty rest draws a permutation, as in Python.
        let sizes = std::iter::repeat_n(piece, num_samples / piece)
            .chain(std::iter::once(num_samples % piece));
        Box::new(sizes.map(move |size| {
            let generator = generator.get_or_insert_with(|| {
                let own = Generator::new();
                own.manual_seed(random());
                own
            });
            if replacement {
                return Ok(generator.randint(samples, size)?);
            }
            let mut indices = generator.randperm(samples)?;
            indices.truncate(size);
            Ok(indices)
        }))
    }

    fn generator(&self) -> Option<&Generator> {
        self.generator.as_ref()
    }
}

/// The arguments of `WeightedRandomSampler`, with Python's names and defaults.
#[derive(Clone, Debug)]
pub struct WeightedRandomSamplerConfig {
    /// If true, a sample may occur more than once. The default is true, unlike
    /// [`RandomSamplerConfig`]'s.
    pub replacement: bool,
    /// The generator to draw from; the global generator if `None`.
    pub generator: Option<Generator>,
}

impl Default for WeightedRandomSamplerConfig {
    fn default() -> Self {
        Self {
            replacement: true,
            generator: None,
        }
    }
}

/// `WeightedRandomSampler`: draws samples with probabilities proportional to their weights, by
/// `multinomial`.
#[derive(Debug)]
pub struct WeightedRandomSampler {
    weights: Tensor,
    num_samples: i64,
    config: WeightedRandomSamplerConfig,
}

impl WeightedRandomSampler {
    /// Draws `num_samples` of `weights.len()` samples.
    ///
    /// # Errors
    /// If `num_samples` is not positive, if a weight is negative or not finite, if all are zero, or
    /// if there are fewer than `num_samples` positive weights without `replacement`.
    pub fn new(
        weights: &[f64],
        num_samples: i64,
        config: WeightedRandomSamplerConfig,
    ) -> Result<Self, DataError> {
        /// libtorch's limit: float32 cannot count further.
        const MOST: usize = 1 << 24;
        let count = positive("num_samples", num_samples)?;
        let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.;
        let above_zero = weights.iter().filter(|&&weight| weight > 0.).count();
        if !weights.iter().all(is_weight) || !weights.iter().sum::<f64>().is_finite() {
            return Err(DataError::Weights(
                "finite numbers from 0 on, and a finite sum",
            ));
        }
        if above_zero == 0 {
            return Err(DataError::Weights("at least one above 0"));
        }
        if weights.len() > MOST {
            return Err(DataError::Weights("at most 2^24 of them"));
        }
        if !config.replacement && count > above_zero {
            return Err(DataError::Weights(
                "at least num_samples of them above 0 (without replacement)",
            ));
        }
        Ok(Self {
            weights: Tensor::from_slice(weights),
            num_samples,
            config,
        })
    }
}

impl Sampler for WeightedRandomSampler {
    fn len(&self) -> usize {
        self.num_samples as usize
    }

    fn iter(&self) -> Chunks {
        let weights = self.weights.shallow_clone();
        let (n, config) = (self.num_samples, self.config.clone());
        Box::new(std::iter::once_with(move || match &config.generator {
            Some(generator) => Ok(generator.multinomial(&weights, n, config.replacement)?),
            None => {
                let drawn = weights.f_multinomial(n, config.replacement);
                let drawn = drawn.map_err(|error| RandomError::Native(error.into()))?;
                Ok(Vec::try_from(drawn).expect("an int64 tensor of one dimension"))
            }
        }))
    }

    fn generator(&self) -> Option<&Generator> {
        self.config.generator.as_ref()
    }
}
