//! The algorithms of `torch.optim`: the update of one parameter, and the common parts of the
//! updates.

use std::sync::Once;

use tch::Tensor;

use super::arguments::{Arguments, refuse_other_forms};
use super::refused;
use super::setting::{Setting, Settings};
use super::state::{STEP, State};
use crate::native::{add, addcmul_, lerp_, mul_};
use crate::{Error, Result};

/// An algorithm of `torch.optim`, as in Python's `_single_tensor_…`. The value holds its arguments;
/// [`OptimizerOf`](super::OptimizerOf) does the rest.
pub trait Rule: Arguments {
    /// The numbers in the state of each parameter, with their initial values: float32, as in
    /// Python.
    const NUMBERS: &'static [(&'static str, f32)] = &[(STEP, 0.)];

    /// The tensors in the state, with the parameter's shape, dtype and device.
    const TENSORS: &'static [&'static str];

    /// True if Python's `foreach=True` gives the same bits on a CPU.
    const FOREACH_IS_EQUAL: bool = true;

    /// Python's checks of arguments that depend on each other.
    ///
    /// # Errors
    /// With Python's message.
    fn check_together(&self) -> Result<()> {
        Ok(())
    }

    /// Adds entries that a group saved by an older version of Python's class lacks, as
    /// `__setstate__` does, except for flags with their defaults.
    fn set_state(&self, _saved: &mut Settings) {}

    /// Returns true if the state has the tensor `name` of [`Rule::TENSORS`] from the first step on,
    /// initially zeros.
    fn keeps(&self, _name: &str) -> bool {
        true
    }

    /// The argument that schedulers call momentum.
    fn momentum(&mut self) -> Option<&mut f64> {
        None
    }

    /// Returns an error if sparse gradients are not supported.
    ///
    /// # Errors
    /// With Python's message.
    fn check_sparse(&self) -> Result<()> {
        let class = Self::PYTHON;
        refused(format!("{class} does not support sparse gradients"))
    }

    /// The state of a parameter before its first update, if the optimizer creates it at
    /// construction. `self` has the defaults, not the settings of the parameter's group.
    ///
    /// # Errors
    /// If there is not enough memory.
    fn initial(&self, _param: &Tensor) -> Result<Option<State>> {
        Ok(None)
    }

    /// Returns true if [`Rule::elementwise`] gives the bits of [`Rule::single_tensor`] on this
    /// processor.
    fn elementwise_is_exact() -> bool {
        false
    }

    /// Updates one parameter in fewer passes over memory. Returns false, without any change, if it
    /// does not support these arguments or tensors.
    ///
    /// # Errors
    /// If there is not enough memory.
    fn elementwise(&self, _param: &Tensor, _grad: &Tensor, _state: &mut State) -> Result<bool> {
        Ok(false)
    }

    /// Updates one parameter, line by line as in Python. The gradient is negated if the optimizer
    /// maximizes.
    ///
    /// # Errors
    /// If libtorch returns an error.
    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()>;
}

/// Checks all arguments as Python's constructor does, and refuses other implementations of the
/// algorithm.
pub(super) fn check<R: Rule>(rule: &R) -> Result<()> {
    rule.check_ranges()?;
    rule.check_together()?;
    refuse_other_forms(&rule.entries(), R::FOREACH_IS_EQUAL)
}

/// The rule given by the entries of a parameter group, and the entries that are not its arguments.
pub(super) fn parse<R: Rule>(mut entries: Settings) -> Result<(R, Settings)> {
    let rule = R::from_entries(&entries)?;
    let known = rule.entries();
    refuse_other_forms(&known, R::FOREACH_IS_EQUAL)?;
    entries.retain(|name, _| !known.contains_key(name));
    Ok((rule, entries))
}

/// Adds entries that a saved group may lack: as in Python, the flags.
pub(super) fn set_state<R: Rule>(defaults: &R, saved: &mut Settings) {
    defaults.set_state(saved);
    for (name, value) in R::defaults(0.).entries() {
        if matches!(value, Setting::Bool(_) | Setting::None) {
            saved.entry(name).or_insert(value);
        }
    }
}

/// Updates one parameter by its gradient, with gradients disabled. Creates the state at the same
/// moment as Python.
pub(super) fn update<R: Rule>(
    rule: &R,
    param: &mut Tensor,
    grad: &Tensor,
    state: &mut Option<State>,
) -> Result<()> {
    let state = match state {
        Some(state) => state,
        None => state.insert(State::new(rule, param)?),
    };
    if R::elementwise_is_exact() && rule.elementwise(param, grad, state)? {
        return Ok(());
    }
    prepare_sqrt();
    check_shapes(param, state.tensors().chain([grad]))?;
    match rule.maximize() {
        true => rule.single_tensor(param, &grad.f_neg()?, state),
        false => rule.single_tensor(param, grad, state),
    }
}

/// Returns an error if a gradient or state does not have the shape of the parameter, before
/// anything is updated: Python refuses it when a gradient is assigned.
fn check_shapes<'a>(param: &Tensor, mut others: impl Iterator<Item = &'a Tensor>) -> Result<()> {
    let expected = param.size();
    match others.find(|other| other.size() != expected) {
        Some(other) => Err(Error::Tensor(format!(
            "the gradient or state of a parameter has shape {:?}, expected {expected:?}",
            other.size()
        ))),
        None => Ok(()),
    }
}

/// Computes one square root on one thread, before two threads compute the first ones of the
/// process.
///
/// Without this, in 1 of 60 fresh processes on one machine, one thread's share of the first Adam
/// step had a relative error of 3e-4, from equal gradients. The square root is the only operation
/// of the step that libtorch delegates to a mathematics library (MKL), so its initialization by two
/// threads at once is the likely cause. Python calls the same library, and our Python reference
/// takes the same precaution.
fn prepare_sqrt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(Tensor::from(1f32).sqrt()));
}

/// `grad.add(param, alpha=weight_decay)`, if there is a weight decay.
pub(super) fn with_decay(grad: &Tensor, param: &Tensor, weight_decay: f64) -> Result<Tensor> {
    match weight_decay != 0. {
        true => Ok(add(grad, param, weight_decay)?),
        false => Ok(grad.shallow_clone()),
    }
}

/// Applies the weight decay of AdamW if it is decoupled, otherwise [`with_decay`]. Returns the
/// gradient.
pub(super) fn decay(
    param: &mut Tensor,
    grad: &Tensor,
    lr: f64,
    weight_decay: f64,
    decoupled: bool,
) -> Result<Tensor> {
    if weight_decay != 0. && decoupled {
        mul_(param, 1. - lr * weight_decay)?; // param.mul_(1 - lr * weight_decay)
        return Ok(grad.shallow_clone());
    }
    with_decay(grad, param, weight_decay)
}

/// Updates the running averages of the gradient and of its square.
pub(super) fn update_moments(
    exp_avg: &mut Tensor,
    exp_avg_sq: &mut Tensor,
    grad: &Tensor,
    (beta1, beta2): (f64, f64),
) -> Result<()> {
    lerp_(exp_avg, grad, 1. - beta1)?; // exp_avg.lerp_(grad, 1 - beta1)
    // exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    mul_(exp_avg_sq, beta2)?;
    Ok(addcmul_(exp_avg_sq, grad, grad, 1. - beta2)?)
}

/// `torch.view_as_real(tensor)`, if the parameter is complex.
pub(super) fn real(is_complex: bool, tensor: &Tensor) -> Result<Tensor> {
    match is_complex {
        true => Ok(tensor.f_view_as_real()?),
        false => Ok(tensor.shallow_clone()),
    }
}
