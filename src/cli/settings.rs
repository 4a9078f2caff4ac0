//! The settings that determine what training computes: from the command line or, if training is
//! resumed, from the checkpoint, which the command line must not contradict.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, ensure};

use super::common::{Common, data_or_sample, note};
use super::{environment, path_text};
use crate::checkpoint::Checkpoint;
use crate::tasks::{Dataset, Network};
use crate::torch::device::DeviceName;
use crate::torch::random::Seed;
use crate::torch::serialization::Metadata;
use crate::torch::{shown, shown_path};
use crate::training::{Algorithm, Arguments, Schedule};

/// The settings of a training run on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// Folder with MNIST's files, or an .npz, CSV or text file, depending on the network [default:
    /// the project's sample data]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Passes over the training samples [default: 10]
    #[arg(long, value_name = "N", value_parser = epochs, allow_negative_numbers = true)]
    epochs: Option<usize>,
    /// Samples in a batch [default: 64]
    #[arg(long, value_name = "N", value_parser = batch_size, allow_negative_numbers = true)]
    batch_size: Option<i64>,
    /// Optimizer, with PyTorch's defaults [default: adam]
    #[arg(long, value_enum)]
    optimizer: Option<Algorithm>,
    /// Learning rate [default: 0.001]
    #[arg(long, value_name = "F", value_parser = learning_rate, allow_hyphen_values = true)]
    lr: Option<f64>,
    /// Weight decay [default: the optimizer's]
    #[arg(long, value_name = "F", value_parser = not_negative, allow_hyphen_values = true)]
    weight_decay: Option<f64>,
    /// Momentum of SGD [default: the optimizer's]
    #[arg(long, value_name = "F", value_parser = not_negative, allow_hyphen_values = true)]
    momentum: Option<f64>,
    /// Learning rate scheduler: step:step_size=N, multistep:milestones=N+N, exponential:gamma=F,
    /// cosine, warm-restarts:T_0=N, constant, polynomial, linear, one-cycle or plateau; further
    /// arguments of Python's follow after commas
    #[arg(long, value_name = "NAME[:ARGUMENTS]")]
    scheduler: Option<Schedule>,
    /// Scale the gradients of a step down to this norm
    #[arg(long, value_name = "F", value_parser = not_negative, allow_hyphen_values = true)]
    clip_grad_norm: Option<f64>,
}

/// The settings of a training run.
#[derive(Debug)]
pub(super) struct Settings {
    pub data: PathBuf,
    pub epochs: usize,
    pub batch_size: i64,
    pub optimizer: Algorithm,
    pub lr: f64,
    pub arguments: Arguments,
    pub scheduler: Option<Schedule>,
    pub clip_grad_norm: Option<f64>,
    pub seed: Seed,
    pub device: DeviceName,
    pub threads: i32,
}

impl Settings {
    /// The settings of a new run: the given values, otherwise the defaults.
    pub fn new<N: Network<Task: Dataset>>(common: &Common, given: &Given) -> Self {
        Self {
            data: data_or_sample::<N>(given.data.as_deref()),
            epochs: given.epochs.unwrap_or(10),
            batch_size: given.batch_size.unwrap_or(64),
            optimizer: given.optimizer.unwrap_or(Algorithm::Adam),
            lr: given.lr.unwrap_or(1e-3),
            arguments: Arguments {
                weight_decay: given.weight_decay,
                momentum: given.momentum,
            },
            scheduler: given.scheduler.clone(),
            clip_grad_norm: given.clip_grad_norm,
            seed: common.seed(),
            device: common.device(),
            threads: common.threads.unwrap_or_else(tch::get_num_threads),
        }
    }

