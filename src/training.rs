//! The training step, the same for every network.

use tch::Tensor;

use crate::tasks::{Model, Network, Task};
use crate::torch::optim::Optimizer;

/// What one step computed before it moved the weights.
#[derive(Debug)]
pub struct Step {
    /// The network's output, `(N, …)`, without gradient.
    pub output: Tensor,
    /// The loss, a float32 scalar, without gradient.
    pub loss: Tensor,
}

/// Zeroes the gradients, runs the network forward and the loss backward. The gradients are then in
/// the parameters, and `optimizer.step()` is the caller's.
pub fn forward_and_backward<N: Network>(
    model: &Model<N>,
    optimizer: &mut dyn Optimizer,
    input: &Tensor,
    target: &Tensor,
) -> Step {
    optimizer.zero_grad();
    let output = model.network.forward(input);
    let loss = N::Task::loss(&output, target);
    loss.backward();
    Step {
        output: output.detach(),
        loss: loss.detach(),
    }
}
