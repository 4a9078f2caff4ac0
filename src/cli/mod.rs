//! The command line that all examples share; nothing imports it but they.
//!
//! Results go to stdout, progress, notes and errors to stderr; an error is one line. The exit code is
//! 0, 1 for a run that failed, 2 for wrong usage, and 128 + the signal's number for training that a
//! signal stopped and that is saved: 130 (SIGINT, Ctrl-C), 143 (SIGTERM), 129 (SIGHUP).

mod common;
mod demonstrate;
mod environment;
mod evaluate;
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
use std::process::ExitCode;

use anyhow::{Error, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::tasks::Network;
use crate::torch::one_line;
use common::Common;

pub use common::{Stdout, set_threads, stdout};
pub use paths::refuse_overwriting;

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

#[derive(Debug, Subcommand)]
enum Command {
    /// Record every tensor of a few training steps on random data
    Trace(trace::Args),
    /// Train on a data set
    Train(train::Args),
    /// Judge trained weights on the test samples of a data set
    Evaluate(evaluate::Args),
    /// Answer for pictures, or for the houses of a CSV file
    Predict(predict::Args),
}

/// Parses the command line of the example of `N` and does what it says.
pub fn run<N: Network>() -> ExitCode {
    exit_code(|| {
        let matches = Cli::command().name(N::NAME).about(N::ABOUT).get_matches();
        dispatch::<N>(&Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
    })
}

/// Does the work of an executable; returns the exit code that it comes to. An error is printed in
/// one line, and a panic as well.
pub fn exit_code(work: impl FnOnce() -> Result<ExitCode>) -> ExitCode {
    signals::survive_large_files();
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

fn dispatch<N: Network>(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        None => demonstrate::run::<N>(&cli.common)?,
        Some(Command::Trace(args)) => trace::run::<N>(&cli.common, args)?,
        Some(Command::Train(args)) => return train::run::<N>(&cli.common, args),
        Some(Command::Evaluate(args)) => evaluate::run::<N>(&cli.common, args)?,
        Some(Command::Predict(args)) => predict::run::<N>(&cli.common, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn is_broken_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
