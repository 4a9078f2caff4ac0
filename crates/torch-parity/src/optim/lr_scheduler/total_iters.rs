//! The schedules that end after `total_iters` epochs.

use super::state::{Saved, entry, get, saved};
use super::{Now, Schedule, SchedulerOf};
use crate::Result;
use crate::optim::{Optimizer, Settings, refused};

/// `ConstantLR`: multiplies the learning rate by a factor for the first epochs.
pub type ConstantLR = SchedulerOf<Constant>;

saved! {
    #[doc(hidden)]
    #[derive(Clone, Debug)]
    pub struct Constant {
        factor: f64,
        total_iters: i64,
    }
}

impl ConstantLR {
    /// `ConstantLR(optimizer, factor, total_iters)`; Python's defaults are 1/3 and 5.
    ///
    /// # Errors
    /// If `factor` is below 0 or above 1.
    pub fn new(optimizer: &mut dyn Optimizer, factor: f64, total_iters: i64) -> Result<Self> {
        let schedule = Constant {
            factor,
            total_iters,
        };
        Self::start(optimizer, schedule)
    }
}

impl Schedule for Constant {
    fn check(&self) -> Result<()> {
        match self.factor > 1. || self.factor < 0. {
            true => refused("Constant multiplicative factor expected to be between 0 and 1."),
            false => Ok(()),
        }
    }

    fn lr(&self, now: &Now) -> Result<f64> {
        Ok(match now.last_epoch {
            0 => now.lr * self.factor,
            // Python's `1.0 / 0.0` raises ZeroDivisionError.
            epoch if epoch == self.total_iters && self.factor == 0. => {
                return refused("float division by zero");
            }
            epoch if epoch == self.total_iters => now.lr * (1. / self.factor),
            _ => now.lr,
        })
    }

    fn restart_lr(&self, now: &Now) -> Result<f64> {
        let is_over = if self.total_iters <= 0 { 1. } else { 0. };
        Ok(now.base_lr * (self.factor + is_over * (1. - self.factor)))
    }
}

/// `PolynomialLR`: to 0 in `total_iters` epochs, by a power of what is left.
pub type PolynomialLR = SchedulerOf<Polynomial>;

saved! {
    #[doc(hidden)]
    #[derive(Clone, Debug)]
    pub struct Polynomial {
        total_iters: i64,
        power: f64,
    }
}

impl PolynomialLR {
    /// `PolynomialLR(optimizer, total_iters, power)`; Python's defaults are 5 and 1.
    ///
    /// # Errors
    /// None; as in Python, all arguments are accepted.
    pub fn new(optimizer: &mut dyn Optimizer, total_iters: i64, power: f64) -> Result<Self> {
        Self::start(optimizer, Polynomial { total_iters, power })
    }
}

impl Schedule for Polynomial {
    fn lr(&self, now: &Now) -> Result<f64> {
        if now.is_initial() || now.last_epoch > self.total_iters {
            return Ok(now.lr);
        }
        let total = self.total_iters as f64;
        let left = |epoch: i64| 1. - epoch as f64 / total;
        // As Python's `**`, which calls C's pow.
        let factor = (left(now.last_epoch) / left(now.last_epoch - 1)).powf(self.power);
        Ok(now.lr * factor)
    }

    fn restart_lr(&self, now: &Now) -> Result<f64> {
        if self.total_iters == 0 {
            return refused("division by zero");
        }
        let total = self.total_iters as f64;
        let left = 1. - self.total_iters.min(0) as f64 / total;
        Ok(now.base_lr * left.powf(self.power))
    }
}
