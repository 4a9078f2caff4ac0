//! The schedules that depend only on the number of the epoch.

use std::f64::consts::PI;

use super::state::{Saved, entry, get, saved};
use super::{Now, Schedule, SchedulerOf};
use crate::Result;
use crate::optim::{Optimizer, Settings, refused};

/// `StepLR`: multiplies the learning rate by γ every `step_size` epochs.
pub type StepLR = SchedulerOf<Step>;

saved! {
    #[doc(hidden)]
    #[derive(Clone, Debug)]
    pub struct Step {
        step_size: i64,
        gamma: f64,
    }
}

impl StepLR {
    /// `StepLR(optimizer, step_size, gamma)`; Python's default γ is 0.1.
    ///
    /// # Errors
    /// If `step_size` is 0.
    pub fn new(optimizer: &mut dyn Optimizer, step_size: i64, gamma: f64) -> Result<Self> {
        Self::start(optimizer, Step { step_size, gamma })
    }
}

impl Schedule for Step {
    fn check(&self) -> Result<()> {
        match self.step_size {
            0 => refused("StepLR: step_size is 0, expected at least 1"),
            _ => Ok(()),
        }
    }

    fn lr(&self, now: &Now) -> Result<f64> {
        Ok(
            match now.is_initial() || now.last_epoch % self.step_size != 0 {
                true => now.lr,
                false => now.lr * self.gamma,
            },
        )
    }

    fn restart_lr(&self, now: &Now) -> Result<f64> {
        Ok(now.base_lr)
    }
}

/// `MultiStepLR`: multiplies the learning rate by γ at each milestone.
pub type MultiStepLR = SchedulerOf<MultiStep>;

saved! {
    #[doc(hidden)]
    #[derive(Clone, Debug)]
    pub struct MultiStep {
        /// A `Counter` in Python.
        milestones: Vec<i64>,
        gamma: f64,
    }
}

impl MultiStepLR {
    /// `MultiStepLR(optimizer, milestones, gamma)`; Python's default γ is 0.1. A milestone that is
    /// listed twice counts twice.
    ///
    /// # Errors
    /// None; as in Python, all milestones are accepted.
    pub fn new(optimizer: &mut dyn Optimizer, milestones: &[i64], gamma: f64) -> Result<Self> {
        let mut milestones = milestones.to_vec();
        milestones.sort_unstable();
        Self::start(optimizer, MultiStep { milestones, gamma })
    }
}

impl Schedule for MultiStep {
    fn lr(&self, now: &Now) -> Result<f64> {
        let here = self.milestones.iter().filter(|&&at| at == now.last_epoch);
        Ok(match here.count() {
            0 => now.lr,
            // As Python's `**`, which calls C's pow.
            times => now.lr * self.gamma.powf(times as f64),
        })
    }

    fn restart_lr(&self, now: &Now) -> Result<f64> {
        let passed = self.milestones.iter().filter(|&&at| at <= 0).count();
        Ok(now.base_lr * self.gamma.powf(passed as f64))
    }
}

/// `ExponentialLR`: multiplies the learning rate by γ every epoch.
pub type ExponentialLR = SchedulerOf<Exponential>;

saved! {
    #[doc(hidden)]
    #[derive(Clone, Debug)]
    pub struct Exponential {
        gamma: f64,
    }
}

impl ExponentialLR {
    /// `ExponentialLR(optimizer, gamma)`.
    ///
    /// # Errors
    /// None; as in Python, every γ is accepted.
    pub fn new(optimizer: &mut dyn Optimizer, gamma: f64) -> Result<Self> {
        Self::start(optimizer, Exponential { gamma })
    }
}

impl Schedule for Exponential {
    fn lr(&self, now: &Now) -> Result<f64> {
        Ok(match now.is_initial() {
            true => now.lr,
            false => now.lr * self.gamma,
        })
    }

    fn restart_lr(&self, now: &Now) -> Result<f64> {
        Ok(now.base_lr)
    }
}

/// `CosineAnnealingLR`: half a cosine from the initial learning rate to `eta_min` in `t_max`
/// epochs, and back again (Loshchilov and Hutter 2017, without restarts).
pub type CosineAnnealingLR = SchedulerOf<CosineAnnealing>;

