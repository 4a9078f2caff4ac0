//! The settings that decide what training computes: from the command line or, where training goes
//! on, from the checkpoint, which nothing given may contradict.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, ensure};

use super::common::{Common, note, sample_data};
use crate::checkpoint::Checkpoint;
use crate::device::DeviceName;
use crate::storage::Metadata;
use crate::tasks::Network;
use crate::torch::messages::shown;
use crate::torch::optim::Algorithm;
use crate::torch::random::Seed;

/// What the command line may say of a training run.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// Folder or file of the data [default: the project's sample data]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Passes over the training samples [default: 10]
    #[arg(long, value_name = "N", value_parser = epochs)]
    epochs: Option<usize>,
    /// Samples in a batch [default: 64]
    #[arg(long, value_name = "N", value_parser = batch_size)]
    batch_size: Option<i64>,
    /// Optimizer, with PyTorch's defaults [default: adam]
    #[arg(long, value_enum)]
    optimizer: Option<Algorithm>,
    /// Learning rate [default: 0.001]
    #[arg(long, value_name = "F", value_parser = learning_rate)]
    lr: Option<f64>,
}

/// The settings of a training run.
#[derive(Debug)]
pub(super) struct Settings {
    pub data: PathBuf,
    pub epochs: usize,
    pub batch_size: i64,
    pub optimizer: Algorithm,
    pub lr: f64,
    pub seed: Seed,
    pub device: DeviceName,
    pub threads: i32,
}

impl Settings {
    /// The settings of a new run: what is given, else the defaults.
    pub fn new<N: Network>(common: &Common, given: &Given) -> Self {
        Self {
            data: given.data.clone().unwrap_or_else(sample_data::<N>),
            epochs: given.epochs.unwrap_or(10),
            batch_size: given.batch_size.unwrap_or(64),
            optimizer: given.optimizer.unwrap_or(Algorithm::Adam),
            lr: given.lr.unwrap_or(1e-3),
            seed: common.seed(),
            device: common.device(),
            threads: common.threads.unwrap_or_else(tch::get_num_threads),
        }
    }

    /// The settings that a checkpoint records.
    ///
    /// # Errors
    /// If it is another network's, if what is given differs, or if the epochs are to be fewer.
    pub fn resumed<N: Network>(
        common: &Common,
        given: &Given,
        checkpoint: &Checkpoint,
    ) -> Result<Self> {
        let recorded = Recorded {
            settings: &checkpoint.settings,
            conflicts: Vec::new(),
        };
        let path = checkpoint.path.display();
        Self::agreed::<N>(common, given, recorded).with_context(|| path.to_string())
    }

    fn agreed<N: Network>(common: &Common, given: &Given, mut recorded: Recorded) -> Result<Self> {
        let (found, expected) = (recorded.text("network")?, N::NAME);
        ensure!(
            found == expected,
            "expected a checkpoint of {expected}, found one of {found}"
        );
        let settings = Self {
            data: match &given.data {
                Some(data) => data.clone(),
                None => recorded.text("data")?.into(),
            },
            epochs: recorded.agree("epochs", given.epochs, epochs, usize::ge)?,
            batch_size: recorded.same("batch_size", given.batch_size, batch_size)?,
            optimizer: recorded.same("optimizer", given.optimizer, Algorithm::from_str)?,
            lr: recorded.same("lr", given.lr, learning_rate)?,
            seed: recorded.same("seed", common.seed, Seed::from_str)?,
            device: recorded.same("device", common.device, DeviceName::from_str)?,
            threads: recorded.same("threads", common.threads, threads)?,
        };
        let (wrote, reads) = (recorded.text("torch")?, torch_version());
        if wrote != reads {
            note(format!(
                "the checkpoint is torch {wrote}'s, this is {reads}: bits may differ"
            ));
        }
        let conflicts = recorded.conflicts.join(", ");
        ensure!(conflicts.is_empty(), "other settings: {conflicts}");
        Ok(settings)
    }

    /// Refuses data other than those that the checkpoint was trained on.
    pub fn check_same_data(&self, checkpoint: &Checkpoint, fingerprint: &str) -> Result<()> {
        let expected = checkpoint
            .settings
            .get(FINGERPRINT)
            .map_or("none", String::as_str);
        ensure!(
            fingerprint == expected,
            "{}: expected the training data of {} (CRC-32 {expected}), found others \
             (CRC-32 {fingerprint})",
            self.data.display(),
            checkpoint.path.display()
        );
        Ok(())
    }

