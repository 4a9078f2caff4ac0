//! Checkpoints: all that training needs to go on where it stopped, in one `.safetensors` file.
//!
//! | key | what |
//! | --- | --- |
//! | `model.<name>` | the parameters |
//! | `optimizer.<i>.<name>` | the optimizer's state of parameter `i`, under Python's names |
//! | `losses` | float32, the loss of each batch of the present epoch so far |
//!
//! The metadata holds `epoch`, the epochs behind, and the settings under which it was written. The
//! order of the samples is not stored: it follows from the seed.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use crate::data::Samples;
use crate::storage::{Metadata, NamedTensors, OutputFile, read_safetensors_and_metadata};
use crate::tasks::Network;
use crate::torch::state_dict::copy_state_dict;
use crate::training::{Position, Training};

const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const LOSSES: &str = "losses";
const EPOCH: &str = "epoch";

/// What a checkpoint file holds.
#[derive(Debug)]
pub struct Checkpoint {
    /// Under which settings it was written.
    pub settings: Metadata,
    position: Position,
    model: NamedTensors,
    optimizer: NamedTensors,
}

/// Writes where `training` stands, with `settings`, in place of the file at `path`.
pub fn save<N: Network>(training: &Training<N>, settings: &Metadata, path: &Path) -> Result<()> {
    let mut tensors = NamedTensors::new();
    for (prefix, part) in [
        (MODEL, training.model.vs.variables().into_iter().collect()),
        (OPTIMIZER, training.optimizer.state_dict()),
    ] {
        let part: NamedTensors = part;
        tensors.extend(
            part.into_iter()
                .map(|(name, tensor)| (format!("{prefix}{name}"), tensor)),
        );
    }
    let Position { epoch, losses } = &training.position;
    tensors.insert(LOSSES.to_owned(), Tensor::from_slice(losses));
    let mut metadata = settings.clone();
    metadata.insert(EPOCH.to_owned(), epoch.to_string());
    OutputFile::create(path)?.write_safetensors(&tensors, metadata)
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be read or is no checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        let (mut tensors, mut settings) = read_safetensors_and_metadata(path)?;
        let not_one = || format!("{}: expected a checkpoint", path.display());
        let epoch = settings
            .remove(EPOCH)
            .with_context(|| format!("{}, found no \"{EPOCH}\" in the metadata", not_one()))?;
        let epoch = epoch.parse().with_context(|| {
            format!("{}, found \"{EPOCH}\" {epoch:?} in the metadata", not_one())
        })?;
        let losses = tensors
            .remove(LOSSES)
            .with_context(|| format!("{}, found no \"{LOSSES}\"", not_one()))?;
        let losses =
            Vec::<f32>::try_from(losses).with_context(|| format!("{}: \"{LOSSES}\"", not_one()))?;
        let mut checkpoint = Self {
            settings,
            position: Position { epoch, losses },
            model: NamedTensors::new(),
            optimizer: NamedTensors::new(),
        };
        for (name, tensor) in tensors {
            let (part, name) = match (name.strip_prefix(MODEL), name.strip_prefix(OPTIMIZER)) {
                (Some(name), _) => (&mut checkpoint.model, name.to_owned()),
                (_, Some(name)) => (&mut checkpoint.optimizer, name.to_owned()),
                // Left for the network to refuse.
                _ => (&mut checkpoint.model, name),
            };
            part.insert(name, tensor);
        }
        Ok(checkpoint)
    }

    /// How many epochs are behind it.
    pub fn epoch(&self) -> usize {
        self.position.epoch
    }

    /// Puts `training` where the checkpoint was written.
    ///
    /// # Errors
    /// If network, optimizer or order of samples are not those of the checkpoint.
    pub fn restore<N: Network>(&self, training: &mut Training<N>) -> Result<()> {
        let Position { epoch, losses } = &self.position;
        let (epochs, batches) = (training.order.epochs(), training.order.batches_per_epoch());
        ensure!(
            *epoch <= epochs && losses.len() <= batches,
            "it stands at batch {} of epoch {}, expected at most {batches} batches of {epochs} \
             epochs",
            losses.len(),
            epoch + 1,
        );
        training
            .optimizer
            .load_state_dict(&self.optimizer)
            .context("the optimizer's state")?;
        copy_state_dict(&training.model.vs, &self.model)?;
        training.position = self.position.clone();
        Ok(())
    }
}

/// A checksum (CRC-32) of the features and targets, to tell one data set from another.
pub fn fingerprint(samples: &Samples) -> Result<String> {
    let mut checksum = crc32fast::Hasher::new();
    for tensor in [&samples.features, &samples.targets] {
        let mut bytes = Vec::new();
        for part in tensor.contiguous().split(1024, 0) {
            bytes.resize(part.numel() * part.kind().elt_size_in_bytes(), 0);
            part.f_copy_data_u8(&mut bytes, part.numel())?;
            checksum.update(&bytes);
        }
    }
    Ok(format!("{:08x}", checksum.finalize()))
}
