//! `CosineAnnealingWarmRestarts`.

use std::f64::consts::PI;

use super::state::{entry, get};
use super::{LrScheduler, SchedulerOf, Settings, check_groups};
use crate::Result;
use crate::optim::{Optimizer, refused};

use super::schedules::Exponential;

/// `CosineAnnealingWarmRestarts`: half a cosine from the initial learning rate to `eta_min`, again
/// and again, each time `t_mult` times as long (Loshchilov and Hutter 2017).
#[derive(Debug)]
pub struct CosineAnnealingWarmRestarts {
    /// The length of the first period, in steps.
    t_0: i64,
    /// That of the current one.
    t_i: i64,
    t_mult: i64,
    eta_min: f64,
    /// The steps since the last restart.
    t_cur: i64,
    base_lrs: Vec<f64>,
    last_epoch: i64,
    last_lr: Vec<f64>,
}

impl CosineAnnealingWarmRestarts {
    /// `CosineAnnealingWarmRestarts(optimizer, T_0, T_mult, eta_min)`; Python's defaults are a
    /// `T_mult` of 1 and an `eta_min` of 0.
    ///
    /// # Errors
    /// If `t_0` or `t_mult` is below 1.
    pub fn new(optimizer: &mut dyn Optimizer, t_0: i64, t_mult: i64, eta_min: f64) -> Result<Self> {
        check(t_0, t_mult)?;
        // A schedule that changes nothing notes the initial learning rates.
        let initial = SchedulerOf::<Exponential>::new(optimizer, 1.)?;
        let mut scheduler = Self {
            t_0,
            t_i: t_0,
            t_mult,
            eta_min,
            t_cur: 0,
            base_lrs: initial.base_lrs,
            last_epoch: 0,
            last_lr: Vec::new(),
        };
        scheduler.set(optimizer);
        Ok(scheduler)
    }

    fn set(&mut self, optimizer: &mut dyn Optimizer) {
        let angle = PI * self.t_cur as f64 / self.t_i as f64;
        let lr = |&base: &f64| self.eta_min + (base - self.eta_min) * (1. + angle.cos()) / 2.;
        self.last_lr = self.base_lrs.iter().map(lr).collect();
        for (group, &lr) in self.last_lr.iter().enumerate() {
            optimizer.set_lr(group, lr);
        }
    }
}

fn check(t_0: i64, t_mult: i64) -> Result<()> {
    if t_0 <= 0 {
        return refused(format!("Expected positive integer T_0, but got {t_0}"));
    }
    if t_mult < 1 {
        return refused(format!("Expected integer T_mult >= 1, but got {t_mult}"));
    }
    Ok(())
}

impl LrScheduler for CosineAnnealingWarmRestarts {
    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        check_groups(&self.base_lrs, optimizer)?;
        if self.last_epoch < 0 {
            (self.t_cur, self.t_i, self.last_epoch) = (0, self.t_0, 0);
            self.set(optimizer);
            return Ok(());
        }
        self.t_cur += 1;
        if self.t_cur >= self.t_i {
            self.t_cur %= self.t_i;
            self.t_i = self.t_i.saturating_mul(self.t_mult);
        }
        self.last_epoch += 1;
        self.set(optimizer);
        Ok(())
    }

    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.step(optimizer)
    }

    fn undo_initial_step(&mut self) {
        self.last_epoch -= 1;
    }

    fn restart(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        check_groups(&self.base_lrs, optimizer)?;
        self.last_epoch = 0;
        self.set(optimizer);
        Ok(())
    }

    fn get_last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> Settings {
        Settings::from([
            entry("T_0", self.t_0),
            entry("T_i", self.t_i),
            entry("T_mult", self.t_mult),
            entry("eta_min", self.eta_min),
            entry("T_cur", self.t_cur),
            entry("base_lrs", self.base_lrs.clone()),
            entry("last_epoch", self.last_epoch),
            // Python's `step` does not count here.
            entry("_step_count", 0),
            entry("_is_initial", false),
            entry("_get_lr_called_within_step", false),
            entry("_last_lr", self.last_lr.clone()),
        ])
    }

    fn load_state_dict(&mut self, state: &Settings) -> Result<()> {
        let (t_0, t_mult): (i64, i64) = (get(state, "T_0")?, get(state, "T_mult")?);
        check(t_0, t_mult)?;
        let loaded = Self {
            t_0,
            t_i: get(state, "T_i")?,
            t_mult,
            eta_min: get(state, "eta_min")?,
            t_cur: get(state, "T_cur")?,
            base_lrs: get(state, "base_lrs")?,
            last_epoch: get(state, "last_epoch")?,
            last_lr: get(state, "_last_lr")?,
        };
        if loaded.t_i <= 0 {
            return refused(format!(
                "Expected positive integer T_i, but got {}",
                loaded.t_i
            ));
        }
        *self = loaded;
        Ok(())
    }
}
