//! `torch.optim`: SGD, Adam and AdamW with Python's defaults and Python's bits.
//!
//! They are written out from tensor operations, each line beside the Python line that it mirrors, and
//! do the same in fewer passes over memory where a check finds the same bits (`elementwise.rs`; this
//! goes past autograd, so a graph kept over a step is not refused as in Python: run it anew).
//! `tch` has them too, from C++, but its Adam orders the operations otherwise and parts from Python
//! at the second step, and none of its optimizers gives its state away, without which training
//! cannot go on where it stopped:
//!
//! | | C++ (`tch`) | Python |
//! | --- | --- | --- |
//! | first moment | `m.mul_(β₁).add_(g, 1 − β₁)` | `m.lerp_(g, 1 − β₁)` |
//! | second bias correction | `sqrt(1 − β₂ᵗ)` | `(1 − β₂ᵗ) ** 0.5` |
//!
//! # On a GPU
//!
//! What is said of bits holds on a CPU. On a GPU nothing is measured yet (`scripts/gpu_parity.py`
//! will); this is what libtorch's sources let one expect there:
//!
//! * Input, initial parameters and the first output and gradients come from the same kernels on
//!   both sides. SGD, too: `a + α·b` is one fused multiply-add in Python's `add_` and in the
//!   `addcmul_` that stands for it here.
//! * Adam and AdamW part from Python in the last bit, already at step 1. There `addcmul` is
//!   `fma(value, b·c, a)` and `addcdiv` is `fma(value, b / c, a)` (`DeviceAddCmulCdiv.cuh`, the
//!   same in torch 2.11 to 2.13), where a CPU multiplies `value` into `b` first, as is done here.
//!   As that kernel takes `value = 1` to `fma(b, c, a)`, what should give Python's bits on a GPU is
//!   `v.addcmul_(g·g, 1 − β₂)` and `p.addcmul_(m / denom, −step_size)`, with the second factor a
//!   tensor full of that number. Open: not written, as no GPU has run it.
//! * By default Python takes all parameters on a GPU at once (`foreach`), and then parts from its
//!   own `foreach=False`: that multiplies √v by the reciprocal of `bias_correction2_sqrt`
//!   (`BinaryDivTrueKernel.cu`), as tch does, while `foreach` divides (`ForeachFunctors.cuh`).
//!
//! Source: `torch/optim/sgd.py`, `torch/optim/adam.py`, `torch/csrc/api/src/optim/adam.cpp`.

mod adam;
mod elementwise;
mod sgd;

use tch::Tensor;

pub use adam::{Adam, AdamConfig};
pub use sgd::{Sgd, SgdConfig};

use crate::torch::Result;
use crate::torch::serialization::NamedTensors;

/// What training asks of an optimizer, as in Python.
pub trait Optimizer {
    /// Forgets the gradients of the last step.
    fn zero_grad(&mut self);

    /// Moves every parameter that has a gradient.
    fn step(&mut self);

    /// The state of parameter `i` under `<i>.<name>`, as in `optimizer.state_dict()["state"]`. The
    /// tensors are the optimizer's own, not copies.
    fn state_dict(&self) -> NamedTensors;

    /// Goes on from a state that [`Optimizer::state_dict`] gave.
    ///
    /// # Errors
    /// If a key is missing or unexpected or a shape or dtype differs. Nothing is loaded then.
    fn load_state_dict(&mut self, state: &NamedTensors) -> Result<()>;
}

/// `optimizer.zero_grad()`.
//
// Python drops the gradients instead, so that the next backward pass stores -0.0 where 0.0 + -0.0
// makes 0.0 here. No weight can tell the two zeros apart; a momentum buffer of zeros could.
fn zero_grad(params: &mut [Tensor]) {
    for param in params {
        param.zero_grad();
    }
}

/// `a.add(b, alpha=alpha)`. The kernel rounds a + α·b once; `tch` has no `alpha`, and `a + b * α`
/// would round twice. `addcmul` rounds once as well, and here its product is α·b.
fn add_alpha(a: &Tensor, b: &Tensor, alpha: f64) -> Tensor {
    a.addcmul(b, &Tensor::full_like(b, alpha))
}

/// `a.add_(b, alpha=alpha)`, as [`add_alpha`].
fn add_alpha_(a: &mut Tensor, b: &Tensor, alpha: f64) {
    let _ = a.addcmul_(b, &Tensor::full_like(b, alpha));
}
