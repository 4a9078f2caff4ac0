//! The command line that all examples share; nothing imports it but they.
//!
//! Results go to stdout, progress, notes and errors to stderr. The exit code is 0, 1 for a run that
//! failed, 2 for wrong usage, 130 for training that was stopped and saved.

mod common;
mod demonstrate;
mod evaluate;
mod predict;
mod progress;
mod settings;
mod trace;
mod train;
mod train_files;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Error, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::tasks::Network;
use crate::torch::messages::first_line;
use common::Common;

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
    let matches = Cli::command().name(N::NAME).about(N::ABOUT).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    exit_code(dispatch::<N>(&cli))
}

/// The exit code of a command that came to `result`; an error is printed in one line.
pub fn exit_code(result: Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", one_line(&error));
            ExitCode::FAILURE
        }
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

/// The error and its causes in one line: what libtorch says goes on with a C++ backtrace.
fn one_line(error: &Error) -> String {
    let causes = error.chain().map(|cause| first_line(&cause.to_string()));
    causes.collect::<Vec<_>>().join(": ")
}

fn is_broken_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
