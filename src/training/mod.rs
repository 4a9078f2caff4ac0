//! Training: one loop for every network.

mod algorithm;
mod scheduler;

use std::ops::ControlFlow;

use anyhow::{Context, Result, bail};
use tch::Tensor;

pub use algorithm::{Algorithm, Arguments};
pub use scheduler::{Schedule, Scheduler};

use crate::data::{Gather, Samples};
use crate::evaluation::not_finite;
use crate::tasks::{Dataset, Model, Network, Objective, Tensors};
use crate::torch::Error;
use crate::torch::nn::utils::clip_grad_norm_;
use crate::torch::optim::Optimizer;
use crate::torch::utils::data::{Batches, DataLoader, GeneratorStates};

/// The results of a training step's forward pass.
#[derive(Debug)]
pub struct Step<Output> {
    /// The network's output, each `(N, …)`, detached.
    pub output: Output,
    /// The loss, a float32 scalar, detached.
    pub loss: Tensor,
}

/// Clears the gradients, then runs the forward pass and the backward pass, by the model's
/// [plan](crate::plan) if it has one. This leaves the gradients in the parameters; the caller calls
/// `optimizer.step()`.
///
/// # Errors
/// If libtorch cannot compute the loss of the output.
pub fn forward_and_backward<N: Network>(
    model: &Model<N>,
    optimizer: &mut dyn Optimizer,
    input: &N::Input,
    target: &<N::Task as Objective>::Target,
) -> Result<Step<N::Output>> {
    optimizer.zero_grad(true)?;
    let batch = [input.one(), target.one()];
    if let Some([output, loss]) = model.plans.step(N::CHAIN, batch)
        && let Some(output) = N::Output::from_one(output)
    {
        return Ok(Step { output, loss });
    }
    let output = model.network.call(input, true);
    let loss = N::Task::loss(&output, target)?;
    loss.backward();
    let (output, loss) = (output.detach(), loss.detach());
    let results = [output.one(), Some(&loss)];
    model
        .plans
        .learn_step((N::CHAIN, &model.vs), batch, results);
    Ok(Step { output, loss })
}

/// The progress of training: `epochs` whole epochs and `losses.len()` batches of the next.
#[derive(Clone, Debug, Default)]
pub struct Position {
    /// The number of finished epochs.
    pub epochs: usize,
    /// The loss of each batch of the current epoch so far.
    pub losses: Vec<f32>,
    /// The states of the loader's generators at the start of the current epoch, from which its
    /// order can be drawn again; `None` between epochs.
    pub epoch_start: Option<GeneratorStates>,
}

/// The results of a finished epoch.
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
    /// The optimizer, which updates the weights.
    pub optimizer: Box<dyn Optimizer>,
    /// The learning rate scheduler, if any.
    pub scheduler: Option<Scheduler>,
    /// The maximum norm of a step's gradients; larger gradients are scaled down.
    pub clip_grad_norm: Option<f64>,
    /// The loader, which determines the samples of each step.
    pub loader: DataLoader,
    /// The total number of epochs.
    pub epochs: usize,
    /// The progress so far.
    pub position: Position,
}

/// Callbacks during training; by default, no-ops.
pub trait Observer<N: Network<Task: Dataset>> {
    /// Called after each step, which used `samples` samples; its loss is the last one of the
    /// position. Training ends here if it returns `Break`.
    fn after_step(&mut self, _position: &Position, _samples: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Called after each epoch. Numbers drawn here come before those of the next epoch's order, as
    /// in Python; so write a checkpoint after they are drawn.
    ///
    /// # Errors
    /// Any error ends training.
    fn after_epoch(&mut self, _training: &Training<N>, _epoch: &Epoch) -> Result<()> {
        Ok(())
    }
}

/// An observer that does nothing.
impl<N: Network<Task: Dataset>> Observer<N> for () {}

impl<N: Network<Task: Dataset>> Training<N> {
    /// Training that has not started yet. The loader draws when an epoch starts, so build the model
    /// just before, as in Python.
    pub fn new(
        model: Model<N>,
        optimizer: Box<dyn Optimizer>,
        loader: DataLoader,
        epochs: usize,
    ) -> Self {
        Self {
            model,
            optimizer,
            scheduler: None,
            clip_grad_norm: None,
            loader,
            epochs,
            position: Position::default(),
        }
    }

