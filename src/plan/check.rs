//! The check that a plan gives autograd's bits for one batch size and number of threads: it repeats
//! a batch that autograd has just run.

use anyhow::{Context, Result, bail, ensure};
use tch::nn::VarStore;
use tch::{Kind, Tensor};

use super::backward::Step;
use super::chain::{Chain, Layer};
use super::forward::Forward;
use crate::torch::native::tensor_id;

/// The result of comparing a plan with autograd.
#[derive(Debug)]
pub(super) enum Verdict<P> {
    /// Equal to autograd to the bit, on a batch that would expose a mismatch.
    Equal(P),
    /// Equal, but on a batch that would not expose every mismatch; the next batch is compared as
    /// well.
    Blind,
}

/// A plan for training steps whose output, loss and gradients for this batch equal autograd's,
/// which are passed in and in the parameters.
///
/// # Errors
/// If there can be no plan, or if a tensor differs; the message names it.
pub(super) fn step(
    vs: &VarStore,
    chain: &Chain,
    [input, target]: [&Tensor; 2],
    [output, loss]: [&Tensor; 2],
) -> Result<Verdict<Step>> {
    let variables = vs.variables();
    let forward = Forward::new(chain, &variables, rows(input)?)?;
    let mut plan = Step::new(forward, chain.1)?;
    ensure!(
        plan.is_for(input, target),
        "a plan does not support such tensors"
    );
    let [planned_output, planned_loss] = plan.compute(input, target)?;
    ensure_equal("the output", output, &planned_output)?;
    ensure_equal("the loss", loss, &planned_loss)?;
    let planned: Vec<_> = plan.gradients().collect();
    let mut is_blind = is_blind(plan.forward())?;
    for (name, parameter) in &variables {
        let gradient = parameter.grad();
        let what = format!("the gradient of {name}");
        match planned
            .iter()
            .find(|(of, _)| tensor_id(of) == tensor_id(parameter))
        {
            Some((_, planned)) => ensure_equal(&what, &gradient, planned)?,
            None => ensure!(!gradient.defined(), "{what} is not in the chain"),
        }
        is_blind |= gradient.defined() && !any(&gradient.ne(0.))?;
    }
    Ok(if is_blind {
        Verdict::Blind
    } else {
        Verdict::Equal(plan)
    })
}

/// A plan for predictions whose output for this batch equals the network's.
///
/// # Errors
/// If there can be no plan, or if the output differs.
pub(super) fn prediction(
    vs: &VarStore,
    chain: &Chain,
    input: &Tensor,
    output: &Tensor,
) -> Result<Verdict<Forward>> {
    let mut plan = Forward::new(chain, &vs.variables(), rows(input)?)?;
    ensure!(plan.takes(input), "a plan does not support such tensors");
    ensure_equal("the output", output, plan.run(input)?)?;
    Ok(if is_blind(&plan)? {
        Verdict::Blind
    } else {
        Verdict::Equal(plan)
    })
}

/// Returns true if the batch that has just run might give the same result without one of the
/// activations, or with other weights.
fn is_blind(forward: &Forward) -> Result<bool> {
    for layer in &forward.layers {
        let y = layer.output.get();
        let shows = match layer.activation {
            Some(Layer::Relu) => any(&y.eq(0.))? && any(&y.gt(0.))?,
            Some(Layer::LeakyRelu(_)) => any(&y.lt(0.))? && any(&y.gt(0.))?,
            Some(Layer::Tanh | Layer::Sigmoid | Layer::Linear(_)) | None => any(&y.ne(0.))?,
        };
        if !shows || !any(&layer.weight.handle.ne(0.))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of samples in a batch.
fn rows(input: &Tensor) -> Result<i64> {
    input.size().first().copied().context("a batch has no rows")
}

fn any(flags: &Tensor) -> Result<bool> {
    Ok(bool::try_from(flags.any())?)
}

/// Returns an error unless the tensors are equal to the bit.
fn ensure_equal(what: &str, expected: &Tensor, found: &Tensor) -> Result<()> {
    ensure!(expected.defined(), "{what} is missing in autograd");
    let (size, planned) = (expected.size(), found.size());
    if size != planned || expected.kind() != Kind::Float {
        let kind = expected.kind();
        bail!("{what} is {kind:?} {size:?}, but Float {planned:?} in the plan");
    }
    let bits = |tensor: &Tensor| tensor.contiguous().view_dtype(Kind::Int);
    let differing = bits(expected).ne_tensor(&bits(found)).sum(Kind::Int64);
    let differing = i64::try_from(differing)?;
    if differing > 0 {
        let count = expected.numel();
        let most = f64::try_from((expected - found).abs().max())?;
        bail!("{what} differs in {differing} of {count} numbers, by {most:.1e} at most");
    }
    Ok(())
}
