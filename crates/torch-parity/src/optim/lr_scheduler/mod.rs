//! `torch.optim.lr_scheduler`: learning rates that change with each epoch or each step.
//!
//! Python's schedulers keep a reference to their optimizer; here the optimizer is an argument of
//! each step:
//!
//! ```
//! use torch_parity::nn;
//! use torch_parity::optim::lr_scheduler::{LrScheduler, StepLR};
//! use torch_parity::optim::{Optimizer, Sgd, SgdConfig};
//!
//! let vs = nn::VarStore::new(tch::Device::Cpu);
//! let _ = nn::linear(vs.root() / "fc", 2, 1, Default::default());
//! let mut optimizer = Sgd::new(&vs, SgdConfig::new(0.5))?;
//! let mut scheduler = StepLR::new(&mut optimizer, 1, 0.5)?; // StepLR(optimizer, 1, gamma=0.5)
//! optimizer.step()?; //                                        optimizer.step()
//! scheduler.step(&mut optimizer)?; //                          scheduler.step()
//! assert_eq!(optimizer.lr(0), 0.25);
//! # Ok::<(), torch_parity::Error>(())
//! ```
//!
//! Each computes the next rate as Python does, in most cases from the current rate and not in
//! closed form, so that the rates have Python's bits after any number of steps. Not supported are
//! the argument `last_epoch` (load a state dict instead) and the argument of `step`, which Python
//! deprecates.
//!
//! Source: `torch/optim/lr_scheduler.py`.

mod composite;
mod cyclic;
mod lambda;
mod one_cycle;
mod plateau;
mod schedules;
mod state;
mod total_iters;
mod warm_restarts;

use std::fmt;

pub use composite::{ChainedScheduler, SequentialLR};
pub use cyclic::{CyclicLR, CyclicLrConfig, CyclicMode};
pub use lambda::{LambdaLR, MultiplicativeLR};
pub use one_cycle::{AnnealStrategy, OneCycleLR, OneCycleLrConfig};
pub use plateau::{Mode, ReduceLROnPlateau, ReduceLrOnPlateauConfig, ThresholdMode};
pub use schedules::{
    CosineAnnealingLR, ExponentialLR, LinearLR, LinearLrConfig, MultiStepLR, StepLR,
};
pub use total_iters::{ConstantLR, PolynomialLR};
pub use warm_restarts::CosineAnnealingWarmRestarts;

pub use state::{Saved, from_json, to_json};

use super::{Optimizer, Setting, Settings, refused};
use crate::Result;
use state::{entry, get};

/// A scheduler. Its optimizer must be the one for which it was created. [`ReduceLROnPlateau`] does
/// not implement this trait, since its step takes a number.
pub trait LrScheduler: fmt::Debug {
    /// `scheduler.step()`: sets the learning rates of the next epoch.
    ///
    /// # Errors
    /// With Python's message, if its `step` raises an error. Nothing has changed then.
    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()>;

    /// `scheduler._initial_step()`: [`SequentialLR`] repeats that of its first scheduler.
    ///
    /// # Errors
    /// See [`LrScheduler::step`].
    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()>;

    /// Takes the step of the constructor back: [`SequentialLR`] does so with each of its schedulers.
    fn undo_initial_step(&mut self);

    /// `scheduler._update_lr(0)`: the rates of epoch 0, when [`SequentialLR`] comes to a scheduler.
    ///
    /// # Errors
    /// See [`LrScheduler::step`].
    fn restart(&mut self, optimizer: &mut dyn Optimizer) -> Result<()>;

    /// `scheduler.get_last_lr()`: the learning rate last set for each parameter group.
    fn get_last_lr(&self) -> &[f64];

    /// `scheduler.state_dict()`, under Python's names.
    fn state_dict(&self) -> Settings;

    /// Restores a state from [`LrScheduler::state_dict`] or Python. The optimizer's learning rates
    /// are in its own state dict.
    ///
    /// # Errors
    /// If an entry is missing or has another type. Nothing is loaded then.
    fn load_state_dict(&mut self, state: &Settings) -> Result<()>;
}

/// A kind of scheduler: Python's `get_lr`. The value holds its arguments.
pub trait Schedule: fmt::Debug + Saved {
    /// Refuses arguments that are out of range.
    ///
    /// # Errors
    /// With Python's message, if its constructor raises an error.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The learning rate of a parameter group.
    ///
    /// # Errors
    /// If Python's `get_lr` raises an error.
    fn lr(&self, now: &Now) -> Result<f64>;

    /// The learning rate of epoch 0 where [`SequentialLR`] comes to the scheduler: that of Python's
    /// `_get_closed_form_lr`, where it has one.
    ///
    /// # Errors
    /// See [`Schedule::lr`].
    fn restart_lr(&self, now: &Now) -> Result<f64> {
        self.lr(now)
    }

