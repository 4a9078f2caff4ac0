//! `torch.utils.data.DataLoader(dataset, batch_size, shuffle=True)`: the order of the samples.
//!
//! At the start of every epoch the loader draws an int64 for its workers (the base seed) and its
//! `RandomSampler` draws another, both by `random_()` from the global generator; the sampler then
//! shuffles with `randperm` on a generator of its own that has the second as its seed. The last
//! batch is kept, however short. (`tch::data::Iter2` draws `randperm` from the global generator
//! and drops the last batch.)
//!
//! Source: `_BaseDataLoaderIter.__init__` in `torch/utils/data/dataloader.py`,
//! `RandomSampler.__iter__` in `torch/utils/data/sampler.py`.

use tch::{Device, Kind, Tensor};

/// The order in which `DataLoader(shuffle=True)` visits the samples, epoch after epoch.
///
/// ```
/// use final_layer::torch::data::ShuffledOrder;
/// tch::manual_seed(0);
/// let order = ShuffledOrder::draw(10, 4, 3);
/// let sizes: Vec<usize> = order.batches(0).iter().map(|batch| batch.numel()).collect();
/// assert_eq!(sizes, [4, 4, 2]);
/// ```
#[derive(Debug)]
pub struct ShuffledOrder {
    samples: i64,
    batch_size: i64,
    sampler_seeds: Vec<i64>,
}

impl ShuffledOrder {
    /// Draws the seeds of the first `epochs` epochs from the global generator.
    ///
    /// Python draws an epoch's two seeds when that epoch starts; drawn all at once, right after
    /// the model is built, they are the same, as nothing else in training draws. `batch_size` has
    /// to be positive.
    pub fn draw(samples: i64, batch_size: i64, epochs: usize) -> Self {
        let random = || {
            let mut seed = Tensor::empty([0; 0], (Kind::Int64, Device::Cpu));
            seed.random_().int64_value(&[])
        };
        let sampler_seed = || {
            let _base_seed = random();
            random()
        };
        Self {
            samples,
            batch_size,
            sampler_seeds: (0..epochs).map(|_| sampler_seed()).collect(),
        }
    }

    /// How many epochs were drawn.
    pub fn epochs(&self) -> usize {
        self.sampler_seeds.len()
    }

    /// How many samples an epoch visits.
    pub fn samples(&self) -> usize {
        self.samples as usize
    }

    /// How many samples the first `batches` batches of an epoch hold.
    pub fn samples_in(&self, batches: usize) -> usize {
        self.samples().min(batches * self.batch_size as usize)
    }

    /// How many batches an epoch has.
    pub fn batches_per_epoch(&self) -> usize {
        (self.samples as usize).div_ceil(self.batch_size as usize)
    }

    /// The batches of epoch `epoch` (from 0), each an int64 tensor of sample indices.
    ///
    /// Reseeds the global generator: `tch` has no other.
    ///
    /// # Panics
    /// If `epoch` was not drawn.
    pub fn batches(&self, epoch: usize) -> Vec<Tensor> {
        tch::manual_seed(self.sampler_seeds[epoch]);
        Tensor::randperm(self.samples, (Kind::Int64, Device::Cpu)).split(self.batch_size, 0)
    }
}
