//! Evaluation: a trained network's outputs for unseen samples, and their metrics.

use anyhow::{Result, bail};
use tch::nn::VarStore;
use tch::{Device, Tensor, no_grad};

use crate::data::Samples;
use crate::metrics::Evaluation;
use crate::tasks::{Dataset, Evaluate, Model, Network, Tensors};
use crate::torch::serialization::state_dict;

/// The number of samples per forward pass. The last bits of an output depend on it.
const BATCH_SIZE: i64 = 1024;

/// The network's outputs in evaluation mode, each `(N, …)` and on the CPU, for all features `(N,
/// …)` of [`Samples`], in batches of `batch_size`.
pub fn outputs<N>(model: &Model<N>, features: &Tensor, batch_size: i64) -> N::Output
where
    N: Network<Task: Dataset>,
{
    let device = model.vs.device();
    let output = |features: &Tensor| {
        let input = N::Task::to_input(features).to_device(device);
        model.predict(&input).to_device(Device::Cpu)
    };
    let batches = features.split(batch_size, 0);
    no_grad(|| Tensors::concatenate(&batches.iter().map(output).collect::<Vec<_>>()))
}

/// Returns an error if an output is not finite, since it cannot be read as an answer.
///
/// # Errors
/// If an output is infinite or NaN. The message names the first parameter that is not finite, if
/// any.
pub fn check_finite(vs: &VarStore, output: &impl Tensors) -> Result<()> {
    let mut finite = true;
    for tensor in output.tensors() {
        finite &= bool::try_from(tensor.isfinite().all())?;
    }
    if finite {
        return Ok(());
    }
    let cause = not_finite(vs)?.map_or_else(
        || "; all of its parameters are finite".to_owned(),
        |name| format!("; its parameter {name} is not finite"),
    );
    bail!("the network's outputs are not finite{cause}")
}

/// The name of the first parameter of `vs` that is not finite, if any.
///
/// # Errors
/// If a parameter cannot be read.
pub fn not_finite(vs: &VarStore) -> Result<Option<String>> {
    for (name, parameter) in state_dict(vs) {
        if !bool::try_from(parameter.isfinite().all())? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The network's outputs for all samples, and their metrics.
///
/// # Errors
/// If the outputs cannot be read as answers.
pub fn evaluate<N>(model: &Model<N>, samples: &Samples) -> Result<(N::Output, Evaluation)>
where
    N: Network<Task: Dataset + Evaluate>,
{
    let output = outputs(model, &samples.features, BATCH_SIZE);
    let evaluation = N::Task::evaluate(&output, &N::Task::to_target(&samples.targets))?;
    Ok((output, evaluation))
}
