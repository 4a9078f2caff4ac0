//! Loads weights, runs the network on an input and prints the output:
//! `cargo run -- WEIGHTS INPUT [--output FILE.safetensors]`.

$modules

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use torch_parity::one_line;$repr
use torch_parity::serialization::{Metadata, NamedTensors, OutputFile, load_state_dict, read_safetensors};
use $crate::{$class, answer};
use tch::Device;
use tch::nn::VarStore;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (weights, input, output) = match &arguments[..] {
        [weights, input] => (weights, input, None),
        [weights, input, option, output] if option == Path::new("--output") => {
            (weights, input, Some(output.as_path()))
        }
        _ => {
            eprintln!("error: expected WEIGHTS and $input, perhaps --output FILE.safetensors");
            return ExitCode::from(2);
        }
    };
    match run(weights, input, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(weights: &Path, input: &Path, output: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let vs = VarStore::new(Device::Cpu);
    let network = $class::new(&vs.root());
    load_state_dict(&vs, weights)?;
    let inputs = $read_input;
    let answers: NamedTensors =
        answer(&network, &inputs).map_err(|error| format!("{}: {error}", input.display()))?;
    for $for {
        $print
    }
    if let Some(output) = output {
        OutputFile::create(output)?.write_safetensors(&answers, Metadata::new())?;
    }
    Ok(())
}
$read
