//! `predict`: a network's answers for inputs in files: pictures, the rows of a CSV file, texts.

use std::ffi::OsStr;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;

use super::common::{Common, note, require_weights, stdout, usage_error};
use crate::evaluation::{check_finite, outputs};
use crate::tasks::{Answer, Inputs, Model, Network, Predict, STDIN};
use tch::Tensor;

/// The width of a bar for a probability of 1, in characters.
const BAR: f64 = 40.;

/// The number of answers formatted at a time.
const PORTION: i64 = 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Inputs: PNG or JPEG, CSV or text files, depending on the network; - for stdin
    ///
    /// A picture network answers each PNG or JPEG file, a price network each row of a CSV file, and
    /// a text network predicts what comes next after each file. With -, stdin holds one file name
    /// of a picture per line, the lines of a CSV file, or one text per line. Each answer is printed
    /// as soon as its line has been read, in constant memory. A line that cannot be read ends the
    /// run: earlier answers stay valid, the error names the line as -:LINE, and the exit code is 1.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The pictures show dark ink on white
    #[arg(long)]
    invert: bool,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(super) fn run<N: Network<Task: Predict>>(common: &Common, args: &Args) -> Result<ExitCode> {
    require_weights(common);
    if args.invert && !N::Task::READS_PICTURES {
        let message = format!(
            "--invert applies to pictures only, which {} does not read",
            N::NAME
        );
        usage_error(ErrorKind::ArgumentConflict, &message);
    }
    let is_stdin = |path: &PathBuf| path.as_os_str() == OsStr::new(STDIN);
    let from_stdin = args.inputs.iter().any(is_stdin);
    if from_stdin && args.inputs.len() > 1 {
        let message = "- cannot be combined with other inputs";
        usage_error(ErrorKind::ArgumentConflict, message);
    }
    let model = common.model::<N>()?;
    match from_stdin {
        true => answer_stdin(&model, args)?,
        false => answer_files(&model, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers stdin line by line, as the lines arrive.
fn answer_stdin<N: Network<Task: Predict>>(model: &Model<N>, args: &Args) -> Result<()> {
    let stdin = Box::new(BufReader::new(io::stdin()));
    let text = N::Task::read_each(stdin, args.invert, &mut |inputs| {
        let output = outputs(model, &inputs.features, 1);
        check_finite(&model.vs, &output)?;
        write_answers(&inputs, 0, &N::Task::answers(&output)?, args)
    })?;
    if let Some(text) = text {
        note(text);
    }
    Ok(())
}

fn answer_files<N: Network<Task: Predict>>(model: &Model<N>, args: &Args) -> Result<()> {
    // All files are read before anything is printed, so that a file that cannot be read leaves no
    // partial output.
    let mut answered = Vec::new();
    for path in &args.inputs {
        let mut inputs = N::Task::read_inputs(path, args.invert)?;
        if let Some(text) = &inputs.note {
            note(text);
        }
        // One at a time, so that no answer depends on its neighbours.
        let portions = inputs.features.split(PORTION, 0);
        let portions: Vec<N::Output> = portions
            .iter()
            .map(|features| outputs(model, features, 1))
            .collect();
        for output in &portions {
            check_finite(&model.vs, output)?;
        }
        // Frees the features, which are no longer needed.
        inputs.features = Tensor::new();
        answered.push((inputs, portions));
    }
    for (inputs, portions) in &answered {
        for (index, output) in portions.iter().enumerate() {
            let answers = N::Task::answers(output)?;
            write_answers(inputs, index * PORTION as usize, &answers, args)?;
        }
    }
    if io::stdout().is_terminal()
        && !args.json
        && let [(_, portions)] = &answered[..]
        && let [output] = &portions[..]
        && let [answer] = &N::Task::answers(output)?[..]
    {
        write_bars(answer)?;
    }
    Ok(())
}

/// Prints a line for each answer; the first belongs to the sample at `start`.
fn write_answers(inputs: &Inputs, start: usize, answers: &[Answer], args: &Args) -> Result<()> {
    let mut lines = String::new();
    for (index, answer) in answers.iter().enumerate() {
        let name = inputs.name(start + index);
        if args.json {
            let mut json = answer.json.clone();
            json["input"] = name.into();
            lines += &format!("{json}\n");
        } else {
            lines += &format!("{name}: {}\n", answer.text);
        }
    }
    Ok(stdout().write_all(lines.as_bytes())?)
}

/// Prints the probability of each class as a bar.
fn write_bars(answer: &Answer) -> Result<()> {
    let mut stdout = stdout();
    for (class, probability) in answer.probabilities.iter().enumerate() {
        let bar = "█".repeat((probability * BAR).round() as usize);
        writeln!(stdout, "{class:>3} {probability:.4} {bar}")?;
    }
    Ok(())
}
