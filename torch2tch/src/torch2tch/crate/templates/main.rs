//! Loads weights, runs the network on an input and prints the output:
//! `cargo run -- WEIGHTS INPUT.safetensors`.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use torch_parity::one_line;
use torch_parity::print::repr;
use torch_parity::serialization::{load_state_dict, read_safetensors};
use $crate::{$class, answer};
use tch::Device;
use tch::nn::VarStore;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, input] = &arguments[..] else {
        eprintln!("error: expected WEIGHTS (.safetensors, .pt or .pth) and INPUT.safetensors");
        return ExitCode::from(2);
    };
    match run(Path::new(weights), Path::new(input)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(weights: &Path, input: &Path) -> Result<(), Box<dyn Error>> {
    let vs = VarStore::new(Device::Cpu);
    let network = $class::new(&vs.root());
    load_state_dict(&vs, weights)?;
    let inputs = read_safetensors(input)?;
    let answers =
        answer(&network, &inputs).map_err(|error| format!("{}: {error}", input.display()))?;
    for (name, tensor) in answers {
        println!("{name}: {}", repr(&tensor)?);
    }
    Ok(())
}
