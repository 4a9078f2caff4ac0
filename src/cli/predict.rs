//! `predict`: a network's answers to what is in files: pictures, the rows of a CSV file, texts.

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

/// How many answers are made text at a time.
const PORTION: i64 = 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to answer: PNG or JPEG, CSV or text files, as the network reads; - for stdin
    ///
    /// A network of pictures answers each PNG or JPEG file, one of prices each row of a CSV file,
    /// and one of text says what comes next after each file. With -, stdin has the file names of
    /// pictures, one a line, or the lines of a CSV file, or a text on each line. Each answer is printed as soon as its line has been read, in the same memory
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

pub(super) fn run<N: Network<Task: Predict>>(common: &Common, args: &Args) -> Result<ExitCode> {
    require_weights(common);
    if args.invert && !N::Task::READS_PICTURES {
        let message = format!("--invert is for pictures, which {} does not read", N::NAME);
        usage_error(ErrorKind::ArgumentConflict, &message);
    }
    let is_stdin = |path: &PathBuf| path.as_os_str() == OsStr::new(STDIN);
    let from_stdin = args.inputs.iter().any(is_stdin);
    if from_stdin && args.inputs.len() > 1 {
        let message = "- stands alone, without other inputs";
        usage_error(ErrorKind::ArgumentConflict, message);
    }
    let model = common.model::<N>()?;
    match from_stdin {
        true => answer_stdin(&model, args)?,
        false => answer_files(&model, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers line by line, as the lines come.
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
    // All are read before anything is printed: one that cannot be read leaves no half answer.
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
        // They have had their answer.
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

/// A line for each answer, of which the first is that of the sample at `start`.
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

/// The probability of each class as a bar.
fn write_bars(answer: &Answer) -> Result<()> {
    let mut stdout = stdout();
    for (class, probability) in answer.probabilities.iter().enumerate() {
        let bar = "█".repeat((probability * BAR).round() as usize);
        writeln!(stdout, "{class:>3} {probability:.4} {bar}")?;
    }
    Ok(())
}
