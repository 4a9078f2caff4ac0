//! The command line that all examples share. Only the examples use it.
//!
//! Results go to stdout; progress, notes and errors go to stderr. An error is one line. The exit
//! code is 0 for success, 1 for a failed run, 2 for wrong usage, and 128 + the signal's number if a
//! signal stopped training and its state was saved: 130 (SIGINT, Ctrl-C), 143 (SIGTERM), 129
//! (SIGHUP).

mod common;
mod demonstrate;
mod environment;
mod evaluate;
mod memory;
mod panics;
mod path_text;
mod paths;
mod predict;
mod progress;
mod settings;
mod signals;
mod trace;
mod train;
mod train_files;

use std::io::{self, Write};
use std::marker::PhantomData;
use std::process::ExitCode;

use anyhow::{Error, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::tasks::{Dataset, Evaluate, Network, Predict};
use crate::torch::one_line;
use common::{Common, usage_error};

pub use common::{Stdout, set_threads, stdout};
pub use memory::keep_freed_memory;
pub use paths::refuse_overwriting;

#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Without a command, runs the untrained network on a random input."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Record every tensor of a few training steps on random data
    Trace(trace::Args),
    /// Train on a data set
    Train(Box<train::Args>),
    /// With --weights, evaluate on the test samples of a data set
    Evaluate(evaluate::Args),
    /// With --weights, predict for files: pictures, the rows of a CSV file, or texts
    Predict(predict::Args),
}

/// The program of a network, with the commands that it has besides those of the proof, which every
/// network has (`trace`, and running on a random input).
#[derive(Debug)]
pub struct Program<N> {
    train: Option<Run<train::Args>>,
    evaluate: Option<Run<evaluate::Args>>,
    predict: Option<Run<predict::Args>>,
    network: PhantomData<N>,
}

type Run<A> = fn(&Common, &A) -> Result<ExitCode>;

/// Runs the program of a network with every command.
pub fn run<N: Network<Task: Evaluate + Predict>>() -> ExitCode {
    Program::<N>::proof().training().predictions().run()
}

impl<N: Network> Program<N> {
    /// Only the commands of the proof.
    pub fn proof() -> Self {
        Self {
            train: None,
            evaluate: None,
            predict: None,
            network: PhantomData,
        }
    }

    /// Adds `train` and `evaluate`.
    pub fn training(self) -> Self
    where
        N::Task: Dataset + Evaluate,
    {
        Self {
            train: Some(train::run::<N>),
            evaluate: Some(evaluate::run::<N>),
            ..self
        }
    }

    /// Adds `predict`.
    pub fn predictions(self) -> Self
    where
        N::Task: Predict,
    {
        Self {
            predict: Some(predict::run::<N>),
            ..self
        }
    }

    /// Parses the command line and runs the command.
    pub fn run(&self) -> ExitCode {
        exit_code(|| self.dispatch(&self.parse()))
    }

    fn parse(&self) -> Cli {
        let mut command = Cli::command().name(N::NAME).about(N::ABOUT);
        for (name, is_there) in [
            ("train", self.train.is_some()),
            ("evaluate", self.evaluate.is_some()),
            ("predict", self.predict.is_some()),
        ] {
            command = command.mut_subcommand(name, |subcommand| subcommand.hide(!is_there));
        }
        let matches = command.get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    fn dispatch(&self, cli: &Cli) -> Result<ExitCode> {
        let common = &cli.common;
        match &cli.command {
            None => demonstrate::run::<N>(common),
            Some(Command::Trace(args)) => trace::run::<N>(common, args),
            Some(Command::Train(args)) => there("train", self.train)(common, args),
            Some(Command::Evaluate(args)) => there("evaluate", self.evaluate)(common, args),
            Some(Command::Predict(args)) => there("predict", self.predict)(common, args),
        }
    }
}

/// The command, if the program has it.
fn there<A>(name: &str, command: Option<Run<A>>) -> Run<A> {
    command.unwrap_or_else(|| {
        let message = format!("unrecognized subcommand '{name}'");
        usage_error(ErrorKind::InvalidSubcommand, &message)
    })
}

/// Runs the work of an executable and returns its exit code. Prints an error or a panic in one
/// line.
pub fn exit_code(work: impl FnOnce() -> Result<ExitCode>) -> ExitCode {
    signals::survive_large_files();
    keep_freed_memory();
    match panics::caught(work) {
        Some(Ok(code)) => code,
        Some(Err(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            let _ = writeln!(io::stderr(), "error: {}", one_line(error.as_ref()));
            ExitCode::FAILURE
        }
        None => ExitCode::FAILURE,
    }
}

fn is_broken_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