    /// The settings recorded in a checkpoint.
    ///
    /// # Errors
    /// If the checkpoint belongs to another network, a given setting differs, or the epochs are
    /// fewer.
    pub fn resumed<N: Network>(
        common: &Common,
        given: &Given,
        checkpoint: &Checkpoint,
    ) -> Result<Self> {
        let recorded = Recorded {
            settings: &checkpoint.settings,
            conflicts: Vec::new(),
        };
        Self::agreed::<N>(common, given, recorded).with_context(|| shown_path(&checkpoint.path))
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
                None => recorded.value("data", |text| path_text::from_text(text).ok_or(()))?,
            },
            epochs: recorded.agree("epochs", given.epochs, epochs, usize::ge)?,
            batch_size: recorded.same("batch_size", given.batch_size, batch_size)?,
            optimizer: recorded.same("optimizer", given.optimizer, Algorithm::from_str)?,
            lr: recorded.same("lr", given.lr, learning_rate)?,
            arguments: Arguments {
                weight_decay: recorded.option("weight_decay", given.weight_decay, not_negative)?,
                momentum: recorded.option("momentum", given.momentum, not_negative)?,
            },
            scheduler: recorded.option("scheduler", given.scheduler.clone(), Schedule::from_str)?,
            clip_grad_norm: recorded.option(
                "clip_grad_norm",
                given.clip_grad_norm,
                not_negative,
            )?,
            seed: recorded.same("seed", common.seed, Seed::from_str)?,
            device: recorded.same("device", common.device, DeviceName::from_str)?,
            threads: recorded.same("threads", common.threads, threads)?,
        };
        let (wrote, reads) = (recorded.text("torch")?, torch_version());
        if wrote != reads {
            note(format!(
                "the checkpoint was written by torch {wrote}, this is torch {reads}: bits may differ"
            ));
        }
        for difference in environment::differences(recorded.settings) {
            note(format!(
                "where the checkpoint was written, {difference} here: bits may differ"
            ));
        }
        let conflicts = recorded.conflicts.join(", ");
        ensure!(conflicts.is_empty(), "other settings: {conflicts}");
        Ok(settings)
    }

    /// Refuses data that differ from those the checkpoint was trained on.
    pub fn check_same_data(&self, checkpoint: &Checkpoint, fingerprint: &str) -> Result<()> {
        let expected = checkpoint
            .settings
            .get(FINGERPRINT)
            .map_or("none", String::as_str);
        ensure!(
            fingerprint == expected,
            "{}: expected the training data of {} (CRC-32 {expected}), found other data \
             (CRC-32 {fingerprint})",
            shown_path(&self.data),
            shown_path(&checkpoint.path)
        );
        Ok(())
    }

    /// The settings as metadata.
    pub fn record<N: Network>(&self) -> Metadata {
        let data = self.data.canonicalize();
        let data = path_text::to_text(data.as_deref().unwrap_or(&self.data));
        let settings = [
            ("network", N::NAME.to_owned()),
            ("data", data),
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
        let mut metadata: Metadata = settings.map(owned).into();
        // Options that were not given are not recorded.
        let number = |value: Option<f64>| value.map(|value| value.to_string());
        let options = [
            ("weight_decay", number(self.arguments.weight_decay)),
            ("momentum", number(self.arguments.momentum)),
            (
                "scheduler",
                self.scheduler.as_ref().map(Schedule::to_string),
            ),
            ("clip_grad_norm", number(self.clip_grad_norm)),
        ];
        let given = options.into_iter();
        metadata.extend(given.filter_map(|(name, value)| Some(owned((name, value?)))));
        metadata
    }

    /// The settings for a checkpoint, with the fingerprint of the data and the environment's
    /// properties that change bits.
    pub fn record_with_data<N: Network>(&self, fingerprint: String) -> Metadata {
        let mut metadata = self.record::<N>();
        environment::record(&mut metadata);
        metadata.insert(FINGERPRINT.to_owned(), fingerprint);
        metadata
    }
}

const FINGERPRINT: &str = "data_crc32";

/// The version of libtorch, as in `torch.__version__`.
pub(super) fn torch_version() -> &'static str {
    crate::torch::LIBTORCH_VERSION
}

/// The settings of a checkpoint, and their conflicts with the command line.
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

    /// The recorded value, which a given one must equal.
    fn same<T: PartialEq + Display, E>(
        &mut self,
        name: &str,
        given: Option<T>,
        parse: fn(&str) -> Result<T, E>,
    ) -> Result<T> {
        self.agree(name, given, parse, T::eq)
    }

    /// As [`Recorded::same`], for a setting that is recorded only if it was given.
    fn option<T: PartialEq + Display, E>(
        &mut self,
        name: &str,
        given: Option<T>,
        parse: fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>> {
        if self.settings.contains_key(name) {
            return self.same(name, given, parse).map(Some);
        }
        if let Some(given) = given {
            let option = name.replace('_', "-");
            let conflict = format!("--{option} {given}, but not set in the checkpoint");
            self.conflicts.push(conflict);
        }
        Ok(None)
    }

    /// The given value if it may replace the recorded one, otherwise the recorded one.
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

/// Above this limit, Adam's step size is not a float32, which libtorch refuses from Python, too.
pub(super) fn learning_rate(text: &str) -> Result<f64, &'static str> {
    let rule = |lr: &f64| (0. ..=1e30).contains(lr);
    parse_if(text, rule, "expected a number from 0 to 1e30")
}

pub(super) fn not_negative(text: &str) -> Result<f64, &'static str> {
    let rule = |number: &f64| (0. ..=1e30).contains(number);
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
