//! Learning rate schedulers by name, for the command line.

use std::fmt;
use std::str::FromStr;

use crate::torch::optim::lr_scheduler::{
    self, ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, ExponentialLR, LinearLR,
    LinearLrConfig, LrScheduler, MultiStepLR, OneCycleLR, OneCycleLrConfig, PolynomialLR,
    ReduceLROnPlateau, ReduceLrOnPlateauConfig, StepLR,
};
use crate::torch::optim::{Optimizer, Settings};
use crate::torch::{Error, Result};

/// A scheduler's name and arguments: `step:step_size=10,gamma=0.5`, `cosine`.
///
/// | name | class | arguments, under Python's names | steps after |
/// | --- | --- | --- | --- |
/// | `step` | `StepLR` | `step_size`, `gamma` (0.1) | an epoch |
/// | `multistep` | `MultiStepLR` | `milestones` (`30+80`), `gamma` (0.1) | an epoch |
/// | `exponential` | `ExponentialLR` | `gamma` | an epoch |
/// | `cosine` | `CosineAnnealingLR` | `T_max` (the epochs), `eta_min` (0) | an epoch |
/// | `warm-restarts` | `CosineAnnealingWarmRestarts` | `T_0`, `T_mult` (1), `eta_min` (0) | an epoch |
/// | `constant` | `ConstantLR` | `factor` (⅓), `total_iters` (5) | an epoch |
/// | `polynomial` | `PolynomialLR` | `total_iters` (the epochs), `power` (1) | an epoch |
/// | `linear` | `LinearLR` | `start_factor` (⅓), `end_factor` (1), `total_iters` (5) | an epoch |
/// | `one-cycle` | `OneCycleLR` | `max_lr` (the learning rate), `pct_start` (0.3) | a batch |
/// | `plateau` | `ReduceLROnPlateau` | `factor` (0.1), `patience` (10) | an epoch, on its mean loss |
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    text: String,
    kind: Kind,
    arguments: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Step,
    MultiStep,
    Exponential,
    Cosine,
    WarmRestarts,
    Constant,
    Polynomial,
    Linear,
    OneCycle,
    Plateau,
}

