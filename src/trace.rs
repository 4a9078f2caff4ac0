//! The trace: every tensor of a training run, to be compared with Python's.
//!
//! For a few steps on random data ([`record`]):
//!
//! | key | content | shape |
//! | --- | --- | --- |
//! | `input`, `target` | the batch that every step uses | `(N, features)`, the task's |
//! | `init.<name>` | the parameters and buffers before step 1 | their own |
//! | `output`, and the task's readings of it | the output of step 1, before the weights change | `(N, …)` |
//! | `losses` | the loss of each step | `(steps,)` |
//! | `grad.<name>` | the gradients of step 1, for the parameters that have one | the parameter's |
//! | `step1.<name>`, `step<steps>.<name>` | parameters and buffers after these steps | their own |
//!
//! For training on a data set ([`insert_epoch`]), for each epoch, counted from 1:
//!
//! | key | content | shape |
//! | --- | --- | --- |
//! | `epoch<k>.losses` | the loss of each batch | `(batches,)` |
//! | `epoch<k>.loss` | their mean over the samples, float64 | `()` |
//! | `epoch<k>.<name>` | the parameters and buffers | their own |
//! | `epoch<k>.optimizer.<i>.<name>` | the optimizer's state of parameter `i` | the state's |
//! | `epoch<k>.output` | the outputs for the held-back samples | `(N, …)` |
//! | `metric.epoch<k>.<name>` | their metrics, float64 | `()` |
//!
//! The names are those of the state dict. If inputs, targets or outputs are several tensors, the
//! keys are `input.0`, `input.1` and so on ([`Tensors`]).

use anyhow::Result;
use tch::{Device, Tensor};

use crate::metrics::Evaluation;
use crate::tasks::{Dataset, Model, Network, Objective, Tensors};
use crate::torch::optim::Optimizer;
use crate::torch::serialization::NamedTensors;
use crate::training::{Epoch, Training, forward_and_backward};

/// Trains `model` for `steps` steps on one random batch and records the tensors.
///
/// Draws the input, then the target, from the global generator, which must be in the state in which
/// building the model left it.
///
/// # Errors
/// If the batch does not fit into memory, or if training diverges so far that the loss cannot be
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
    insert_tensors(&mut trace, "input", &input);
    insert_tensors(&mut trace, "target", &target);
    let mut losses = Vec::with_capacity(steps);
    insert_state(&mut trace, model, "init");
    for number in 1..=steps {
        let step = forward_and_backward(model, optimizer, &input, &target)?;
        losses.push(step.loss);
        if number == 1 {
            for (name, reading) in N::Task::readings(&step.output) {
                trace.insert(name.to_owned(), reading);
            }
            insert_tensors(&mut trace, "output", &step.output);
            insert_gradients(&mut trace, model);
        }
        optimizer.step()?;
        if number == 1 || number == steps {
            insert_state(&mut trace, model, &format!("step{number}"));
        }
    }
    trace.insert("losses".to_owned(), Tensor::stack(&losses, 0));
    Ok(trace)
}

/// Adds the results of an epoch, and the network's outputs for the held-back samples after it.
pub fn insert_epoch<N: Network<Task: Dataset>>(
    trace: &mut NamedTensors,
    training: &Training<N>,
    epoch: &Epoch,
    output: &N::Output,
    evaluation: &Evaluation,
) {
    let prefix = format!("epoch{}", epoch.number);
    insert_state(trace, &training.model, &prefix);
    insert_tensors(trace, &format!("{prefix}.output"), output);
    let mut insert = |name: &str, tensor: Tensor| {
        insert_tensors(trace, &format!("{prefix}.{name}"), &tensor);
    };
    for (name, state) in training.optimizer.state_dict().tensors() {
        insert(&format!("optimizer.{name}"), state);
    }
    insert("losses", Tensor::from_slice(&epoch.losses));
    insert("loss", Tensor::from(epoch.mean_loss));
    for metric in &evaluation.metrics {
        let name = format!("metric.{prefix}.{}", metric.name);
        trace.insert(name, Tensor::from(metric.value));
    }
}

/// Records a copy of every parameter and buffer under `<prefix>.<name>`.
fn insert_state<N: Network>(trace: &mut NamedTensors, model: &Model<N>, prefix: &str) {
    for (name, tensor) in model.vs.variables() {
        insert_tensors(trace, &format!("{prefix}.{name}"), &tensor);
    }
}

/// Records the gradients. Buffers have none, nor have frozen parameters or those that the loss does
/// not depend on.
fn insert_gradients<N: Network>(trace: &mut NamedTensors, model: &Model<N>) {
    for (name, parameter) in model.vs.variables() {
        let gradient = parameter.grad();
        if gradient.defined() {
            insert_tensors(trace, &format!("grad.{name}"), &gradient);
        }
    }
}

/// Records copies under `name`, which later steps do not change.
fn insert_tensors(trace: &mut NamedTensors, name: &str, tensors: &impl Tensors) {
    tensors.visit(name, &mut |name, tensor| {
        let copy = tensor.detach().to_device(Device::Cpu).copy();
        trace.insert(name, copy);
    });
}
