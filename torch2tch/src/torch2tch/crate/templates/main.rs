//! Loads weights, runs the network on an input and prints the output:
//! `cargo run -- WEIGHTS INPUT [--output FILE.safetensors]`.

$modules

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{${path}PathBuf};
use std::process::ExitCode;

use torch_parity::{fold, one_line};$repr
use torch_parity::serialization::{
    LoadOptions, Metadata, NamedTensors, OutputFile, Rename, load_state_dict_with, read_safetensors,
};
use $crate::{$class, answer};
use tch::Device;
use tch::nn::VarStore;

const USAGE: &str = "WEIGHTS and $input, perhaps --output FILE.safetensors, \
    --weights-key KEY, --rename REGEX=REPLACEMENT or --weights-partial";

/// The command line.
#[derive(Default)]
struct Arguments {
    files: Vec<PathBuf>,
    output: Option<PathBuf>,
    loading: LoadOptions,
}

fn main() -> ExitCode {
    let arguments = match parsed(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("error: expected {USAGE}; {problem}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// The command line, or a phrase for the part of it that is not understood.
fn parsed(mut given: impl Iterator<Item = OsString>) -> Result<Arguments, String> {
    let mut found = Arguments::default();
    while let Some(argument) = given.next() {
        let name = argument.to_string_lossy().into_owned();
        let mut value = || given.next().ok_or(format!("found {name} without a value"));
        match name.as_str() {
            "--output" => found.output = Some(value()?.into()),
            "--weights-key" => found.loading.key = Some(value()?.to_string_lossy().into_owned()),
            "--rename" => {
                let rename = value()?.to_string_lossy().parse::<Rename>();
                let rename = rename.map_err(|error| format!("--rename: {error}"))?;
                found.loading.renames.push(rename);
            }
            "--weights-partial" => found.loading.is_partial = true,
            _ if name.starts_with("--") => return Err(format!("found {name}")),
            _ => found.files.push(argument.into()),
        }
    }
    match found.files.len() {
        2 => Ok(found),
        count => Err(format!("found {count} files")),
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (weights, input) = (&arguments.files[0], &arguments.files[1]);
    let vs = VarStore::new(Device::Cpu);
    let network = $class::new(&vs.root());
    let report = load_state_dict_with(&vs, weights, &arguments.loading)?;
    for text in report.notes.iter().chain(&report.problems()) {
        eprintln!("note: {}: {text}", weights.display());
    }
    let inputs = $read_input;
    let answers = answer_or_reason(&network, &inputs)
        .map_err(|error| format!("{}: {error}", input.display()))?;
    print(&answers).map_err(|error| format!("standard output: {error}"))?;
    if let Some(output) = &arguments.output {
        OutputFile::create(output)?.write_safetensors(&answers, Metadata::new())?;
    }
    Ok(())
}

/// Prints the answers. A reader that goes away, such as `head`, is an error and not a panic.
fn print(answers: &NamedTensors) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for $for {
        $print
    }
    Ok(out.flush()?)
}

/// The network's answer. Tensors that do not fit it end in a panic, of the network's own check or of
/// tch, which becomes an error here.
fn answer_or_reason(network: &$class, inputs: &NamedTensors) -> Result<NamedTensors, String> {
    panic::set_hook(Box::new(|_| ()));
    let answered = panic::catch_unwind(AssertUnwindSafe(|| answer(network, inputs)));
    let _ = panic::take_hook();
    answered.unwrap_or_else(|reason| {
        let text = match (reason.downcast_ref::<String>(), reason.downcast_ref::<&str>()) {
            (Some(text), _) => text.as_str(),
            (None, Some(text)) => text,
            (None, None) => "the network panics",
        };
        // tch shows its error in quotes, with the ends of its lines escaped.
        let text = text.split_once("Torch(\"").map_or(text, |(_, text)| text);
        Err(fold(&text.replace("\\n", " ")))
    })
}
$read