/// The kinds, each with its name, its required arguments and its optional ones.
type Spelling = (
    Kind,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const KINDS: [Spelling; 10] = [
    (Kind::Step, "step", &["step_size"], &["gamma"]),
    (Kind::MultiStep, "multistep", &["milestones"], &["gamma"]),
    (Kind::Exponential, "exponential", &["gamma"], &[]),
    (Kind::Cosine, "cosine", &[], &["T_max", "eta_min"]),
    (
        Kind::WarmRestarts,
        "warm-restarts",
        &["T_0"],
        &["T_mult", "eta_min"],
    ),
    (Kind::Constant, "constant", &[], &["factor", "total_iters"]),
    (
        Kind::Polynomial,
        "polynomial",
        &[],
        &["total_iters", "power"],
    ),
    (
        Kind::Linear,
        "linear",
        &[],
        &["start_factor", "end_factor", "total_iters"],
    ),
    (Kind::OneCycle, "one-cycle", &[], &["max_lr", "pct_start"]),
    (Kind::Plateau, "plateau", &[], &["factor", "patience"]),
];

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, arguments) = text.split_once(':').unwrap_or((text, ""));
        let known = KINDS.iter().find(|(_, known, ..)| *known == name);
        let Some(&(kind, _, needed, others)) = known else {
            let names = KINDS.map(|(_, name, ..)| name).join(", ");
            return Err(format!("expected one of {names}, found \"{name}\""));
        };
        let mut pairs = Vec::new();
        for argument in arguments.split(',').filter(|argument| !argument.is_empty()) {
            let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
            if !needed.contains(&key) && !others.contains(&key) {
                let all = [needed, others].concat().join(", ");
                return Err(format!(
                    "expected arguments of {name}: {all}; found \"{key}\""
                ));
            }
            pairs.push((key.to_owned(), value.to_owned()));
        }
        let is_there = |key: &&&str| pairs.iter().any(|(there, _)| there == **key);
        if let Some(missing) = needed.iter().find(|key| !is_there(key)) {
            return Err(format!("{name} needs {missing}: {name}:{missing}=…"));
        }
        let schedule = Self {
            text: text.to_owned(),
            kind,
            arguments: pairs,
        };
        schedule.check_numbers()?;
        Ok(schedule)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Schedule {
    /// Refuses values that are not numbers, before anything is built.
    fn check_numbers(&self) -> Result<(), String> {
        for (key, value) in &self.arguments {
            let is_number = match key.as_str() {
                "step_size" | "T_max" | "T_0" | "T_mult" | "total_iters" | "patience" => {
                    value.parse::<i64>().is_ok()
                }
                "milestones" => value.split('+').all(|value| value.parse::<i64>().is_ok()),
                _ => value.parse::<f64>().is_ok_and(f64::is_finite),
            };
            if !is_number {
                return Err(format!("{key}: expected a number, found \"{value}\""));
            }
        }
        Ok(())
    }

    fn value<T: FromStr>(&self, key: &str) -> Option<T> {
        let argument = self.arguments.iter().find(|(there, _)| there == key);
        argument.and_then(|(_, value)| value.parse().ok())
    }

    /// The scheduler for an optimizer that trains for `epochs` epochs of `batches` batches.
    ///
    /// # Errors
    /// With Python's message, if an argument is out of range.
    pub fn build(
        &self,
        optimizer: &mut dyn Optimizer,
        epochs: usize,
        batches: usize,
    ) -> Result<Scheduler> {
        let number = |key: &str, default: f64| self.value(key).unwrap_or(default);
        let count = |key: &str, default: i64| self.value(key).unwrap_or(default);
        let gamma = number("gamma", 0.1);
        Ok(match self.kind {
            Kind::Step => {
                let scheduler = StepLR::new(optimizer, count("step_size", 0), gamma)?;
                Scheduler::ByEpoch(Box::new(scheduler))
            }
            Kind::MultiStep => {
                let text: String = self.value("milestones").unwrap_or_default();
                let milestones = text.split('+').filter_map(|number| number.parse().ok());
                let milestones: Vec<i64> = milestones.collect();
                let scheduler = MultiStepLR::new(optimizer, &milestones, gamma)?;
                Scheduler::ByEpoch(Box::new(scheduler))
            }
            Kind::Exponential => {
                Scheduler::ByEpoch(Box::new(ExponentialLR::new(optimizer, gamma)?))
            }
            Kind::Cosine => {
                let t_max = count("T_max", epochs as i64);
                let scheduler = CosineAnnealingLR::new(optimizer, t_max, number("eta_min", 0.))?;
                Scheduler::ByEpoch(Box::new(scheduler))
            }
            Kind::WarmRestarts => {
                let (t_0, t_mult) = (count("T_0", 0), count("T_mult", 1));
                let eta_min = number("eta_min", 0.);
                let scheduler = CosineAnnealingWarmRestarts::new(optimizer, t_0, t_mult, eta_min)?;
                Scheduler::ByEpoch(Box::new(scheduler))
            }
            Kind::Constant => {
                let (factor, total) = (number("factor", 1. / 3.), count("total_iters", 5));
                Scheduler::ByEpoch(Box::new(ConstantLR::new(optimizer, factor, total)?))
            }
            Kind::Polynomial => {
                let total = count("total_iters", epochs as i64);
                let scheduler = PolynomialLR::new(optimizer, total, number("power", 1.))?;
                Scheduler::ByEpoch(Box::new(scheduler))
            }
            Kind::Linear => {
                let default = LinearLrConfig::default();
                let config = LinearLrConfig {
                    start_factor: number("start_factor", default.start_factor),
                    end_factor: number("end_factor", default.end_factor),
                    total_iters: count("total_iters", default.total_iters),
                };
                Scheduler::ByEpoch(Box::new(LinearLR::new(optimizer, config)?))
            }
            Kind::OneCycle => {
                let max_lr = number("max_lr", optimizer.lr(0));
                let default = OneCycleLrConfig::new(max_lr, (epochs * batches) as i64);
                let config = OneCycleLrConfig {
                    pct_start: number("pct_start", default.pct_start),
                    cycle_momentum: optimizer.momentum(0).is_some(),
                    ..default
                };
                Scheduler::ByBatch(Box::new(OneCycleLR::new(optimizer, config)?))
            }
            Kind::Plateau => {
                let default = ReduceLrOnPlateauConfig::default();
                let config = ReduceLrOnPlateauConfig {
                    factor: number("factor", default.factor),
                    patience: count("patience", default.patience),
                    ..default
                };
                Scheduler::OnPlateau(ReduceLROnPlateau::new(optimizer, config)?)
            }
        })
    }
}

