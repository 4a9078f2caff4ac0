//! The trace: every tensor of a few training steps, to be compared with the same from Python.
//!
//! | key | what | shape |
//! | --- | --- | --- |
//! | `input`, `target` | the one batch that every step sees | `(N, features)`, the task's |
//! | `init.<name>` | the parameters before step 1 | the parameter's |
//! | `output`, and the task's readings of it | of step 1, before it moves a weight | `(N, …)` |
//! | `losses` | one a step | `(steps,)` |
//! | `grad.<name>` | the gradients of step 1 | the parameter's |
//! | `step1.<name>`, `step<steps>.<name>` | the parameters after these steps | the parameter's |

use anyhow::Result;
use tch::{Device, Tensor};

use crate::storage::NamedTensors;
use crate::tasks::{Model, Network, Task, draw_input};
use crate::torch::optim::Optimizer;
use crate::training::forward_and_backward;

/// Trains `model` for `steps` steps on one random batch and records what happens.
///
/// Draws the input, then the target, from the global generator, which is to stand where building
/// the model left it.
///
/// # Errors
/// If the batch needs more memory than there is, or if training diverges to where no loss is
/// computed.
pub fn record<N: Network>(
    model: &Model<N>,
    optimizer: &mut dyn Optimizer,
    batch_size: i64,
    steps: usize,
) -> Result<NamedTensors> {
    let mut trace = NamedTensors::new();
    let input = draw_input::<N::Task>(batch_size)?.to_device(model.vs.device());
    let target = N::Task::draw_target(batch_size)?.to_device(model.vs.device());
    let mut losses = Vec::with_capacity(steps);
    insert_parameters(&mut trace, model, "init", Tensor::shallow_clone);
    for number in 1..=steps {
        let step = forward_and_backward(model, optimizer, &input, &target)?;
        losses.push(step.loss);
        if number == 1 {
            for (name, reading) in N::Task::readings(&step.output) {
                trace.insert(name.to_owned(), reading);
            }
            trace.insert("output".to_owned(), step.output);
            insert_parameters(&mut trace, model, "grad", Tensor::grad);
        }
        optimizer.step();
        if number == 1 || number == steps {
            insert_parameters(
                &mut trace,
                model,
                &format!("step{number}"),
                Tensor::shallow_clone,
            );
        }
    }
    trace.insert("losses".to_owned(), Tensor::stack(&losses, 0));
    trace.insert("input".to_owned(), input);
    trace.insert("target".to_owned(), target);
    Ok(trace)
}

/// Records a copy of `part` of every parameter under `<prefix>.<name>`.
fn insert_parameters<N: Network>(
    trace: &mut NamedTensors,
    model: &Model<N>,
    prefix: &str,
    part: impl Fn(&Tensor) -> Tensor,
) {
    for (name, parameter) in model.vs.variables() {
        let copy = part(&parameter).detach().to_device(Device::Cpu).copy();
        trace.insert(format!("{prefix}.{name}"), copy);
    }
}
