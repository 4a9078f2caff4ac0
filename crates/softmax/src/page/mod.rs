//! Do you need softmax? An interactive page: draw, drag, choose, race, decide.
//!
//! ```sh
//! cargo run --example playground -- --open
//! ```
//!
//! The page needs no other file and no network connection. It contains the article's
//! `DigitClassifier`, trained by `train`; data/playground/README.md has the command. Its path is
//! printed on stdout.
//!
//! The network's confidence for digits and for noise is measured when the page is written. All
//! other measurements are findings of `is_softmax_essential` on the sample data and on MNIST, whose
//! curves and lines are kept in docs/.

mod confidence;
mod findings;
mod html;
mod questions;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use final_layer::cli::{exit_code, refuse_overwriting, stdout};
use final_layer::evaluation::not_finite;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::Model;
use final_layer::torch::serialization::{FileKind, OutputFile, load_state_dict};
use tch::Device;

#[derive(Debug, Parser)]
#[command(
    name = "playground",
    version,
    about = "Do you need softmax? An interactive page"
)]
struct Cli {
    /// Write the page to this file
    #[arg(long, value_name = "FILE.html", default_value = "playground.html")]
    output: PathBuf,
    /// Weights of your own digit_classifier [default: those of data/playground]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

/// What the page may replace.
const PAGE: FileKind = FileKind {
    name: "this page",
    is_head: |head| crate::has(head, "<title>Do you need softmax?</title>"),
};

/// Runs the program.
pub fn main() -> ExitCode {
    exit_code(|| run(&Cli::parse()))
}

fn run(cli: &Cli) -> Result<ExitCode> {
    let (written, read) = (Some(cli.output.as_path()), cli.weights.as_deref());
    refuse_overwriting(&[("--output", written)], &[("--weights", read)]);
    let model = model(cli.weights.as_deref())?;
    let page = html::page(&model)?;
    OutputFile::replacing(&cli.output, PAGE)?.write(page.as_bytes())?;
    writeln!(stdout(), "{}", cli.output.display())?;
    if cli.open {
        open::that_detached(&cli.output)
            .with_context(|| format!("cannot open {} in a browser", cli.output.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The network with these weights or, if `None`, with the project's.
fn model(weights: Option<&Path>) -> Result<Model<DigitClassifier>> {
    let path = weights.map_or_else(
        || crate::project("data/playground/digits.safetensors"),
        Path::to_path_buf,
    );
    let model = Model::new(Device::Cpu);
    load_state_dict(&model.vs, &path)?;
    if let Some(name) = not_finite(&model.vs)? {
        bail!(
            "{}: expected finite weights, but {name} is not finite",
            path.display()
        );
    }
    Ok(model)
}
