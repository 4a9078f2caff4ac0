//! Checkpoints: everything that training needs to resume, in one `.safetensors` file.
//!
//! | key | content |
//! | --- | --- |
//! | `model.<name>` | the parameters |
//! | `optimizer.<i>.<name>` | the optimizer's state for parameter `i`, under Python's names |
//! | `losses` | float32, the loss of each batch of the current epoch so far |
//! | `rng_state` | uint8 `(5056,)`, the state of the global CPU generator, as from `torch.get_rng_state()` |
//! | `generator_state.<i>` | the state of each of the loader's own generators |
//! | `epoch.rng_state`, `epoch.generator_state.<i>` | these states at the start of the current epoch; absent between epochs |
//!
//! The metadata holds `position` (the number of finished epochs), `param_groups` (the optimizer's
//! groups as JSON, [`StateDict::param_groups_json`]), `scheduler_state` (if there is a learning
//! rate scheduler), the settings of the training run, and `crc32`, a checksum over all tensors and
//! all other metadata: a file with a changed bit is refused. The order of the samples is not
//! stored, as it follows from the states at the start of the epoch. The state of a GPU's generator,
//! from which dropout on that GPU draws, is not stored.

mod lock;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor};

use crate::data::Samples;
use crate::tasks::{Dataset, Network};
use crate::torch::optim::StateDict;
use crate::torch::serialization::{
    Metadata, NamedTensors, OutputFile, copy_state_dict, read_safetensors_and_metadata, state_dict,
};
use crate::torch::utils::data::GeneratorStates;
use crate::torch::{shown, shown_path};
use crate::training::{Position, Training};

pub use lock::Lock;

const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const LOSSES: &str = "losses";
const RNG_STATE: &str = "rng_state";
const GENERATOR_STATE: &str = "generator_state.";
const EPOCH: &str = "epoch.";
const POSITION: &str = "position";
const PARAM_GROUPS: &str = "param_groups";
const SCHEDULER_STATE: &str = "scheduler_state";
const CHECKSUM: &str = "crc32";

/// The contents of a checkpoint file.
#[derive(Debug)]
pub struct Checkpoint {
    /// The file that was read.
    pub path: PathBuf,
    /// The settings of the training run.
    pub settings: Metadata,
    position: Position,
    states: GeneratorStates,
    model: NamedTensors,
    optimizer: StateDict,
    scheduler: Option<String>,
}

/// Writes the state of `training`, with `settings`, replacing the file at `path`.
///
/// # Errors
/// If the file cannot be written; an existing file is then unchanged.
pub fn save<N: Network<Task: Dataset>>(
    training: &Training<N>,
    settings: &Metadata,
    path: &Path,
) -> Result<()> {
    let Position {
        epochs,
        losses,
        epoch_start,
    } = &training.position;
    let mut tensors = NamedTensors::from([(LOSSES.to_owned(), Tensor::from_slice(losses))]);
    insert_all(&mut tensors, MODEL, state_dict(&training.model.vs));
    let optimizer = training.optimizer.state_dict();
    insert_all(&mut tensors, OPTIMIZER, optimizer.tensors());
    tensors.extend(named(&training.loader.generator_states()?));
    if let Some(start) = epoch_start.as_ref().filter(|_| !losses.is_empty()) {
        insert_all(&mut tensors, EPOCH, named(start));
    }
    let mut metadata = settings.clone();
    metadata.insert(PARAM_GROUPS.to_owned(), optimizer.param_groups_json()?);
    if let Some(scheduler) = &training.scheduler {
        metadata.insert(SCHEDULER_STATE.to_owned(), scheduler.to_json()?);
    }
    metadata.insert(POSITION.to_owned(), epochs.to_string());
    seal(&tensors, &mut metadata)?;
    Ok(OutputFile::create(path)?.write_safetensors(&tensors, metadata)?)
}

/// Returns true for the metadata of a checkpoint.
pub fn is_checkpoint(metadata: &Metadata) -> bool {
    metadata.contains_key(POSITION)
}

/// The states under their names in the file.
fn named(states: &GeneratorStates) -> NamedTensors {
    let own = states.own.iter().enumerate();
    let own = own.map(|(i, state)| (format!("{GENERATOR_STATE}{i}"), state.shallow_clone()));
    let global = (RNG_STATE.to_owned(), states.global.shallow_clone());
    own.chain(std::iter::once(global)).collect()
}

