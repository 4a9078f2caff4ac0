//! The options that every command takes, and the model that they describe.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use clap::error::ErrorKind;
use tch::Tensor;

use super::settings::threads;
use crate::data::Splits;
use crate::device::DeviceName;
use crate::evaluation;
use crate::tasks::{Model, Network, Task};
use crate::torch::messages::shown;
use crate::torch::random::Seed;
use crate::torch::state_dict::load_state_dict;

#[derive(Debug, Args)]
pub(super) struct Common {
    /// torch.manual_seed(N) before the network is built [default: 0]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<Seed>,
    /// cpu, cuda or cuda:N [default: cpu]
    #[arg(long, global = true)]
    pub device: Option<DeviceName>,
    /// Threads of one operation [default: libtorch's]
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub threads: Option<i32>,
    /// Start from these weights (.safetensors, .pt or .pth)
    #[arg(long, global = true, value_name = "FILE")]
    pub weights: Option<PathBuf>,
}

impl Common {
    pub fn seed(&self) -> Seed {
        self.seed.unwrap_or_default()
    }

    pub fn device(&self) -> DeviceName {
        self.device.unwrap_or_default()
    }

    /// The network as these options describe it.
    pub fn model<N: Network>(&self) -> Result<Model<N>> {
        model(
            self.seed(),
            self.device(),
            self.threads,
            self.weights.as_deref(),
        )
    }
}

/// Seeds the generator and builds the network, on the device and from the weights asked for.
pub(super) fn model<N: Network>(
    seed: Seed,
    device: DeviceName,
    threads: Option<i32>,
    weights: Option<&Path>,
) -> Result<Model<N>> {
    let device = device.find()?;
    if let Some(threads) = threads {
        tch::set_num_threads(threads);
    }
    seed.manual_seed();
    let model = Model::new(device);
    if let Some(path) = weights {
        load_state_dict(&model.vs, path)?;
    }
    Ok(model)
}

/// The project's small data for the task of `N`.
pub(super) fn sample_data<N: Network>() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/sample")
        .join(N::Task::SAMPLE_DATA)
}

/// Reads a data set for the task of `N`; what the user has to know of it goes to stderr.
pub(super) fn read_data<N: Network>(path: &Path) -> Result<Splits> {
    let data = N::Task::read_data(path)?;
    if let Some(text) = &data.note {
        note(text);
    }
    Ok(data)
}

/// Refuses outputs that are not finite, and says which weights are not, if any.
///
/// # Errors
/// If an output is infinite or NaN.
pub(super) fn check_finite<N: Network>(
    output: &Tensor,
    model: &Model<N>,
    common: &Common,
) -> Result<()> {
    evaluation::check_finite(output).map_err(|error| {
        let is_finite = |tensor: &Tensor| bool::try_from(tensor.isfinite().all()).unwrap_or(true);
        let mut weights: Vec<_> = model.vs.variables().into_iter().collect();
        weights.retain(|(_, tensor)| !is_finite(tensor));
        weights.sort_by(|(a, _), (b, _)| a.cmp(b));
        match (weights.first(), &common.weights) {
            (Some((name, _)), Some(path)) => anyhow!(
                "{}: {} has a value that is not finite, and so have the network's outputs",
                path.display(),
                shown(name)
            ),
            _ => error,
        }
    })
}

/// Writes to stdout, at once and whole.
///
/// # Errors
/// If stdout takes no more, as on a full disk.
pub(super) fn print(
    write: impl FnOnce(&mut BufWriter<StdoutLock>) -> io::Result<()>,
) -> Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let written = write(&mut stdout).and_then(|()| stdout.flush());
    // What was not written is not tried again.
    let _ = stdout.into_parts();
    written.context("cannot write to stdout")
}

/// Ends the process, as wrong usage, where weights are needed and not given.
pub(super) fn require_weights(common: &Common) {
    if common.weights.is_none() {
        usage_error(
            ErrorKind::MissingRequiredArgument,
            "--weights <FILE> is required here",
        );
    }
}

/// Ends the process as clap does where options do not go together.
pub(super) fn usage_error(kind: ErrorKind, message: &str) -> ! {
    clap::Error::raw(
        kind,
        format!("{message}\n\nFor more information, try '--help'.\n"),
    )
    .exit()
}

/// A note for the user, beside the results.
pub(super) fn note(text: impl Display) {
    say(format_args!("note: {text}"));
}

/// A line on stderr. If nobody can read it, the work goes on.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