    /// The settings as metadata.
    pub fn record<N: Network>(&self) -> Metadata {
        let data = self.data.canonicalize();
        let data = data.as_deref().unwrap_or(&self.data).display();
        let settings = [
            ("network", N::NAME.to_owned()),
            ("data", data.to_string()),
            ("epochs", self.epochs.to_string()),
            ("batch_size", self.batch_size.to_string()),
            ("optimizer", self.optimizer.to_string()),
            ("lr", self.lr.to_string()),
            ("seed", self.seed.to_string()),
            ("device", self.device.to_string()),
            ("threads", self.threads.to_string()),
            ("torch", torch_version().to_owned()),
        ];
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        settings.map(owned).into()
    }

    /// The settings as a checkpoint records them, with what tells the data from others.
    pub fn record_with_data<N: Network>(&self, fingerprint: String) -> Metadata {
        let mut metadata = self.record::<N>();
        metadata.insert(FINGERPRINT.to_owned(), fingerprint);
        metadata
    }
}

const FINGERPRINT: &str = "data_crc32";

/// The version of libtorch, as `torch.__version__` has it.
pub(super) fn torch_version() -> &'static str {
    env!("FINAL_LAYER_TORCH_VERSION")
}

/// The settings of a checkpoint, and where the command line contradicts them.
struct Recorded<'a> {
    settings: &'a Metadata,
    conflicts: Vec<String>,
}

impl Recorded<'_> {
    fn text(&self, name: &str) -> Result<&str> {
        let text = self.settings.get(name).map(String::as_str);
        text.with_context(|| format!("expected a checkpoint: found no metadata \"{name}\""))
    }

    fn value<T, E>(&self, name: &str, parse: fn(&str) -> Result<T, E>) -> Result<T> {
        let text = self.text(name)?;
        parse(text)
            .map_err(|_| anyhow!("expected a checkpoint: found {} as \"{name}\"", shown(text)))
    }

    /// The recorded value, which a given one has to equal.
    fn same<T: PartialEq + Display, E>(
        &mut self,
        name: &str,
        given: Option<T>,
        parse: fn(&str) -> Result<T, E>,
    ) -> Result<T> {
        self.agree(name, given, parse, T::eq)
    }

    /// The given value where it may take the place of the recorded one, else the recorded one.
    fn agree<T: Display, E>(
        &mut self,
        name: &str,
        given: Option<T>,
        parse: fn(&str) -> Result<T, E>,
        may_replace: fn(&T, &T) -> bool,
    ) -> Result<T> {
        let recorded = self.value(name, parse)?;
        match given {
            Some(given) if may_replace(&given, &recorded) => return Ok(given),
            Some(given) => {
                let option = name.replace('_', "-");
                let conflict = format!("--{option} {given}, but {recorded} in the checkpoint");
                self.conflicts.push(conflict);
            }
            None => {}
        }
        Ok(recorded)
    }
}

pub(super) fn batch_size(text: &str) -> Result<i64, &'static str> {
    parse_if(
        text,
        |n| (1..=1 << 20).contains(n),
        "expected a number from 1 to 1048576",
    )
}

pub(super) fn threads(text: &str) -> Result<i32, &'static str> {
    parse_if(
        text,
        |n| (1..=1024).contains(n),
        "expected a number from 1 to 1024",
    )
}

/// Beyond this limit, what Adam makes of it is no float32, which libtorch refuses from Python too.
pub(super) fn learning_rate(text: &str) -> Result<f64, &'static str> {
    let rule = |lr: &f64| (0. ..=1e30).contains(lr);
    parse_if(text, rule, "expected a number from 0 to 1e30")
}

fn epochs(text: &str) -> Result<usize, &'static str> {
    parse_if(
        text,
        |n| (1..=1_000_000).contains(n),
        "expected a number from 1 to 1000000",
    )
}

fn parse_if<T: FromStr>(
    text: &str,
    rule: fn(&T) -> bool,
    expected: &'static str,
) -> Result<T, &'static str> {
    text.parse().ok().filter(rule).ok_or(expected)
}
