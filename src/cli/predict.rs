//! `predict`: a network's answers for pictures, or for the houses of a CSV file.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use tch::Tensor;

use super::common::{Common, note, require_weights, stdout, usage_error};
use crate::evaluation::{check_finite, outputs};
use crate::tasks::{Answer, Inputs, Network, Predict};

/// The width of a bar for a probability of 1, in characters.
const BAR: f64 = 40.;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Pictures (PNG or JPEG) or, of houses, CSV files
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The pictures show dark ink on white
    #[arg(long)]
    invert: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run<N: Network<Task: Predict>>(common: &Common, args: &Args) -> Result<ExitCode> {
    require_weights(common);
    if args.invert && !N::Task::READS_PICTURES {
        let message = format!("--invert is for pictures, which {} does not read", N::NAME);
        usage_error(ErrorKind::ArgumentConflict, &message);
    }
    let model = common.model::<N>()?;
    // All are read before anything is printed: one that cannot be read leaves no half answer.
    let inputs = read_inputs::<N>(args)?;
    // One at a time, so that no answer depends on its neighbours.
    let output = outputs(&model, &inputs.features, 1);
    check_finite(&model.vs, &output)?;
    let answers = N::Task::answers(&output)?;

    let mut stdout = stdout();
    for (name, answer) in inputs.names.iter().zip(&answers) {
        if args.json {
            let mut json = answer.json.clone();
            json["input"] = name.as_str().into();
            writeln!(stdout, "{json}")?;
        } else {
            writeln!(stdout, "{name}: {}", answer.text)?;
        }
    }
    if let [answer] = &answers[..]
        && io::stdout().is_terminal()
        && !args.json
    {
        write_bars(&mut stdout, answer)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_inputs<N: Network<Task: Predict>>(args: &Args) -> Result<Inputs> {
    let mut features = Vec::new();
    let mut names = Vec::new();
    for path in &args.inputs {
        let inputs = N::Task::read_inputs(path, args.invert)?;
        if let Some(text) = &inputs.note {
            note(text);
        }
        features.push(inputs.features);
        names.extend(inputs.names);
    }
    Ok(Inputs {
        features: Tensor::cat(&features, 0),
        names,
        note: None,
    })
}

/// The probability of each class as a bar.
fn write_bars(out: &mut impl Write, answer: &Answer) -> Result<()> {
    for (class, probability) in answer.probabilities.iter().enumerate() {
        let bar = "█".repeat((probability * BAR).round() as usize);
        writeln!(out, "{class:>3} {probability:.4} {bar}")?;
    }
    Ok(())
}
