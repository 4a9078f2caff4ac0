//! `torch.optim`: SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, NAdam and RAdam with Python's
//! arguments, Python's defaults and Python's bits.
//!
//! They are written out from tensor operations, each line beside the Python line that it mirrors.
//! SGD, Adam and AdamW do the same in fewer passes over memory where a check finds the same bits
//! (`elementwise.rs`); what the others share is in `single_tensor.rs`. Only the learning rate has to
//! be given: `RmsPropConfig::new(0.01)` is `torch.optim.RMSprop(params, lr=0.01)`, and Python's default
//! rate is 0.01 in RMSprop and Adagrad, 1 in Adadelta, 0.002 in Adamax and NAdam, 0.001 in the others.
//!
//! `tch` has some of them, too, from C++, but its Adam orders the operations otherwise and parts from Python
//! at the second step, and none of its optimizers gives its state away, without which training
//! cannot go on where it stopped:
//!
//! | | C++ (`tch`) | Python |
//! | --- | --- | --- |
//! | first moment | `m.mul_(β₁).add_(g, 1 − β₁)` | `m.lerp_(g, 1 − β₁)` |
//! | second bias correction | `sqrt(1 − β₂ᵗ)` | `(1 − β₂ᵗ) ** 0.5` |
//!
//! ```
//! use torch_parity::nn::VarStore;
//! use torch_parity::optim::{Adam, AdamConfig, Optimizer, ParamGroup};
//! use tch::{Device, Kind};
//!
//! let vs = VarStore::new(Device::Cpu);
//! let w = vs.root().ones("w", &[3]);
//! let b = vs.root().ones("b", &[3]);
//! // Adam([{"params": [w]}, {"params": [b], "lr": 0.01}], lr=0.1)
//! let groups = [
//!     ParamGroup::new(vec![w.shallow_clone()]),
//!     ParamGroup::new(vec![b.shallow_clone()]).with("lr", 0.01),
//! ];
//! let mut optimizer = Adam::new(groups, AdamConfig::adam(0.1))?;
//! optimizer.zero_grad(true)?;
//! (&w + &b).sum(Kind::Float).backward();
//! optimizer.step()?;
//! assert_eq!(optimizer.lr(1), 0.01);
//! # Ok::<(), torch_parity::Error>(())
//! ```
//!
//! # On a GPU
//!
//! What is said of bits holds on a CPU. On a GPU nothing is measured yet (`scripts/checks/gpu_parity.py`
//! will). The operations are those of Python's `foreach=False`, with their factors, so libtorch's
//! kernels should agree there, too. By default Python takes all parameters on a GPU at once
//! (`foreach`), and then parts from its own `foreach=False`: that multiplies √v by the reciprocal of
//! `bias_correction2_sqrt` (`BinaryDivTrueKernel.cu`), while `foreach` divides
//! (`ForeachFunctors.cuh`).
//!
//! On a CPU Python's default is one parameter after another. Its `foreach=True` gives the same bits
//! there but for NAdam and RAdam, which compute the denominator otherwise; there it is refused.
//!
//! Source: `torch/optim/optimizer.py`, the file in `torch/optim/` that is called as the optimizer
//! (`_single_tensor_…`), `torch/csrc/api/src/optim/adam.cpp`.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod elementwise;
pub mod lr_scheduler;
mod nadam;
mod optimizer;
mod param_group;
mod radam;
mod rmsprop;
mod setting;
mod sgd;
mod single_tensor;
mod state_dict;

use std::sync::Once;

use tch::Tensor;

pub use adadelta::{Adadelta, AdadeltaConfig};
pub use adagrad::{Adagrad, AdagradConfig};
pub use adam::{Adam, AdamConfig, AdamState};
pub use adamax::{Adamax, AdamaxConfig};
pub use nadam::{NAdam, NAdamConfig};
pub use optimizer::{Optimizer, OptimizerOf, Rule};
pub use param_group::{ParamGroup, ParamGroups};
pub use radam::{RAdam, RAdamConfig};
pub use rmsprop::{RmsProp, RmsPropConfig};
pub use setting::{Setting, Settings, Taking};
pub use sgd::{Sgd, SgdConfig, SgdState};
pub use state_dict::{SavedGroup, StateDict};

use crate::native::clone;
use crate::{Error, Result};

fn refused<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::Argument(text.into()))
}

/// Python's message for a number that is out of range.
fn invalid<T>(what: &str, number: f64) -> Result<T> {
    // Python's repr has a sign and two digits in an exponent, and writes nan small.
    let number = format!("{number:?}").to_lowercase();
    let number = match number.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => number,
    };
    refused(format!("{what}: {number}"))
}

/// Refuses a learning rate that is negative or NaN.
fn check_lr(lr: f64) -> Result<()> {
    match lr >= 0. {
        true => Ok(()),
        false => invalid("Invalid learning rate", lr),
    }
}

/// Refuses another argument that is negative or NaN.
fn check_value(name: &str, value: f64) -> Result<()> {
    match value >= 0. {
        true => Ok(()),
        false => invalid(&format!("Invalid {name} value"), value),
    }
}

/// Refuses decays that are not between 0 and 1.
fn check_betas((beta1, beta2): (f64, f64)) -> Result<()> {
    for (i, beta) in [beta1, beta2].into_iter().enumerate() {
        if !(0. ..1.).contains(&beta) {
            return invalid(&format!("Invalid beta parameter at index {i}"), beta);
        }
    }
    Ok(())
}

/// Refuses the arguments under which Python would run another form of an optimizer, whose bits are
/// not known to be the same here.
fn refuse_other_forms(
    foreach: Option<bool>,
    fused: Option<bool>,
    differentiable: bool,
    capturable: bool,
) -> Result<()> {
    let fused = fused == Some(true);
    match () {
        () if fused && differentiable => refused("`fused` does not support `differentiable`"),
        () if fused && foreach == Some(true) => {
            refused("`fused` and `foreach` cannot be `True` together.")
        }
        () if fused => refused("fused=True is not supported: its kernel rounds otherwise"),
        () if differentiable => {
            refused("differentiable=True is not supported: autograd does not record a step")
        }
        () if capturable => {
            refused("capturable=True is not supported: it is for steps that a GPU records")
        }
        () => Ok(()),
    }
}

/// Refuses a gradient or state that has not the shape of the parameter, before anything moves: what
/// Python refuses where a gradient is assigned.
fn check_shapes(param: &Tensor, others: &[&Tensor]) -> Result<()> {
    let expected = param.size();
    match others.iter().find(|other| other.size() != expected) {
        Some(other) => Err(Error::Tensor(format!(
            "the gradient or state of a parameter has shape {:?}, expected {expected:?}",
            other.size()
        ))),
        None => Ok(()),
    }
}

/// A copy of what was saved, on the device of the parameter.
fn copied(saved: &Tensor, param: &Tensor) -> Result<Tensor> {
    Ok(clone(&saved.f_detach()?.f_to_device(param.device())?)?)
}

/// Takes one square root on one thread, before two threads take the first ones of the process.
///
/// Without this, in 1 of 60 fresh processes on one machine, one thread's share of the first Adam step
/// came out 3e-4 off (relative), from equal gradients. The square root is the one operation of the step
/// that libtorch leaves to a mathematics library (MKL), so its set-up by two threads at once is the
/// likely cause. Python calls the same library, and its reference here does the same.
fn prepare_sqrt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(Tensor::from(1f32).sqrt()));
}
