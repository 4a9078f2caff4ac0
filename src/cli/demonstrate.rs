//! Without a command: the document's demonstration.

use std::io::Write;

use anyhow::Result;
use tch::no_grad;

use super::common::{Common, print};
use crate::tasks::{Network, Task, draw_input};
use crate::torch::print::repr;

pub(super) fn run<N: Network>(common: &Common) -> Result<()> {
    let model = common.model::<N>()?;
    let input = draw_input::<N::Task>(1)?.to_device(model.vs.device());
    let output = no_grad(|| model.network.forward(&input));
    let mut lines = Vec::new();
    for (label, tensor) in N::Task::report(&output) {
        lines.push(format!("{label} {}\n", repr(&tensor)?));
    }
    print(|stdout| stdout.write_all(lines.concat().as_bytes()))
}
