//! The options that every command takes, and the model that they describe.

use std::fmt::Display;
use std::io::{self, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use tch::Device;

use super::settings::threads;
use crate::data::Splits;
use crate::evaluation::not_finite;
use crate::plan::Plans;
use crate::tasks::{Dataset, Model, Network};
use crate::torch::Error;
use crate::torch::device::DeviceName;
use crate::torch::random::Seed;
use crate::torch::serialization::load_state_dict;
use crate::torch::shown_path;

#[derive(Debug, Args)]
pub(super) struct Common {
    /// torch.manual_seed(N) before the network is built [default: 0]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<Seed>,
    /// cpu, cuda or cuda:N [default: cpu]
    #[arg(long, global = true)]
    pub device: Option<DeviceName>,
    /// Threads of one operation [default: libtorch's]
    #[arg(long, global = true, value_name = "N", value_parser = threads,
        allow_negative_numbers = true)]
    pub threads: Option<i32>,
    /// Start from these weights (.safetensors, .pt or .pth)
    #[arg(long, global = true, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Whether a plan, checked against autograd to the bit, runs a network that is a chain of layers;
    /// if not, autograd runs it, for a comparison
    #[arg(long, global = true, value_enum, default_value_t = Plan::On)]
    pub plan: Plan,
    /// Say on stderr what runs each size of batch
    #[arg(long, global = true)]
    pub verbose: bool,
}

/// What `--plan` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Plan {
    On,
    Off,
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
        let mut model = model(
            self.seed(),
            self.device(),
            self.threads,
            self.weights.as_deref(),
        )?;
        model.plans = self.plans();
        Ok(model)
    }

    /// What runs the network's batches.
    pub fn plans(&self) -> Plans {
        match (self.plan, self.verbose) {
            (Plan::On, false) => Plans::default(),
            (Plan::On, true) => Plans::on(|text| note(text)),
            (Plan::Off, verbose) => {
                if verbose {
                    note("autograd runs all batches: --plan off");
                }
                Plans::off()
            }
        }
    }
}

/// The device that `--device` names, if this machine has it.
fn find(device: DeviceName) -> Result<Device> {
    device.find().map_err(|error| match error {
        Error::Device { device, reason } => anyhow!("--device {device}: {reason}"),
        error => error.into(),
    })
}

/// Seeds the generator and builds the network, on the device and from the weights asked for.
pub(super) fn model<N: Network>(
    seed: Seed,
    device: DeviceName,
    threads: Option<i32>,
    weights: Option<&Path>,
) -> Result<Model<N>> {
    let device = find(device)?;
    match threads {
        Some(threads) => set_threads(threads)?,
        None => check_threads(tch::get_num_threads())?,
    }
    seed.manual_seed();
    let model = Model::new(device);
    if let Some(path) = weights {
        load_state_dict(&model.vs, path)?;
        if let Some(name) = not_finite(&model.vs)? {
            note(format!("{}: {name} is not finite", shown_path(path)));
        }
    }
    Ok(model)
}

/// Sets how many threads an operation has, if the system gives so many.
///
/// # Errors
/// If it does not.
pub fn set_threads(threads: i32) -> Result<()> {
    check_threads(threads)?;
    tch::set_num_threads(threads);
    Ok(())
}

/// Starts as many threads and lets them end. When libtorch comes to start its own, it is too late:
/// OpenMP ends the process where it gets none.
fn check_threads(threads: i32) -> Result<()> {
    /// Of a thread of OpenMP, where nothing else is set.
    const STACK: usize = 8 << 20;
    // The first is the one that runs this.
    let mut started = 1;
    let gate = Mutex::new(());
    let all = thread::scope(|scope| {
        // None ends before the last has started.
        let _closed = gate.lock();
        (1..threads).try_for_each(|_| {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, || drop(gate.lock()))?;
            started += 1;
            io::Result::Ok(())
        })
    });
    all.with_context(|| format!("--threads {threads}: the system gives no more than {started}"))
}

/// The data that are given, or else the project's small data for the task of `N`.
pub(super) fn data_or_sample<N: Network<Task: Dataset>>(given: Option<&Path>) -> PathBuf {
    match (given, N::Task::SAMPLE_DATA) {
        (Some(path), _) => path.to_owned(),
        (None, Some(name)) => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("data/sample")
            .join(name),
        (None, None) => usage_error(
            ErrorKind::MissingRequiredArgument,
            "--data <PATH> is required here",
        ),
    }
}

/// Reads a data set for the task of `N`; what the user has to know of it goes to stderr.
pub(super) fn read_data<N: Network<Task: Dataset>>(path: &Path) -> Result<Splits> {
    let data = N::Task::read(path)?;
    if let Some(text) = &data.note {
        note(text);
    }
    Ok(data)
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

/// Where results go. An error says that it is stdout that cannot be written.
pub fn stdout() -> Stdout {
    Stdout(io::stdout().lock())
}

/// See [`stdout`].
#[derive(Debug)]
pub struct Stdout(StdoutLock<'static>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write to stdout: {error}"))
}
