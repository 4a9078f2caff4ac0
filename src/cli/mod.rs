//! The command line that all examples share; nothing imports it but they.
//!
//! Results go to stdout, notes and errors to stderr. The exit code is 0, 1 for a run that failed,
//! 2 for wrong usage.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, value_parser};
use tch::no_grad;

use crate::device::DeviceName;
use crate::storage::{Metadata, OutputFile};
use crate::tasks::{Model, Network, Task, draw_input};
use crate::torch::optim::Algorithm;
use crate::torch::print::repr;
use crate::torch::random::Seed;
use crate::torch::state_dict::load_state_dict;
use crate::trace;

#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Without a command, prints the network's answer to a random input."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Common {
    /// torch.manual_seed(N) before the network is built
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t,
        allow_negative_numbers = true
    )]
    seed: Seed,
    /// cpu, cuda or cuda:N
    #[arg(long, global = true, default_value = "cpu")]
    device: DeviceName,
    /// Threads of one operation [default: libtorch's]
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(i32).range(1..=1024))]
    threads: Option<i32>,
    /// Start from these weights (.safetensors, .pt or .pth)
    #[arg(long, global = true, value_name = "FILE")]
    weights: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Record every tensor of a few training steps on random data
    Trace(TraceArgs),
}

#[derive(Debug, Args)]
struct TraceArgs {
    /// Where the tensors go
    #[arg(long, value_name = "FILE.safetensors")]
    output: PathBuf,
    /// Training steps, all on the same batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    steps: u32,
    /// Samples in the batch
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(i64).range(1..=1 << 20))]
    batch_size: i64,
    /// Optimizer, with PyTorch's defaults
    #[arg(long, value_enum, default_value_t = Algorithm::Sgd)]
    optimizer: Algorithm,
    /// Learning rate
    #[arg(long, value_name = "F", default_value_t = 1e-3, value_parser = learning_rate)]
    lr: f64,
}

fn learning_rate(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(lr) if lr.is_finite() && lr >= 0. => Ok(lr),
        _ => Err("expected a number, 0 or more"),
    }
}

/// Parses the command line of the example of `N` and does what it says.
pub fn run<N: Network>() -> ExitCode {
    let matches = Cli::command().name(N::NAME).about(N::ABOUT).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match dispatch::<N>(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch<N: Network>(cli: &Cli) -> Result<()> {
    match &cli.command {
        None => demonstrate::<N>(&cli.common),
        Some(Command::Trace(args)) => trace::<N>(&cli.common, args),
    }
}

/// Seeds the generator and builds the network, on the device and from the weights asked for.
fn model<N: Network>(common: &Common) -> Result<Model<N>> {
    let device = common.device.find()?;
    if let Some(threads) = common.threads {
        tch::set_num_threads(threads);
    }
    common.seed.manual_seed();
    let model = Model::new(device);
    if let Some(path) = &common.weights {
        load_state_dict(&model.vs, path)?;
    }
    Ok(model)
}

fn demonstrate<N: Network>(common: &Common) -> Result<()> {
    let model = model::<N>(common)?;
    let input = draw_input::<N::Task>(1)?.to_device(model.vs.device());
    let output = no_grad(|| model.network.forward(&input));
    let mut stdout = io::stdout().lock();
    for (label, tensor) in N::Task::report(&output) {
        writeln!(stdout, "{label} {}", repr(&tensor)?)?;
    }
    Ok(())
}

fn trace<N: Network>(common: &Common, args: &TraceArgs) -> Result<()> {
    let output = OutputFile::create(&args.output)?;
    let model = model::<N>(common)?;
    let mut optimizer = args.optimizer.build(&model.vs, args.lr);
    let steps = args.steps as usize;
    let trace = trace::record(&model, optimizer.as_mut(), args.batch_size, steps)
        .context("cannot record the trace")?;
    let metadata = [
        ("network", N::NAME.to_owned()),
        ("seed", common.seed.to_string()),
        ("steps", args.steps.to_string()),
        ("batch_size", args.batch_size.to_string()),
        ("optimizer", args.optimizer.to_string()),
        ("lr", args.lr.to_string()),
        ("device", common.device.to_string()),
        ("threads", tch::get_num_threads().to_string()),
        ("torch", env!("FINAL_LAYER_TORCH_VERSION").to_owned()),
    ];
    let metadata: Metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    output.write_safetensors(&trace, metadata)
}

/// The error and its causes in one line: what libtorch says goes on with a C++ backtrace.
fn one_line(error: &anyhow::Error) -> String {
    let causes = error.chain().map(|cause| {
        let text = cause.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    });
    causes.collect::<Vec<_>>().join(": ")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
