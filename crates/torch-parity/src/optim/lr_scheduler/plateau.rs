//! `ReduceLROnPlateau`: reduces the learning rate if a metric no longer improves.

use super::state::{choice, entry, get};
use crate::Result;
use crate::optim::{Optimizer, Setting, Settings, Typed, refused};

/// The direction in which the metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Smaller is better, as for a loss.
    Min,
    /// Larger is better, as for an accuracy.
    Max,
}

choice!(Mode { Min = "min", Max = "max" } r#""min" or "max""#);

/// The interpretation of the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdMode {
    /// Relative to the best value.
    Rel,
    /// Absolute.
    Abs,
}

choice!(ThresholdMode { Rel = "rel", Abs = "abs" } r#""rel" or "abs""#);

/// The arguments of `ReduceLROnPlateau`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceLrOnPlateauConfig {
    /// The direction in which the metric improves.
    pub mode: Mode,
    /// The factor of a reduction, below 1.
    pub factor: f64,
    /// The number of epochs without improvement that are tolerated.
    pub patience: i64,
    /// The smallest change that counts as an improvement.
    pub threshold: f64,
    /// The interpretation of the threshold.
    pub threshold_mode: ThresholdMode,
    /// The number of epochs after a reduction that are ignored.
    pub cooldown: i64,
    /// The minimum learning rate: one for all parameter groups, or one for each.
    pub min_lr: Vec<f64>,
    /// Reductions of at most this size are skipped.
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

/// `ReduceLROnPlateau`: multiplies the learning rate by a factor if a metric, such as the loss on
/// held-back samples, has not improved for some epochs.
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
    /// With Python's message, if the factor is not below 1, or if the number of minimum learning
    /// rates does not match the parameter groups.
    pub fn new(optimizer: &dyn Optimizer, config: ReduceLrOnPlateauConfig) -> Result<Self> {
        let groups = optimizer.group_count();
        // As in Python, a factor of NaN is accepted.
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
    /// If the number of the optimizer's parameter groups does not match the scheduler's.
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

    /// `scheduler.get_last_lr()`: the learning rate of each parameter group after the last step.
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

    /// Restores a state from [`ReduceLROnPlateau::state_dict`] or Python.
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

/// The worst possible value.
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
