//! Without a command: the article's demonstration.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use tch::no_grad;

use super::common::{Common, stdout};
use crate::tasks::{Network, Objective, Tensors};
use crate::torch::print::repr;

pub(super) fn run<N: Network>(common: &Common) -> Result<ExitCode> {
    let model = common.model::<N>()?;
    let input = N::Task::draw_input(1)?.to_device(model.vs.device());
    // Evaluation mode, since in training mode batch norm does not support a single sample.
    let output = no_grad(|| model.network.call(&input, false));
    let mut stdout = stdout();
    for (label, tensor) in N::Task::report(&output) {
        writeln!(stdout, "{label} {}", repr(&tensor)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
