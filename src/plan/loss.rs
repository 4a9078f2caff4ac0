//! The losses, and their gradients with respect to the network's output, each line beside its
//! formula.
//!
//! N is the number of samples; with K numbers per sample, M = N K.

use tch::{Kind, Tensor};

use super::buffer::{Buffer, empty};
use super::chain::Loss;
use crate::kernels::{
    binary_cross_entropies_out, binary_cross_entropy_backward_out, is_input, log_softmax_backward_,
    log_softmax_out, mean_out, mse_loss_backward_out, mse_losses_out, nll_loss_backward_out,
    nll_loss_out, sigmoid_out, sub_,
};
use crate::torch::Result;
use crate::torch::native::div_;

/// A loss, with buffers for its intermediate results.
#[derive(Debug)]
pub(super) struct Judged {
    loss: Loss,
    size: [i64; 2],
    /// ∂L/∂L
    one: Tensor,
    /// L, a scalar.
    value: Buffer,
    /// ln softmax(y) for the cross-entropy; for the other losses, the loss ℓ of each number: `(N,
    /// K)`.
    each: Tensor,
    /// The total weight of the samples, N; for the cross-entropy only.
    total_weight: Tensor,
}

impl Judged {
    /// For outputs of this size.
    pub fn new(loss: Loss, size: [i64; 2]) -> Result<Self> {
        Ok(Self {
            loss,
            size,
            one: Tensor::from(1f32),
            value: Buffer::new(&[])?,
            each: empty(&size)?,
            total_weight: empty(&[])?,
        })
    }

    /// Returns true if the loss supports `target`.
    pub fn takes(&self, target: &Tensor) -> bool {
        match self.loss {
            Loss::CrossEntropy => is_input(target, Kind::Int64, &self.size[..1]),
            _ => is_input(target, Kind::Float, &self.size),
        }
    }

    /// L, the loss of the output `y` for `target`.
    pub fn forward(&mut self, y: &Tensor, target: &Tensor) -> Result<&Tensor> {
        let loss = self.value.free()?;
        match self.loss {
            Loss::CrossEntropy => {
                let (log_softmax, weight) = (&self.each, &self.total_weight);
                log_softmax_out(log_softmax, y)?; // ln pₙₖ = yₙₖ − ln Σⱼ exp yₙⱼ
                nll_loss_out(loss, weight, log_softmax, target)?; // L = −1/N Σₙ ln pₙₜ, t the target
            }
            Loss::SquaredError => {
                mse_losses_out(&self.each, y, target)?; // ℓ = (y − t)²
                mean_out(loss, &self.each)?; // L = 1/M Σ ℓ
            }
            Loss::BinaryCrossEntropy => {
                binary_cross_entropies_out(&self.each, y, target)?; // ℓ = −t ln y − (1 − t) ln(1 − y)
                mean_out(loss, &self.each)?; // L = 1/M Σ ℓ
            }
            Loss::BinaryCrossEntropyWithLogits => {
                // ℓ = (1 − t) y − ln σ(y): the same with σ(y) in place of y, without a logarithm of
                // 0.
                let (none, no_weight) = (tch::Reduction::None, None::<Tensor>);
                let each = y.f_binary_cross_entropy_with_logits(target, no_weight, None, none)?;
                mean_out(loss, &each)?; // L = 1/M Σ ℓ
            }
        }
        Ok(loss)
    }

    /// Writes ∂L/∂y, after [`Judged::forward`].
    pub fn backward(&self, grad: &Tensor, y: &Tensor, target: &Tensor) -> Result<()> {
        match self.loss {
            Loss::CrossEntropy => {
                let (log_softmax, weight) = (&self.each, &self.total_weight);
                // ∂L/∂ln pₙₖ = −1/N if k is the target, else 0
                nll_loss_backward_out(grad, &self.one, log_softmax, target, weight)?;
                // ∂L/∂yₙₖ = ∂L/∂ln pₙₖ − pₙₖ Σⱼ ∂L/∂ln pₙⱼ = (pₙₖ − [k is the target]) / N
                log_softmax_backward_(grad, log_softmax)?;
            }
            Loss::SquaredError => {
                mse_loss_backward_out(grad, &self.one, y, target)?; // ∂L/∂y = 2 (y − t) / M
            }
            Loss::BinaryCrossEntropy => {
                // ∂L/∂y = (y − t) / (y (1 − y)) / M
                binary_cross_entropy_backward_out(grad, &self.one, y, target)?;
            }
            Loss::BinaryCrossEntropyWithLogits => {
                // ∂L/∂y = (σ(y) − t) / M
                sigmoid_out(grad, y)?;
                sub_(grad, target)?;
                div_(&mut grad.shallow_clone(), y.numel() as f64)?;
            }
        }
        Ok(())
    }
}