/// Takes the states written by [`named`].
fn take_states(tensors: &mut NamedTensors) -> Option<GeneratorStates> {
    let global = tensors.remove(RNG_STATE)?;
    let own = (0..).map_while(|i| tensors.remove(&format!("{GENERATOR_STATE}{i}")));
    Some(GeneratorStates {
        own: own.collect(),
        global,
    })
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
    /// If the file cannot be read, is not a checkpoint, or has changed since it was written.
    pub fn read(path: &Path) -> Result<Self> {
        let (tensors, settings) = read_safetensors_and_metadata(path)?;
        Self::from_parts(path, tensors, settings)
            .with_context(|| format!("{}: expected a checkpoint", shown_path(path)))
    }

    fn from_parts(path: &Path, mut tensors: NamedTensors, mut settings: Metadata) -> Result<Self> {
        let found = checksum(&tensors, &settings)?;
        let missing = |what: &str, name: &str| format!("found no {what} \"{name}\"");
        let epochs = settings
            .remove(POSITION)
            .with_context(|| missing("metadata", POSITION))?;
        let recorded = settings
            .remove(CHECKSUM)
            .with_context(|| missing("metadata", CHECKSUM))?;
        ensure!(
            found == recorded,
            "it has changed since it was written (CRC-32 {recorded} then, {found} now)"
        );
        let param_groups = settings
            .remove(PARAM_GROUPS)
            .with_context(|| missing("metadata", PARAM_GROUPS))?;
        let scheduler = settings.remove(SCHEDULER_STATE);
        let losses = tensors
            .remove(LOSSES)
            .with_context(|| missing("tensor", LOSSES))?;
        ensure!(
            losses.kind() == Kind::Float && losses.dim() == 1,
            "found \"{LOSSES}\" of dtype {:?} and shape {:?}",
            losses.kind(),
            losses.size()
        );
        let mut position = Position {
            epochs: epochs
                .parse()
                .ok()
                .with_context(|| format!("found {} as \"{POSITION}\"", shown(&epochs)))?,
            losses: Vec::try_from(losses)?,
            epoch_start: None,
        };
        let (model, rest) = take_all(tensors, MODEL);
        let (optimizer, mut rest) = take_all(rest, OPTIMIZER);
        let states = take_states(&mut rest).with_context(|| missing("tensor", RNG_STATE))?;
        if !position.losses.is_empty() {
            let (mut epoch, others) = take_all(rest, EPOCH);
            let start = take_states(&mut epoch);
            let name = format!("{EPOCH}{RNG_STATE}");
            position.epoch_start = Some(start.with_context(|| missing("tensor", &name))?);
            rest = others;
            insert_all(&mut rest, EPOCH, epoch);
        }
        if let Some(name) = rest.keys().next() {
            bail!("found an unexpected tensor {}", shown(name));
        }
        Ok(Self {
            path: path.to_owned(),
            settings,
            position,
            states,
            model,
            optimizer: StateDict::from_parts(optimizer, &param_groups)?,
            scheduler,
        })
    }

    /// Restores the state of `training`, and of the global generator, from the checkpoint.
    ///
    /// # Errors
    /// If the network, the optimizer or the order of the samples differs from the checkpoint's.
    /// `training` is then in an undefined state.
    pub fn restore<N: Network<Task: Dataset>>(&self, training: &mut Training<N>) -> Result<()> {
        self.restore_parts(training)
            .with_context(|| shown_path(&self.path))
    }

    fn restore_parts<N: Network<Task: Dataset>>(&self, training: &mut Training<N>) -> Result<()> {
        let Position { epochs, losses, .. } = &self.position;
        let batches = training.loader.len();
        ensure!(
            *epochs <= training.epochs && losses.len() <= batches,
            "expected at most {} finished epochs and {batches} batches, found {epochs} and {} batches",
            training.epochs,
            losses.len(),
        );
        let loader = &training.loader;
        if let Some(start) = &self.position.epoch_start {
            // An error of the loader should occur now, not when training resumes.
            loader
                .set_generator_states(start)
                .context("the generator states at the start of the epoch")?;
        }
        copy_state_dict(&training.model.vs, &self.model)?;
        training
            .optimizer
            .load_state_dict(&self.optimizer)
            .context("the optimizer state")?;
        match (&mut training.scheduler, &self.scheduler) {
            (Some(scheduler), Some(state)) => scheduler.load_json(state)?,
            (None, None) => {}
            (there, _) => bail!(
                "expected {} scheduler state",
                if there.is_some() { "a" } else { "no" }
            ),
        }
        loader
            .set_generator_states(&self.states)
            .context("the generator states")?;
        training.position = self.position.clone();
        Ok(())
    }
}

/// Splits off the tensors under `prefix`, with the prefix removed.
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

/// Adds a checksum to `metadata`, by which a reader detects changes to the file.
///
/// # Errors
/// If a tensor cannot be read.
pub fn seal(tensors: &NamedTensors, metadata: &mut Metadata) -> Result<()> {
    let checksum = checksum(tensors, metadata)?;
    metadata.insert(CHECKSUM.to_owned(), checksum);
    Ok(())
}

/// The CRC-32 of all tensors and all other metadata, in the order of their names.
fn checksum(tensors: &NamedTensors, metadata: &Metadata) -> Result<String> {
    let mut checksum = crc32fast::Hasher::new();
    // The length before each text makes the encoding unambiguous.
    let add = |checksum: &mut crc32fast::Hasher, text: &str| {
        checksum.update(&(text.len() as u64).to_le_bytes());
        checksum.update(text.as_bytes());
    };
    for (name, tensor) in tensors {
        add(&mut checksum, name);
        let about = format!("{:?} {:?}", tensor.kind(), tensor.size());
        add(&mut checksum, &about);
        add_elements(&mut checksum, tensor)?;
    }
    let in_order: BTreeMap<_, _> = metadata.iter().collect();
    for (name, value) in in_order {
        if name != CHECKSUM {
            add(&mut checksum, name);
            add(&mut checksum, value);
        }
    }
    Ok(format!("{:08x}", checksum.finalize()))
}

/// A checksum (CRC-32) of the features and targets, which identifies a data set.
///
/// # Errors
/// If a tensor cannot be read.
pub fn fingerprint(samples: &Samples) -> Result<String> {
    let mut checksum = crc32fast::Hasher::new();
    for tensor in [&samples.features, &samples.targets] {
        add_elements(&mut checksum, tensor)?;
    }
    Ok(format!("{:08x}", checksum.finalize()))
}

/// Adds the bytes of a tensor's elements, in order and in chunks.
fn add_elements(checksum: &mut crc32fast::Hasher, tensor: &Tensor) -> Result<()> {
    const PART: i64 = 1 << 20;
    let mut bytes = Vec::new();
    for part in tensor.detach().f_reshape([-1])?.f_split(PART, 0)? {
        bytes.resize(part.numel() * part.kind().elt_size_in_bytes(), 0);
        part.f_copy_data_u8(&mut bytes, part.numel())?;
        checksum.update(&bytes);
    }
    Ok(())
}
