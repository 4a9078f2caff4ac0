//! `ReduceLROnPlateau`: a smaller learning rate where a number no longer gets better.

use super::state::{choice, entry, get};
use crate::Result;
use crate::optim::{Optimizer, Setting, Settings, Typed, refused};

/// The direction in which a number gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Smaller, as of a loss.
    Min,
    /// Larger, as of an accuracy.
    Max,
}

choice!(Mode { Min = "min", Max = "max" } r#""min" or "max""#);

/// The measure of the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdMode {
    /// A share of the best number.
    Rel,
    /// The number itself.
    Abs,
}

choice!(ThresholdMode { Rel = "rel", Abs = "abs" } r#""rel" or "abs""#);

/// The arguments of `ReduceLROnPlateau`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceLrOnPlateauConfig {
    /// The direction in which the number gets better.
    pub mode: Mode,
    /// The factor of a reduction, below 1.
    pub factor: f64,
    /// The number of epochs without a better number that are let pass.
    pub patience: i64,
    /// By how much a number has to be better to count.
    pub threshold: f64,
    /// The measure of the threshold.
    pub threshold_mode: ThresholdMode,
    /// The number of epochs after a reduction that do not count.
    pub cooldown: i64,
    /// The smallest learning rate: one for all parameter groups, or one for each.
    pub min_lr: Vec<f64>,
    /// A reduction by no more than this is left undone.
    pub eps: f64,
}

impl Default for ReduceLrOnPlateauConfig {
    fn default() -> Self {
        Self {
            mode: Mode::Min,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lr: vec![0.],
            eps: 1e-8,
        }
    }
}

/// `ReduceLROnPlateau`: multiplies the learning rate by a factor where a number, such as the loss on
/// held-back samples, has not become better for some epochs.
#[derive(Clone, Debug)]
pub struct ReduceLROnPlateau {
    config: ReduceLrOnPlateauConfig,
    best: f64,
    num_bad_epochs: i64,
    cooldown_counter: i64,
    last_epoch: i64,
    last_lr: Vec<f64>,
}

impl ReduceLROnPlateau {
    /// `ReduceLROnPlateau(optimizer, …)`.
    ///
    /// # Errors
    /// In Python's words, if the factor is not below 1, or if there is not a smallest learning rate
    /// for each parameter group.
    pub fn new(optimizer: &dyn Optimizer, config: ReduceLrOnPlateauConfig) -> Result<Self> {
        let groups = optimizer.group_count();
        // As in Python, a factor that is NaN passes.
        if config.factor >= 1. {
            return refused("Factor should be < 1.0.");
        }
        if config.min_lr.len() != 1 && config.min_lr.len() != groups {
            let found = config.min_lr.len();
            return refused(format!("expected {groups} min_lrs, got {found}"));
        }
        Ok(Self {
            best: worst(config.mode),
            config,
            num_bad_epochs: 0,
            cooldown_counter: 0,
            last_epoch: 0,
            last_lr: lrs(optimizer),
        })
    }

    /// `scheduler.step(metrics)`, after each epoch.
    ///
    /// # Errors
    /// If the optimizer has other parameter groups than the scheduler has smallest learning rates.
    pub fn step(&mut self, optimizer: &mut dyn Optimizer, metrics: f64) -> Result<()> {
        let (groups, found) = (optimizer.group_count(), self.config.min_lr.len());
        if found != 1 && found != groups {
            return refused(format!("expected {groups} min_lrs, got {found}"));
        }
        self.last_epoch += 1;
        if self.is_better(metrics) {
            self.best = metrics;
            self.num_bad_epochs = 0;
        } else {
            self.num_bad_epochs += 1;
        }
        if self.cooldown_counter > 0 {
            self.cooldown_counter -= 1;
            self.num_bad_epochs = 0;
        }
        if self.num_bad_epochs > self.config.patience {
            self.reduce(optimizer);
            self.cooldown_counter = self.config.cooldown;
            self.num_bad_epochs = 0;
        }
        self.last_lr = lrs(optimizer);
        Ok(())
    }