/// A scheduler, by the event after which it steps.
#[derive(Debug)]
pub enum Scheduler {
    /// Each epoch.
    ByEpoch(Box<dyn LrScheduler>),
    /// Each batch.
    ByBatch(Box<dyn LrScheduler>),
    /// Each epoch, on its mean loss.
    OnPlateau(ReduceLROnPlateau),
}

impl Scheduler {
    /// Steps after a batch, if this scheduler does so.
    ///
    /// # Errors
    /// See [`LrScheduler::step`].
    pub fn after_batch(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        match self {
            Self::ByBatch(scheduler) => scheduler.step(optimizer),
            _ => Ok(()),
        }
    }

    /// Steps after an epoch with that mean loss, if this scheduler does so.
    ///
    /// # Errors
    /// See [`LrScheduler::step`].
    pub fn after_epoch(&mut self, optimizer: &mut dyn Optimizer, mean_loss: f64) -> Result<()> {
        match self {
            Self::ByEpoch(scheduler) => scheduler.step(optimizer),
            Self::ByBatch(_) => Ok(()),
            Self::OnPlateau(scheduler) => scheduler.step(optimizer, mean_loss),
        }
    }

    /// The state as JSON, for a checkpoint.
    ///
    /// # Errors
    /// If a number in the state is NaN.
    pub fn to_json(&self) -> Result<String> {
        lr_scheduler::to_json(&match self {
            Self::ByEpoch(scheduler) | Self::ByBatch(scheduler) => scheduler.state_dict(),
            Self::OnPlateau(scheduler) => scheduler.state_dict(),
        })
    }

    /// Restores a state from [`Scheduler::to_json`].
    ///
    /// # Errors
    /// If it is the state of another scheduler.
    pub fn load_json(&mut self, text: &str) -> Result<()> {
        let state: Settings = lr_scheduler::from_json(text)?;
        match self {
            Self::ByEpoch(scheduler) | Self::ByBatch(scheduler) => {
                scheduler.load_state_dict(&state)
            }
            Self::OnPlateau(scheduler) => scheduler.load_state_dict(&state),
        }
        .map_err(|error| Error::Argument(format!("the scheduler's state: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_schedulers_are_refused() {
        for (text, problem) in [
            (
                "cosin",
                "expected one of step, multistep, exponential, cosine",
            ),
            ("step", "step needs step_size: step:step_size=…"),
            (
                "step:size=3",
                "expected arguments of step: step_size, gamma; found \"size\"",
            ),
            (
                "step:step_size=x",
                "step_size: expected a number, found \"x\"",
            ),
            (
                "step:step_size=1.5",
                "step_size: expected a number, found \"1.5\"",
            ),
            (
                "multistep:milestones=3+a",
                "milestones: expected a number, found \"3+a\"",
            ),
            (
                "exponential:gamma=nan",
                "gamma: expected a number, found \"nan\"",
            ),
            ("cosine:T_max", "T_max: expected a number, found \"\""),
        ] {
            let found = text.parse::<Schedule>().unwrap_err();
            assert!(found.starts_with(problem), "{text}: {found}");
        }
        for text in [
            "cosine",
            "cosine:T_max=3,eta_min=1e-4",
            "multistep:milestones=3+5",
        ] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
    }
}
