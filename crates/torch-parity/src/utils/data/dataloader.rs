//! `DataLoader` without worker processes. It yields batches of indices; the training loop gathers
//! the samples.
//!
//! Source: `_BaseDataLoaderIter.__init__` in `torch/utils/data/dataloader.py`, `BatchSampler` in
//! `torch/utils/data/sampler.py`.

use std::fmt;

use tch::Tensor;

use super::sampler::Chunks;
use super::{DataError, RandomSampler, RandomSamplerConfig, Sampler, SequentialSampler, positive};
use crate::random::{Generator, get_rng_state, random, set_rng_state};

/// The arguments of `DataLoader`, with Python's names and defaults.
#[derive(Debug)]
pub struct DataLoaderConfig {
    /// The number of samples in a batch.
    pub batch_size: i64,
    /// If true, every epoch visits the samples in a new random order.
    pub shuffle: bool,
    /// Draws the samples of an epoch, in place of `shuffle`.
    pub sampler: Option<Box<dyn Sampler>>,
    /// If true, a last batch with fewer samples is dropped.
    pub drop_last: bool,
    /// The generator of the base seeds and, with `shuffle`, of the orders, which then have no seeds
    /// of their own. The global generator if `None`.
    pub generator: Option<Generator>,
}

impl Default for DataLoaderConfig {
    fn default() -> Self {
        Self {
            batch_size: 1,
            shuffle: false,
            sampler: None,
            drop_last: false,
            generator: None,
        }
    }
}

impl DataLoaderConfig {
    /// `DataLoader(dataset, batch_size, shuffle=True)`
    pub fn shuffled(batch_size: i64) -> Self {
        Self {
            batch_size,
            shuffle: true,
            ..Self::default()
        }
    }
}

/// `DataLoader(dataset, batch_size, shuffle, sampler, drop_last, generator)`.
///
/// ```
/// use torch_parity::random::manual_seed;
/// use torch_parity::utils::data::{DataLoader, DataLoaderConfig};
/// manual_seed(0);
/// let loader = DataLoader::new(10, DataLoaderConfig::shuffled(4))?;
/// for _epoch in 0..2 {
///     for (batch, size) in loader.iter().zip([4, 4, 2]) {
///         assert_eq!(batch?.numel(), size);
///     }
/// }
/// # Ok::<(), torch_parity::utils::data::DataError>(())
/// ```
#[derive(Debug)]
pub struct DataLoader {
    sampler: Box<dyn Sampler>,
    batch_size: usize,
    drop_last: bool,
    generator: Option<Generator>,
}

impl DataLoader {
    /// A loader of `samples` samples.
    ///
    /// # Errors
    /// If `samples` is negative, or zero with `shuffle`; if `batch_size` is not positive; or if
    /// both `shuffle` and `sampler` are given.
    pub fn new(samples: i64, config: DataLoaderConfig) -> Result<Self, DataError> {
        let generator = config.generator;
        let sampler: Box<dyn Sampler> = match config.sampler {
            Some(_) if config.shuffle => return Err(DataError::ShuffleAndSampler),
            Some(sampler) => sampler,
            None if config.shuffle => {
                let generator = generator.clone();
                let config = RandomSamplerConfig {
                    generator,
                    ..Default::default()
                };
                Box::new(RandomSampler::new(samples, config)?)
            }
            None if samples == 0 => Box::new(SequentialSampler::new(0)),
            None => Box::new(SequentialSampler::new(positive("samples", samples)?)),
        };
        Ok(Self {
            sampler,
            batch_size: positive("batch_size", config.batch_size)?,
            drop_last: config.drop_last,
            generator,
        })
    }

    /// `len(loader)`: the number of batches in an epoch.
    pub fn len(&self) -> usize {
        match self.drop_last {
            true => self.sampler.len() / self.batch_size,
            false => self.sampler.len().div_ceil(self.batch_size),
        }
    }

    /// Returns true if an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of samples in the first `batches` batches of an epoch.
    pub fn samples_in(&self, batches: usize) -> usize {
        let batches = batches.min(self.len());
        self.sampler
            .len()
            .min(batches.saturating_mul(self.batch_size))
    }