    fn is_better(&self, number: f64) -> bool {
        let &ReduceLrOnPlateauConfig { threshold, .. } = &self.config;
        match (self.config.mode, self.config.threshold_mode) {
            (Mode::Min, ThresholdMode::Rel) => number < self.best * (1. - threshold),
            (Mode::Min, ThresholdMode::Abs) => number < self.best - threshold,
            (Mode::Max, ThresholdMode::Rel) => number > self.best * (threshold + 1.),
            (Mode::Max, ThresholdMode::Abs) => number > self.best + threshold,
        }
    }

    fn reduce(&self, optimizer: &mut dyn Optimizer) {
        for group in 0..optimizer.group_count() {
            let min_lr = self.config.min_lr[group % self.config.min_lr.len()];
            let old = optimizer.lr(group);
            let new = (old * self.config.factor).max(min_lr);
            if old - new > self.config.eps {
                optimizer.set_lr(group, new);
            }
        }
    }

    /// `scheduler.get_last_lr()`: of each parameter group, the learning rate after the last step.
    pub fn get_last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    /// `scheduler.state_dict()`, under Python's names.
    pub fn state_dict(&self) -> Settings {
        let config = &self.config;
        let min_lrs = match config.min_lr[..] {
            [one] => vec![one; self.last_lr.len()],
            _ => config.min_lr.clone(),
        };
        let default_min_lr = match config.min_lr[..] {
            [one] => Setting::Float(one),
            _ => Setting::None,
        };
        Settings::from([
            entry("factor", config.factor),
            entry("default_min_lr", default_min_lr),
            entry("min_lrs", min_lrs),
            entry("patience", config.patience),
            entry("cooldown", config.cooldown),
            entry("eps", config.eps),
            entry("last_epoch", self.last_epoch),
            entry("_last_lr", self.last_lr.clone()),
            entry("mode_worse", worst(config.mode)),
            entry("mode", config.mode),
            entry("threshold", config.threshold),
            entry("threshold_mode", config.threshold_mode),
            entry("best", self.best),
            entry("cooldown_counter", self.cooldown_counter),
            entry("num_bad_epochs", self.num_bad_epochs),
        ])
    }

    /// Goes on from a state that [`ReduceLROnPlateau::state_dict`] or Python gave.
    ///
    /// # Errors
    /// If an entry is missing or has another type. Nothing is loaded then.
    pub fn load_state_dict(&mut self, state: &Settings) -> Result<()> {
        let config = ReduceLrOnPlateauConfig {
            mode: get(state, "mode")?,
            factor: get(state, "factor")?,
            patience: get(state, "patience")?,
            threshold: get(state, "threshold")?,
            threshold_mode: get(state, "threshold_mode")?,
            cooldown: get(state, "cooldown")?,
            min_lr: match state.get("default_min_lr").and_then(Setting::as_f64) {
                Some(one) => vec![one],
                None => get(state, "min_lrs")?,
            },
            eps: get(state, "eps")?,
        };
        *self = Self {
            config,
            best: get(state, "best")?,
            num_bad_epochs: get(state, "num_bad_epochs")?,
            cooldown_counter: get(state, "cooldown_counter")?,
            last_epoch: get(state, "last_epoch")?,
            last_lr: get(state, "_last_lr")?,
        };
        Ok(())
    }
}

/// The number that any other is better than.
fn worst(mode: Mode) -> f64 {
    match mode {
        Mode::Min => f64::INFINITY,
        Mode::Max => f64::NEG_INFINITY,
    }
}

fn lrs(optimizer: &dyn Optimizer) -> Vec<f64> {
    let groups = 0..optimizer.group_count();
    groups.map(|group| optimizer.lr(group)).collect()
}
