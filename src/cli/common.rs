//! The options of every command, and the model that they describe.

use std::fmt::Display;
use std::io::{self, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use tch::Device;
use tch::nn::VarStore;

use super::settings::threads;
use crate::data::Splits;
use crate::evaluation::not_finite;
use crate::plan::Plans;
use crate::tasks::{Dataset, Model, Network};
use crate::torch::Error;
use crate::torch::device::DeviceName;
use crate::torch::random::Seed;
use crate::torch::serialization::{LoadOptions, Rename, load_state_dict_with};
use crate::torch::shown_path;

#[derive(Debug, Args)]
pub(super) struct Common {
    /// torch.manual_seed(N) before the network is built [default: 0]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<Seed>,
    /// cpu, cuda or cuda:N [default: cpu]
    #[arg(long, global = true)]
    pub device: Option<DeviceName>,
    /// Threads per operation [default: libtorch's]
    #[arg(long, global = true, value_name = "N", value_parser = threads,
        allow_negative_numbers = true)]
    pub threads: Option<i32>,
    #[command(flatten)]
    pub from: Weights,
    /// Run sequential networks from an execution plan that is checked against autograd to the bit;
    /// off: by autograd, for comparison
    #[arg(long, global = true, value_enum, default_value_t = Plan::On)]
    pub plan: Plan,
    /// Print on stderr what runs each batch size
    #[arg(long, global = true)]
    pub verbose: bool,
}

/// The weights to start from, and the way in which they are found.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Weights {
    /// Start from these weights: .safetensors, .pt and other files of PyTorch, .npz, or a folder
    #[arg(long, global = true, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The key of the state dict in the file, such as model or state.ema
    #[arg(long, global = true, value_name = "KEY")]
    pub weights_key: Option<String>,
    /// Replace matches in the keys of the state dict; may be given several times
    #[arg(long, global = true, value_name = "REGEX=REPLACEMENT")]
    pub rename: Vec<Rename>,
    /// Load the keys that fit and print the others
    #[arg(long, global = true)]
    pub weights_partial: bool,
}

impl Weights {
    /// Ends the process with a usage error if there are no weights to be found.
    fn check(&self) {
        let is_described =
            self.weights_key.is_some() || !self.rename.is_empty() || self.weights_partial;
        if self.weights.is_none() && is_described {
            let message = "--weights-key, --rename and --weights-partial need --weights <FILE>";
            usage_error(ErrorKind::MissingRequiredArgument, message);
        }
    }

    fn load(&self, vs: &VarStore, path: &Path) -> Result<()> {
        let options = LoadOptions {
            key: self.weights_key.clone(),
            renames: self.rename.clone(),
            is_partial: self.weights_partial,
        };
        let report = load_state_dict_with(vs, path, &options)?;
        let path = shown_path(path);
        let problems = report.problems();
        for text in report.notes.iter().chain(&problems) {
            note(format!("{path}: {text}"));
        }
        if !problems.is_empty() {
            let (loaded, all) = (report.loaded.len(), vs.variables().len());
            note(format!(
                "{path}: loaded {loaded} of {all} parameters and buffers"
            ));
        }
        Ok(())
    }
}

/// The values of `--plan`.
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

    /// Builds the network that these options describe.
    pub fn model<N: Network>(&self) -> Result<Model<N>> {
        let mut model = model(self.seed(), self.device(), self.threads, &self.from)?;
        model.plans = self.plans();
        Ok(model)
    }

    /// The plans that these options describe.
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

/// The device named by `--device`, if this machine has it.
fn find(device: DeviceName) -> Result<Device> {
    device.find().map_err(|error| match error {
        Error::Device { device, reason } => anyhow!("--device {device}: {reason}"),
        error => error.into(),
    })
}

/// Seeds the generator and builds the network, on the given device and with the given weights.
pub(super) fn model<N: Network>(
    seed: Seed,
    device: DeviceName,
    threads: Option<i32>,
    weights: &Weights,
) -> Result<Model<N>> {
    let device = find(device)?;
    match threads {
        Some(threads) => set_threads(threads)?,
        None => check_threads(tch::get_num_threads())?,
    }
    seed.manual_seed();
    let model = Model::new(device);
    weights.check();
    if let Some(path) = &weights.weights {
        weights.load(&model.vs, path)?;
        if let Some(name) = not_finite(&model.vs)? {
            note(format!("{}: {name} is not finite", shown_path(path)));
        }
    }
    Ok(model)
}

/// Sets the number of threads per operation.
///
/// # Errors
/// If the system does not allow so many.
pub fn set_threads(threads: i32) -> Result<()> {
    check_threads(threads)?;
    tch::set_num_threads(threads);
    Ok(())
}

/// Starts that many threads and lets them end. Once libtorch starts its own it is too late: OpenMP
/// ends the process if it cannot start a thread.
fn check_threads(threads: i32) -> Result<()> {
    /// The default stack size of an OpenMP thread.
    const STACK: usize = 8 << 20;
    // The first is the current thread.
    let mut started = 1;
    let gate = Mutex::new(());
    let all = thread::scope(|scope| {
        // No thread ends before the last has started.
        let _closed = gate.lock();
        (1..threads).try_for_each(|_| {
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, || drop(gate.lock()))?;
            started += 1;
            io::Result::Ok(())
        })
    });
    all.with_context(|| format!("--threads {threads}: the system allows no more than {started}"))
}

/// The given data or, if `None`, the project's small data set for the task of `N`.
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

/// Reads a data set for the task of `N` and prints its note, if any, on stderr.
pub(super) fn read_data<N: Network<Task: Dataset>>(path: &Path) -> Result<Splits> {
    let data = N::Task::read(path)?;
    if let Some(text) = &data.note {
        note(text);
    }
    Ok(data)
}

/// Ends the process with a usage error if weights are needed and not given.
pub(super) fn require_weights(common: &Common) {
    if common.from.weights.is_none() {
        usage_error(
            ErrorKind::MissingRequiredArgument,
            "evaluate and predict need --weights <FILE>, which `train --output FILE` writes",
        );
    }
}

/// Ends the process as clap does if options contradict each other.
pub(super) fn usage_error(kind: ErrorKind, message: &str) -> ! {
    clap::Error::raw(
        kind,
        format!("{message}\n\nFor more information, try '--help'.\n"),
    )
    .exit()
}

/// Prints a note for the user, apart from the results.
pub(super) fn note(text: impl Display) {
    say(format_args!("note: {text}"));
}

/// Prints a line on stderr. If nobody can read it, the work continues.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The stream for results. Its errors say that stdout cannot be written.
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