    /// `iter(loader)`: starts an epoch and draws its base seed. The sampler draws its numbers when
    /// the first batch is requested.
    pub fn iter(&self) -> Batches {
        // Python draws a seed for the workers even if there are none.
        let _base_seed = match &self.generator {
            Some(generator) => generator.random(),
            None => random(),
        };
        Batches {
            chunks: self.sampler.iter(),
            chunk: Vec::new().into_iter(),
            batch_size: self.batch_size,
            drop_last: self.drop_last,
            ended: false,
        }
    }

    /// The states of the generators from which this loader draws.
    ///
    /// # Errors
    /// If libtorch cannot allocate the tensors.
    pub fn generator_states(&self) -> Result<GeneratorStates, DataError> {
        let own = self.own_generators();
        Ok(GeneratorStates {
            global: get_rng_state()?,
            own: own.iter().map(|generator| generator.get_state()).collect(),
        })
    }

    /// Sets the states of the generators from which this loader draws.
    ///
    /// # Errors
    /// If a state is invalid or the number of generators differs. All generators are then
    /// unchanged.
    pub fn set_generator_states(&self, states: &GeneratorStates) -> Result<(), DataError> {
        let own = self.own_generators();
        if own.len() != states.own.len() {
            let generators = |n| format!("a loader with {n} generators of its own");
            return Err(DataError::OtherLoader {
                expected: generators(own.len()),
                found: generators(states.own.len()),
            });
        }
        for state in &states.own {
            Generator::new().set_state(state)?;
        }
        set_rng_state(&states.global)?;
        for (generator, state) in own.iter().zip(&states.own) {
            generator.set_state(state)?;
        }
        Ok(())
    }

    /// Resumes an epoch that started with the states `start`, after its first `batches` batches,
    /// and also returns those batches. The generators are left unchanged.
    ///
    /// The epoch's order is drawn again, so it need not be stored. This holds for every sampler
    /// that draws from the global generator only before it yields its first index, if at all.
    ///
    /// # Errors
    /// If the states do not fit, or if the epoch has fewer batches.
    pub fn resume(
        &self,
        start: &GeneratorStates,
        batches: usize,
    ) -> Result<(Batches, Vec<Tensor>), DataError> {
        let now = self.generator_states()?;
        self.set_generator_states(start)?;
        let mut rest = self.iter();
        let behind: Result<Vec<Tensor>, _> = rest.by_ref().take(batches).collect();
        self.set_generator_states(&now)?;
        let behind = behind?;
        if behind.len() < batches {
            return Err(DataError::OtherLoader {
                expected: format!("an epoch of {} batches", behind.len()),
                found: format!("one of at least {batches}"),
            });
        }
        Ok((rest, behind))
    }

    /// The generators of the loader and the sampler, without duplicates.
    fn own_generators(&self) -> Vec<&Generator> {
        let mut own: Vec<&Generator> = self.generator.iter().collect();
        if let Some(generator) = self.sampler.generator()
            && !own.iter().any(|other| other.is(generator))
        {
            own.push(generator);
        }
        own
    }
}

/// The states of the generators from which a [`DataLoader`] draws.
#[derive(Debug)]
pub struct GeneratorStates {
    /// The global generator's state, as from `torch.get_rng_state()`.
    pub global: Tensor,
    /// The states of the loader's and the sampler's own generators, if any.
    pub own: Vec<Tensor>,
}

impl Clone for GeneratorStates {
    fn clone(&self) -> Self {
        Self {
            global: self.global.copy(),
            own: self.own.iter().map(Tensor::copy).collect(),
        }
    }
}

/// The batches of an epoch, each with the indices of its samples, int64 `(B,)`.
pub struct Batches {
    chunks: Chunks,
    chunk: std::vec::IntoIter<i64>,
    batch_size: usize,
    drop_last: bool,
    ended: bool,
}

impl Iterator for Batches {
    type Item = Result<Tensor, DataError>;

    /// The next batch, or the sampler's error, after which the iterator ends.
    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = Vec::new();
        while batch.len() < self.batch_size && !self.ended {
            let missing = self.batch_size - batch.len();
            batch.extend(self.chunk.by_ref().take(missing));
            if batch.len() == self.batch_size {
                break;
            }
            match self.chunks.next() {
                Some(Ok(chunk)) => self.chunk = chunk.into_iter(),
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => self.ended = true,
            }
        }
        let left_out = batch.is_empty() || (self.drop_last && batch.len() < self.batch_size);
        (!left_out).then(|| Ok(Tensor::from_slice(&batch)))
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").finish_non_exhaustive()
    }
}