    /// Trains from the current position to the end of the last epoch, or until `observer` breaks,
    /// which leaves training between two batches.
    ///
    /// An epoch draws its order when it starts, as in Python; numbers that the network or the
    /// observer draws come in between.
    ///
    /// # Errors
    /// If a loss is not finite, or a weight is not at the end of an epoch; and the observer's
    /// errors.
    pub fn run(
        &mut self,
        samples: &Samples,
        observer: &mut impl Observer<N>,
    ) -> Result<ControlFlow<()>> {
        let mut gather = Gather::new(samples, N::Task::PIXELS);
        while self.position.epochs < self.epochs {
            let (batches, mut sizes) = self.batches()?;
            for batch in batches {
                let batch = batch?;
                self.step(gather.batch(&batch)?)?;
                sizes.push(batch.numel());
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
            self.position.epoch_start = None;
            self.position.epochs += 1;
            let epoch = Epoch {
                number: self.position.epochs,
                mean_loss: mean_loss(&losses, &sizes),
                losses,
            };
            if let Some(scheduler) = &mut self.scheduler {
                scheduler.after_epoch(self.optimizer.as_mut(), epoch.mean_loss)?;
            }
            observer.after_epoch(self, &epoch)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The remaining batches of the current epoch, and the number of samples in each of its
    /// finished ones.
    fn batches(&mut self) -> Result<(Batches, Vec<usize>)> {
        let behind = self.position.losses.len();
        if let Some(start) = self.position.epoch_start.as_ref().filter(|_| behind > 0) {
            let (rest, taken) = self.loader.resume(start, behind)?;
            return Ok((rest, taken.iter().map(Tensor::numel).collect()));
        }
        self.position.epoch_start = Some(self.loader.generator_states()?);
        Ok((self.loader.iter(), Vec::new()))
    }

    /// A finite loss may have gradients that are not finite.
    fn check_weights(&self) -> Result<()> {
        if let Some(name) = not_finite(&self.model.vs)? {
            let (epoch, batch) = (self.position.epochs + 1, self.position.losses.len());
            bail!("training stopped after batch {batch} of epoch {epoch}: {name} is not finite");
        }
        Ok(())
    }

    fn step(&mut self, [input, target]: [Tensor; 2]) -> Result<()> {
        let device = self.model.vs.device();
        let input = match N::Task::PIXELS {
            true => input,
            false => N::Task::to_input(&input),
        };
        let input = input.to_device(device);
        let target = N::Task::to_target(&target).to_device(device);
        let Position { epochs, losses, .. } = &self.position;
        let (epoch, batch) = (epochs + 1, losses.len() + 1);
        let number = epochs * self.loader.len() + batch;
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
        self.move_weights().with_context(here)?;
        self.position.losses.push(loss);
        Ok(())
    }

    /// The steps after the backward pass: clipping, the optimizer, the scheduler.
    fn move_weights(&mut self) -> Result<(), Error> {
        if let Some(max_norm) = self.clip_grad_norm {
            let groups = 0..self.optimizer.group_count();
            let params = groups.flat_map(|group| self.optimizer.params(group));
            let params: Vec<Tensor> = params.map(Tensor::shallow_clone).collect();
            let _ = clip_grad_norm_(&params, max_norm, 2., false)?;
        }
        self.optimizer.step()?;
        match &mut self.scheduler {
            Some(scheduler) => scheduler.after_batch(self.optimizer.as_mut()),
            None => Ok(()),
        }
    }
}

/// The mean over the samples: each loss is the mean over its batch, and the last batch may be
/// smaller.
fn mean_loss(losses: &[f32], sizes: &[usize]) -> f64 {
    let weighted = losses.iter().zip(sizes);
    let sum: f64 = weighted.map(|(&loss, &n)| f64::from(loss) * n as f64).sum();
    sum / sizes.iter().sum::<usize>() as f64
}
