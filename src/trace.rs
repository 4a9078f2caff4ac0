//! The trace: every tensor of training, to be compared with the same from Python.
//!
//! Of a few steps on random data ([`record`]):
//!
//! | key | what | shape |
//! | --- | --- | --- |
//! | `input`, `target` | the one batch that every step sees | `(N, features)`, the task's |
//! | `init.<name>` | the parameters and buffers before step 1 | the parameter's |
//! | `output`, and the task's readings of it | of step 1, before it moves a weight | `(N, …)` |
//! | `losses` | one a step | `(steps,)` |
//! | `grad.<name>` | the gradients of step 1, where there is one | the parameter's |
//! | `step1.<name>`, `step<steps>.<name>` | the parameters and buffers after these steps | the parameter's |
//!
//! Of training on a data set ([`insert_epoch`]), for each epoch, counted from 1:
//!
//! | key | what | shape |
//! | --- | --- | --- |
//! | `epoch<k>.losses` | one a batch | `(batches,)` |
//! | `epoch<k>.loss` | their mean over the samples, float64 | `()` |
//! | `epoch<k>.<name>` | the parameters and buffers | the parameter's |
//! | `epoch<k>.optimizer.<i>.<name>` | the optimizer's state of parameter `i` | the state's |
//! | `epoch<k>.output` | the outputs for the held-back samples | `(N, …)` |
//! | `metric.epoch<k>.<name>` | how good they are, float64 | `()` |

use anyhow::Result;
use tch::{Device, Tensor};

use crate::metrics::Evaluation;
use crate::tasks::{Dataset, Model, Network, Objective};
use crate::torch::optim::Optimizer;
use crate::torch::serialization::NamedTensors;
use crate::training::{Epoch, Training, forward_and_backward};

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
    let input = N::Task::draw_input(batch_size)?.to_device(model.vs.device());
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
        optimizer.step()?;
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

/// Adds what an epoch of training came to, and what the network then made of the held-back samples.
pub fn insert_epoch<N: Network<Task: Dataset>>(
    trace: &mut NamedTensors,
    training: &Training<N>,
    epoch: &Epoch,
    output: &Tensor,
    evaluation: &Evaluation,
) {
    let prefix = format!("epoch{}", epoch.number);
    insert_parameters(trace, &training.model, &prefix, Tensor::shallow_clone);
    let mut insert = |name: &str, tensor: Tensor| {
        let copy = tensor.to_device(Device::Cpu).copy();
        trace.insert(format!("{prefix}.{name}"), copy);
    };
    for (name, state) in training.optimizer.state_dict().tensors() {
        insert(&format!("optimizer.{name}"), state);
    }
    insert("losses", Tensor::from_slice(&epoch.losses));
    insert("loss", Tensor::from(epoch.mean_loss));
    insert("output", output.shallow_clone());
    for metric in &evaluation.metrics {
        let name = format!("metric.{prefix}.{}", metric.name);
        trace.insert(name, Tensor::from(metric.value));
    }
}

/// Records a copy of `part` of every parameter and buffer under `<prefix>.<name>`. A part that is not
/// there, such as the gradient of a buffer, is left out, as where it is `None` in Python.
fn insert_parameters<N: Network>(
    trace: &mut NamedTensors,
    model: &Model<N>,
    prefix: &str,
    part: impl Fn(&Tensor) -> Tensor,
) {
    for (name, parameter) in model.vs.variables() {
        let part = part(&parameter);
        if part.defined() {
            let copy = part.detach().to_device(Device::Cpu).copy();
            trace.insert(format!("{prefix}.{name}"), copy);
        }
    }
}