    /// The momentum of a parameter group, if it is scheduled as well.
    ///
    /// # Errors
    /// See [`Schedule::lr`].
    fn momentum(&self, _now: &Now) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// The progress of a scheduler, for one parameter group.
#[derive(Debug)]
pub struct Now<'a> {
    /// The number of steps including this one, without the initial step of the constructor.
    pub last_epoch: i64,
    /// The group's current learning rate.
    pub lr: f64,
    /// The group's learning rate at the start, `initial_lr`.
    pub base_lr: f64,
    /// The group's index.
    pub group: usize,
    /// The optimizer, for the group's other settings.
    pub optimizer: &'a dyn Optimizer,
}

impl Now<'_> {
    /// Returns true during the initial step of the constructor.
    pub fn is_initial(&self) -> bool {
        self.last_epoch == 0
    }
}

/// A scheduler with the schedule `S`.
#[derive(Debug)]
pub struct SchedulerOf<S> {
    schedule: S,
    base_lrs: Vec<f64>,
    last_epoch: i64,
    step_count: i64,
    last_lr: Vec<f64>,
}

const INITIAL_LR: &str = "initial_lr";

impl<S: Schedule> SchedulerOf<S> {
    /// Creates a scheduler, sets the learning rates of the first epoch, and stores the previous
    /// ones as `initial_lr`, unless another scheduler has done so.
    fn start(optimizer: &mut dyn Optimizer, schedule: S) -> Result<Self> {
        schedule.check()?;
        let mut base_lrs = Vec::new();
        for group in 0..optimizer.group_count() {
            let lr = optimizer.lr(group);
            let initial = optimizer.setting(group, INITIAL_LR);
            let initial = initial.as_ref().and_then(Setting::as_f64);
            if initial.is_none() {
                optimizer.set_setting(group, INITIAL_LR, lr.into())?;
            }
            base_lrs.push(initial.unwrap_or(lr));
        }
        let mut scheduler = Self {
            schedule,
            base_lrs,
            last_epoch: -1,
            step_count: 0,
            last_lr: Vec::new(),
        };
        scheduler.step(optimizer)?;
        Ok(scheduler)
    }

    /// Sets the rates of an epoch, as `lr` gives them.
    fn set(
        &mut self,
        optimizer: &mut dyn Optimizer,
        last_epoch: i64,
        lr: fn(&S, &Now) -> Result<f64>,
    ) -> Result<()> {
        check_groups(&self.base_lrs, optimizer)?;
        let mut next = Vec::new();
        for (group, &base_lr) in self.base_lrs.iter().enumerate() {
            let now = Now {
                last_epoch,
                lr: optimizer.lr(group),
                base_lr,
                group,
                optimizer: &*optimizer,
            };
            next.push((lr(&self.schedule, &now)?, self.schedule.momentum(&now)?));
        }
        self.last_epoch = last_epoch;
        for (group, &(lr, momentum)) in next.iter().enumerate() {
            optimizer.set_lr(group, lr);
            if let Some(momentum) = momentum {
                optimizer.set_momentum(group, momentum);
            }
        }
        self.last_lr = next.into_iter().map(|(lr, _)| lr).collect();
        Ok(())
    }
}

/// Refuses an optimizer with another number of parameter groups.
fn check_groups(base_lrs: &[f64], optimizer: &dyn Optimizer) -> Result<()> {
    match (base_lrs.len(), optimizer.group_count()) {
        (expected, found) if expected == found => Ok(()),
        (expected, found) => refused(format!(
            "the scheduler is for {expected} parameter groups, the optimizer has {found}"
        )),
    }
}

impl<S: Schedule> LrScheduler for SchedulerOf<S> {
    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.set(optimizer, self.last_epoch + 1, S::lr)?;
        self.step_count += 1;
        Ok(())
    }

    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.step_count = 0;
        self.step(optimizer)
    }

    fn undo_initial_step(&mut self) {
        self.last_epoch -= 1;
    }

    fn restart(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.set(optimizer, 0, S::restart_lr)
    }

    fn get_last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> Settings {
        let mut state = self.schedule.save();
        state.extend([
            entry("base_lrs", self.base_lrs.clone()),
            entry("last_epoch", self.last_epoch),
            entry("_step_count", self.step_count),
            entry("_is_initial", false),
            entry("_get_lr_called_within_step", false),
            entry("_last_lr", self.last_lr.clone()),
        ]);
        state
    }

    fn load_state_dict(&mut self, state: &Settings) -> Result<()> {
        let schedule = self.schedule.load(state)?;
        schedule.check()?;
        *self = Self {
            schedule,
            base_lrs: get(state, "base_lrs")?,
            last_epoch: get(state, "last_epoch")?,
            step_count: get(state, "_step_count")?,
            last_lr: get(state, "_last_lr")?,
        };
        Ok(())
    }
}
