//! `predict`: a network's answers for pictures, or for the houses of a CSV file.

use std::ffi::OsStr;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::error::ErrorKind;
use tch::Tensor;

use super::common::{Common, check_finite, note, print, require_weights, usage_error};
use crate::evaluation::outputs;
use crate::tasks::{Answer, Inputs, Model, Network, STDIN, Task};

/// The width of a bar for a probability of 1, in characters.
const BAR: f64 = 40.;

/// How many answers are made text at a time.
const PORTION: i64 = 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Pictures (PNG or JPEG) or, of houses, CSV files; - for stdin
    ///
    /// With -, stdin has file names of pictures, one a line, or, of houses, the lines of a CSV
    /// file, plain. Each answer is printed as soon as its line has been read, in the same memory
    /// however many there are. A line that cannot be read ends the run: the answers so far stand,
    /// an error names the line as -:LINE, and the exit code is 1.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The pictures show dark ink on white
    #[arg(long)]
    invert: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run<N: Network>(common: &Common, args: &Args) -> Result<()> {
    require_weights(common);
    let is_stdin = |path: &PathBuf| path.as_os_str() == OsStr::new(STDIN);
    if args.inputs.iter().any(is_stdin) {
        if args.inputs.len() > 1 {
            usage_error(
                ErrorKind::ArgumentConflict,
                "- stands alone, without other inputs",
            );
        }
        return answer_stdin(&common.model::<N>()?, common, args);
    }
    answer_files(&common.model::<N>()?, common, args)
}

/// Answers line by line, as the lines come.
fn answer_stdin<N: Network>(model: &Model<N>, common: &Common, args: &Args) -> Result<()> {
    let stdin = Box::new(BufReader::new(io::stdin()));
    let text = N::Task::read_each(stdin, args.invert, &mut |inputs| {
        let output = outputs(model, &inputs.features, 1);
        check_finite(&output, model, common)?;
        write_answers(&inputs, 0, &N::Task::answers(&output)?, args)
    })?;
    if let Some(text) = text {
        note(text);
    }
    Ok(())
}

fn answer_files<N: Network>(model: &Model<N>, common: &Common, args: &Args) -> Result<()> {
    // All are read before anything is printed: one that cannot be read leaves no half answer.
    let mut answered = Vec::new();
    for path in &args.inputs {
        let mut inputs = N::Task::read_inputs(path, args.invert)?;
        if let Some(text) = &inputs.note {
            note(text);
        }
        // One at a time, so that no answer depends on its neighbours.
        let portions = inputs.features.split(PORTION, 0);
        let portions = portions.iter().map(|features| outputs(model, features, 1));
        let output = Tensor::cat(&portions.collect::<Vec<_>>(), 0);
        check_finite(&output, model, common)?;
        // They have had their answer.
        inputs.features = Tensor::new();
        answered.push((inputs, output));
    }
    for (inputs, output) in &answered {
        for (index, output) in output.split(PORTION, 0).iter().enumerate() {
            let answers = N::Task::answers(output)?;
            write_answers(inputs, index * PORTION as usize, &answers, args)?;
        }
    }
    match &answered[..] {
        [(_, output)] if output.size()[0] == 1 && io::stdout().is_terminal() && !args.json => {
            write_bars(&N::Task::answers(output)?[0])
        }
        _ => Ok(()),
    }
}

/// A line for each answer, of which the first is that of the sample at `start`.
fn write_answers(inputs: &Inputs, start: usize, answers: &[Answer], args: &Args) -> Result<()> {
    print(|stdout| {
        for (index, answer) in answers.iter().enumerate() {
            let name = inputs.name(start + index);
            if args.json {
                let mut json = answer.json.clone();
                json["input"] = name.into();
                writeln!(stdout, "{json}")?;
            } else {
                writeln!(stdout, "{name}: {}", answer.text)?;
            }
        }
        Ok(())
    })
}

/// The probability of each class as a bar.
fn write_bars(answer: &Answer) -> Result<()> {
    print(|stdout| {
        for (class, probability) in answer.probabilities.iter().enumerate() {
            let bar = "█".repeat((probability * BAR).round() as usize);
            writeln!(stdout, "{class:>3} {probability:.4} {bar}")?;
        }
        Ok(())
    })
}
