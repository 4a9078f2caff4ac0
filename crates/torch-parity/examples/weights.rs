//! Lists or converts weights, without Python:
//!
//! ```sh
//! cargo run -p torch-parity --example weights -- model.pt
//! cargo run -p torch-parity --example weights -- old.ckpt --key state_dict --output new.safetensors
//! ```
//!
//! Reads whatever `load_state_dict` reads and writes `.safetensors`, with the dtypes and names of
//! the file. Exit code 2 for wrong usage, 1 for any other error.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use torch_parity::print::dtype_name;
use torch_parity::serialization::{
    FileKind, LoadOptions, Metadata, OutputFile, is_same_file, read_state_dict,
};
use torch_parity::{Error, one_line, shown, shown_path};

const USAGE: &str = "usage: weights FILE [--key KEY] [--rename REGEX=REPLACEMENT]... \
                     [--output FILE.safetensors]";

/// The arguments.
#[derive(Default)]
struct Arguments {
    file: PathBuf,
    output: Option<PathBuf>,
    options: LoadOptions,
}

/// The arguments of the command line, or a phrase that says what is wrong with them.
fn parse() -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        let text = argument.to_string_lossy().into_owned();
        if !text.starts_with("--") {
            if !arguments.file.as_os_str().is_empty() {
                return Err(format!("unexpected argument {}", shown(&text)));
            }
            arguments.file = argument.into();
            continue;
        }
        let value = given.next().ok_or(format!("{text} needs a value"))?;
        let value_text = value.to_string_lossy().into_owned();
        match text.as_str() {
            "--output" => arguments.output = Some(value.into()),
            "--key" => arguments.options.key = Some(value_text),
            "--rename" => {
                let rename = value_text.parse();
                let rename = rename.map_err(|error| format!("--rename: {error}"))?;
                arguments.options.renames.push(rename);
            }
            _ => return Err(format!("unexpected argument {text}")),
        }
    }
    match (arguments.file.as_os_str().is_empty(), &arguments.output) {
        (true, _) => Err("no file is given".to_owned()),
        (_, Some(output)) if output.extension() != Some("safetensors".as_ref()) => {
            Err("--output: expected a name that ends in .safetensors".to_owned())
        }
        (_, Some(output)) if is_same_file(output, &arguments.file) => {
            Err("--output is the file that is read".to_owned())
        }
        _ => Ok(arguments),
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    // Checked before the work.
    let output = arguments
        .output
        .as_deref()
        .map(|path| OutputFile::replacing(path, FileKind::SAFETENSORS))
        .transpose()?;
    let tensors = read_state_dict(&arguments.file, &arguments.options)?;
    match (output, &arguments.output) {
        (Some(output), Some(path)) => {
            let metadata = Metadata::from([("format".into(), "pt".into())]);
            output.write_safetensors(&tensors, metadata)?;
            eprintln!("{} tensors written to {}", tensors.len(), shown_path(path));
        }
        _ => {
            let mut stdout = std::io::stdout().lock();
            for (name, tensor) in &tensors {
                let (dtype, size) = (dtype_name(tensor.kind()), tensor.size());
                let written = writeln!(stdout, "{}\t{dtype}\t{size:?}", shown(name));
                match written {
                    // As of `head`, which has read enough.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                    written => written.map_err(|source| Error::Write {
                        path: "stdout".into(),
                        source,
                    })?,
                }
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    if std::env::args_os().any(|argument| argument == "--help" || argument == "-h") {
        let _ = writeln!(std::io::stdout(), "{USAGE}");
        return ExitCode::SUCCESS;
    }
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("error: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}