saved! {
    #[doc(hidden)]
    #[allow(non_snake_case)]
    #[derive(Clone, Debug)]
    pub struct CosineAnnealing {
        /// Under Python's name.
        T_max: i64,
        eta_min: f64,
    }
}

impl CosineAnnealingLR {
    /// `CosineAnnealingLR(optimizer, T_max, eta_min)`; Python's default `eta_min` is 0.
    ///
    /// # Errors
    /// If `t_max` is 0.
    pub fn new(optimizer: &mut dyn Optimizer, t_max: i64, eta_min: f64) -> Result<Self> {
        let schedule = CosineAnnealing {
            T_max: t_max,
            eta_min,
        };
        Self::start(optimizer, schedule)
    }
}

impl Schedule for CosineAnnealing {
    fn check(&self) -> Result<()> {
        match self.T_max {
            0 => refused("CosineAnnealingLR: T_max is 0, expected at least 1"),
            _ => Ok(()),
        }
    }

    fn lr(&self, now: &Now) -> Result<f64> {
        if now.is_initial() {
            return Ok(now.lr);
        }
        let (epoch, t_max) = (now.last_epoch as f64, self.T_max as f64);
        // The current rate is `eta_min` there, so the next rate cannot be computed as a multiple of
        // it.
        if (now.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0 {
            return Ok(now.lr + (now.base_lr - self.eta_min) * (1. - (PI / t_max).cos()) / 2.);
        }
        let one_plus_cos = |epoch: f64| 1. + (PI * epoch / t_max).cos();
        let factor = one_plus_cos(epoch) / one_plus_cos(epoch - 1.);
        Ok(factor * (now.lr - self.eta_min) + self.eta_min)
    }

    fn restart_lr(&self, now: &Now) -> Result<f64> {
        Ok(self.eta_min + (now.base_lr - self.eta_min) * 2. / 2.)
    }
}

/// `LinearLR`: a factor that changes linearly over the first epochs.
pub type LinearLR = SchedulerOf<LinearLrConfig>;

saved! {
    /// The arguments of `LinearLR`.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct LinearLrConfig {
        /// The initial factor, above 0 and at most 1.
        pub start_factor: f64,
        /// The final factor, from 0 to 1.
        pub end_factor: f64,
        /// The number of epochs until the final factor.
        pub total_iters: i64,
    }
}

impl Default for LinearLrConfig {
    fn default() -> Self {
        Self {
            start_factor: 1. / 3.,
            end_factor: 1.,
            total_iters: 5,
        }
    }
}

impl LinearLR {
    /// `LinearLR(optimizer, start_factor, end_factor, total_iters)`.
    ///
    /// # Errors
    /// If a factor is out of range.
    pub fn new(optimizer: &mut dyn Optimizer, config: LinearLrConfig) -> Result<Self> {
        Self::start(optimizer, config)
    }
}

impl Schedule for LinearLrConfig {
    fn check(&self) -> Result<()> {
        if !(self.start_factor > 0. && self.start_factor <= 1.) {
            return refused(
                "Starting multiplicative factor expected to be greater than 0 and less or equal \
                 to 1.",
            );
        }
        if !(0. ..=1.).contains(&self.end_factor) {
            return refused("Ending multiplicative factor expected to be between 0 and 1.");
        }
        Ok(())
    }

    fn lr(&self, now: &Now) -> Result<f64> {
        if now.is_initial() {
            return Ok(now.lr * self.start_factor);
        }
        if now.last_epoch > self.total_iters {
            return Ok(now.lr);
        }
        let difference = self.end_factor - self.start_factor;
        let reached =
            self.total_iters as f64 * self.start_factor + (now.last_epoch - 1) as f64 * difference;
        Ok(now.lr * (1. + difference / reached))
    }

    fn restart_lr(&self, now: &Now) -> Result<f64> {
        // Python divides 0 by it.
        match self.total_iters {
            0 => refused("division by zero"),
            _ => Ok(now.base_lr * self.start_factor),
        }
    }
}
