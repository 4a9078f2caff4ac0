//! Checkpoints: all that training needs to go on where it stopped, in one `.safetensors` file.
//!
//! | key | what |
//! | --- | --- |
//! | `model.<name>` | the parameters |
//! | `optimizer.<i>.<name>` | the optimizer's state of parameter `i`, under Python's names |
//! | `losses` | float32, the loss of each batch of the present epoch so far |
//!
//! The metadata holds `position`, the epochs behind, and the settings under which it was written.
//! The order of the samples is not stored: it follows from the seed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tch::{Kind, Tensor};

use crate::data::Samples;
use crate::storage::{Metadata, NamedTensors, OutputFile, read_safetensors_and_metadata};
use crate::tasks::Network;
use crate::torch::messages::shown;
use crate::torch::state_dict::{copy_state_dict, state_dict};
use crate::training::{Position, Training};

const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const LOSSES: &str = "losses";
const POSITION: &str = "position";

/// What a checkpoint file holds.
#[derive(Debug)]
pub struct Checkpoint {
    /// Where it was read.
    pub path: PathBuf,
    /// Under which settings it was written.
    pub settings: Metadata,
    position: Position,
    model: NamedTensors,
    optimizer: NamedTensors,
}

/// Writes where `training` stands, with `settings`, in place of the file at `path`.
///
/// # Errors
/// If it cannot be written; the file that was there before is untouched then.
pub fn save<N: Network>(training: &Training<N>, settings: &Metadata, path: &Path) -> Result<()> {
    let Position { epochs, losses } = &training.position;
    let mut tensors = NamedTensors::from([(LOSSES.to_owned(), Tensor::from_slice(losses))]);
    insert_all(&mut tensors, MODEL, state_dict(&training.model.vs));
    insert_all(&mut tensors, OPTIMIZER, training.optimizer.state_dict());
    let mut metadata = settings.clone();
    metadata.insert(POSITION.to_owned(), epochs.to_string());
    OutputFile::create(path)?.write_safetensors(&tensors, metadata)
}

fn insert_all(tensors: &mut NamedTensors, prefix: &str, part: NamedTensors) {
    let prefixed = part
        .into_iter()
        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
    tensors.extend(prefixed);
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be read or is no checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        let (tensors, settings) = read_safetensors_and_metadata(path)?;
        Self::from_parts(path, tensors, settings)
            .with_context(|| format!("{}: expected a checkpoint", path.display()))
    }

    fn from_parts(path: &Path, mut tensors: NamedTensors, mut settings: Metadata) -> Result<Self> {
        let missing = |what, name| format!("found no {what} \"{name}\"");
        let epochs = settings
            .remove(POSITION)
            .with_context(|| missing("metadata", POSITION))?;
        let losses = tensors
            .remove(LOSSES)
            .with_context(|| missing("tensor", LOSSES))?;
        ensure!(
            losses.kind() == Kind::Float && losses.dim() == 1,
            "found \"{LOSSES}\" of dtype {:?} and shape {:?}",
            losses.kind(),
            losses.size()
        );
        let position = Position {
            epochs: epochs
                .parse()
                .ok()
                .with_context(|| format!("found {} as \"{POSITION}\"", shown(&epochs)))?,
            losses: Vec::try_from(losses)?,
        };
        let (model, rest) = take_all(tensors, MODEL);
        let (optimizer, rest) = take_all(rest, OPTIMIZER);
        if let Some(name) = rest.keys().next() {
            anyhow::bail!("found an unexpected tensor {}", shown(name));
        }
        Ok(Self {
            path: path.to_owned(),
            settings,
            position,
            model,
            optimizer,
        })
    }

    /// Puts `training` where the checkpoint was written.
    ///
    /// # Errors
    /// If network, optimizer or order of samples are not those of the checkpoint; `training` is
    /// spoilt then.
    pub fn restore<N: Network>(&self, training: &mut Training<N>) -> Result<()> {
        self.restore_parts(training)
            .with_context(|| self.path.display().to_string())
    }

    fn restore_parts<N: Network>(&self, training: &mut Training<N>) -> Result<()> {
        let Position { epochs, losses } = &self.position;
        let order = &training.order;
        ensure!(
            *epochs <= order.epochs() && losses.len() <= order.batches_per_epoch(),
            "expected at most {} epochs of {} batches behind, found {epochs} and {} batches",
            order.epochs(),
            order.batches_per_epoch(),
            losses.len(),
        );
        copy_state_dict(&training.model.vs, &self.model)?;
        training
            .optimizer
            .load_state_dict(&self.optimizer)
            .context("the optimizer's state")?;
        training.position = self.position.clone();
        Ok(())
    }
}

/// The tensors under `prefix`, without it, and the rest.
fn take_all(tensors: NamedTensors, prefix: &str) -> (NamedTensors, NamedTensors) {
    let (taken, rest): (Vec<_>, Vec<_>) = tensors
        .into_iter()
        .partition(|(name, _)| name.starts_with(prefix));
    let strip = |(name, tensor): (String, Tensor)| (name[prefix.len()..].to_owned(), tensor);
    (
        taken.into_iter().map(strip).collect(),
        rest.into_iter().collect(),
    )
}

/// A checksum (CRC-32) of the features and targets, to tell one data set from another.
///
/// # Errors
/// If a tensor cannot be read.
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
