//! Training: the one loop, for every network.

mod algorithm;

use std::ops::ControlFlow;

use anyhow::{Context, Result, bail};
use tch::Tensor;

pub use algorithm::Algorithm;

use crate::data::Samples;
use crate::evaluation::not_finite;
use crate::tasks::{Dataset, Model, Network, Objective};
use crate::torch::data::ShuffledOrder;
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
///
/// # Errors
/// If the output is one that libtorch computes no loss of.
pub fn forward_and_backward<N: Network>(
    model: &Model<N>,
    optimizer: &mut dyn Optimizer,
    input: &Tensor,
    target: &Tensor,
) -> Result<Step> {
    optimizer.zero_grad();
    let output = model.network.forward_t(input, true);
    let loss = N::Task::loss(&output, target)?;
    loss.backward();
    Ok(Step {
        output: output.detach(),
        loss: loss.detach(),
    })
}

/// Where training stands: after `losses.len()` batches of the epoch that follows `epochs`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Position {
    /// The epochs behind it.
    pub epochs: usize,
    /// The loss of each batch of the present epoch so far.
    pub losses: Vec<f32>,
}

/// What a finished epoch came to.
#[derive(Debug)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: usize,
    /// The loss of each batch.
    pub losses: Vec<f32>,
    /// The mean of the losses over the samples.
    pub mean_loss: f64,
}

/// A network in training.
pub struct Training<N: Network<Task: Dataset>> {
    /// The network.
    pub model: Model<N>,
    /// What moves its weights.
    pub optimizer: Box<dyn Optimizer>,
    /// The order of the samples in every epoch.
    pub order: ShuffledOrder,
    /// Where it stands.
    pub position: Position,
}

/// What goes on beside training; by default, nothing.
pub trait Observer<N: Network<Task: Dataset>> {
    /// After each step, which took `samples` samples; its loss is the position's last. Training
    /// ends here if the answer is to break.
    fn after_step(&mut self, _position: &Position, _samples: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// After each epoch.
    ///
    /// # Errors
    /// Whatever is to end training.
    fn after_epoch(&mut self, _training: &Training<N>, _epoch: &Epoch) -> Result<()> {
        Ok(())
    }
}

/// Nobody watches.
impl<N: Network<Task: Dataset>> Observer<N> for () {}

impl<N: Network<Task: Dataset>> Training<N> {
    /// Training that is about to begin. The loader draws when an epoch starts, so build the model
    /// just before, as in Python.
    pub fn new(model: Model<N>, optimizer: Box<dyn Optimizer>, order: ShuffledOrder) -> Self {
        Self {
            model,
            optimizer,
            order,
            position: Position::default(),
        }
    }

    /// Trains from where it stands to the end of the last epoch drawn, or until `observer` breaks,
    /// which leaves it between two batches.
    ///
    /// # Errors
    /// If a loss is not finite, or the weights between epochs are not; or what the observer fails
    /// with.
    pub fn run(
        &mut self,
        samples: &Samples,
        observer: &mut impl Observer<N>,
    ) -> Result<ControlFlow<()>> {
        while self.position.epochs < self.order.epochs() {
            let batches = self.order.batches(self.position.epochs);
            for batch in &batches[self.position.losses.len()..] {
                self.step(samples, batch, batches.len())?;
                if observer
                    .after_step(&self.position, batch.numel())
                    .is_break()
                {
                    self.check_weights()?;
                    return Ok(ControlFlow::Break(()));
                }
            }
            self.check_weights()?;
            let losses = std::mem::take(&mut self.position.losses);
            self.position.epochs += 1;
            let epoch = Epoch {
                number: self.position.epochs,
                mean_loss: mean_loss(&losses, &batches),
                losses,
            };
            observer.after_epoch(self, &epoch)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A finite loss may still have a gradient that is not.
    fn check_weights(&self) -> Result<()> {
        if let Some(name) = not_finite(&self.model.vs)? {
            let (epoch, batch) = (self.position.epochs + 1, self.position.losses.len());
            bail!("training stopped after batch {batch} of epoch {epoch}: {name} is not finite");
        }
        Ok(())
    }

    fn step(&mut self, samples: &Samples, batch: &Tensor, batches: usize) -> Result<()> {
        let device = self.model.vs.device();
        let (features, target) = samples.batch(batch);
        let input = N::Task::to_input(&features).to_device(device);
        let target = target.to_device(device);
        let Position { epochs, losses } = &self.position;
        let (epoch, batch) = (epochs + 1, losses.len() + 1);
        let number = epochs * batches + batch;
        let here = || format!("training stopped at step {number} (epoch {epoch}, batch {batch})");
        let step = forward_and_backward(&self.model, self.optimizer.as_mut(), &input, &target)
            .with_context(here)?;
        let loss = step.loss.double_value(&[]) as f32;
        if !loss.is_finite() {
            let cause = not_finite(&self.model.vs)?;
            let cause =
                cause.map_or_else(String::new, |name| format!(", and {name} is not finite"));
            bail!("{}: the loss is {loss}{cause}", here());
        }
        self.optimizer.step();
        self.position.losses.push(loss);
        Ok(())
    }
}

/// The mean over the samples: each loss is a mean over its batch, and the last batch may be short.
fn mean_loss(losses: &[f32], batches: &[Tensor]) -> f64 {
    let sizes = batches.iter().map(|batch| batch.numel() as f64);
    let weighted = losses.iter().zip(sizes.clone());
    let sum: f64 = weighted.map(|(&loss, n)| f64::from(loss) * n).sum();
    sum / sizes.sum::<f64>()
}
