//! `OneCycleLR`: one cycle up and down over all training steps.

use std::f64::consts::PI;

use super::state::{Saved, choice, entry, get};
use super::{Now, Schedule, SchedulerOf};
use crate::optim::{Optimizer, Setting, Settings, Typed, refused};
use crate::{Error, Result};

/// `OneCycleLR`: the learning rate rises to its maximum and then falls far below its initial value,
/// while the momentum does the opposite (Smith and Topin 2019). It steps after each batch.
pub type OneCycleLR = SchedulerOf<OneCycle>;

/// The curve from one learning rate to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnealStrategy {
    /// Along half a cosine.
    Cos,
    /// Along a straight line.
    Linear,
}

choice!(AnnealStrategy { Cos = "cos", Linear = "linear" } r#""cos" or "linear""#);

/// The arguments of `OneCycleLR`.
#[derive(Clone, Debug, PartialEq)]
pub struct OneCycleLrConfig {
    /// The maximum learning rate: one for all parameter groups, or one for each.
    pub max_lr: Vec<f64>,
    /// The number of steps: epochs × batches.
    pub total_steps: i64,
    /// The share of them in which the learning rate rises.
    pub pct_start: f64,
    /// The curve from one learning rate to the next.
    pub anneal_strategy: AnnealStrategy,
    /// If true, schedules the momentum (with Adam β₁) as well.
    pub cycle_momentum: bool,
    /// The momentum at the maximum learning rate: one for all groups, or one for each.
    pub base_momentum: Vec<f64>,
    /// The momentum at the minimum learning rate: one for all groups, or one for each.
    pub max_momentum: Vec<f64>,
    /// The initial learning rate is the maximum divided by this.
    pub div_factor: f64,
    /// The final learning rate is the initial one divided by this.
    pub final_div_factor: f64,
    /// If true, falls to the initial learning rate as fast as it rose, and then below it.
    pub three_phase: bool,
}

impl OneCycleLrConfig {
    /// Python's defaults.
    pub fn new(max_lr: f64, total_steps: i64) -> Self {
        Self {
            max_lr: vec![max_lr],
            total_steps,
            pct_start: 0.3,
            anneal_strategy: AnnealStrategy::Cos,
            cycle_momentum: true,
            base_momentum: vec![0.85],
            max_momentum: vec![0.95],
            div_factor: 25.,
            final_div_factor: 1e4,
            three_phase: false,
        }
    }
}

#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct OneCycle {
    total_steps: i64,
    /// The last step of each phase except the final one, which ends at `total_steps` − 1.
    phase_ends: Vec<f64>,
    anneal_strategy: AnnealStrategy,
    cycle_momentum: bool,
    use_beta1: bool,
}

/// The values between the phases: names of entries of a parameter group.
const LRS: [&str; 4] = ["initial_lr", "max_lr", "initial_lr", "min_lr"];
const MOMENTUMS: [&str; 4] = [
    "max_momentum",
    "base_momentum",
    "max_momentum",
    "max_momentum",
];

impl OneCycleLR {
    /// `OneCycleLR(optimizer, max_lr, total_steps, …)`.
    ///
    /// # Errors
    /// With Python's message, if an argument is out of range.
    pub fn new(optimizer: &mut dyn Optimizer, config: OneCycleLrConfig) -> Result<Self> {
        let groups = optimizer.group_count();
        let OneCycleLrConfig {
            total_steps,
            pct_start,
            cycle_momentum,
            ..
        } = config;
        if total_steps <= 0 {
            return refused(format!(
                "Expected positive integer total_steps, but got {total_steps}"
            ));
        }
        if !(0. ..=1.).contains(&pct_start) {
            return refused(format!(
                "Expected float between 0 and 1 pct_start, but got {pct_start}"
            ));
        }
        let max_lrs = for_groups("max_lr", &config.max_lr, groups)?;
        let max_momentums = for_groups("max_momentum", &config.max_momentum, groups)?;
        let base_momentums = for_groups("base_momentum", &config.base_momentum, groups)?;
        if cycle_momentum && (0..groups).any(|group| optimizer.momentum(group).is_none()) {
            return refused(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled",
            );
        }
        for (group, max_lr) in max_lrs.into_iter().enumerate() {
            let initial_lr = max_lr / config.div_factor;
            let min_lr = initial_lr / config.final_div_factor;
            optimizer.set_setting(group, "initial_lr", initial_lr.into())?;
            optimizer.set_setting(group, "max_lr", max_lr.into())?;
            optimizer.set_setting(group, "min_lr", min_lr.into())?;
            if cycle_momentum {
                let max_momentum = max_momentums[group];
                optimizer.set_momentum(group, max_momentum);
                optimizer.set_setting(group, "max_momentum", max_momentum.into())?;
                optimizer.set_setting(group, "base_momentum", base_momentums[group].into())?;
            }
        }
        let steps = total_steps as f64;
        let mut phase_ends = vec![pct_start * steps - 1.];
        if config.three_phase {
            phase_ends.push(2. * pct_start * steps - 2.);
        }
        let schedule = OneCycle {
            total_steps,
            phase_ends,
            anneal_strategy: config.anneal_strategy,
            cycle_momentum,
            use_beta1: cycle_momentum && optimizer.setting(0, "betas").is_some(),
        };
        Self::start(optimizer, schedule)
    }
}

/// A value for each parameter group; a single value applies to all.
pub(super) fn for_groups(name: &str, values: &[f64], groups: usize) -> Result<Vec<f64>> {
    match *values {
        [value] => Ok(vec![value; groups]),
        _ if values.len() == groups => Ok(values.to_vec()),
        _ => refused(format!(
            "{name} must have the same length as optimizer.param_groups. {name} has {} values, \
             param_groups has {groups}.",
            values.len()
        )),
    }
}

impl OneCycle {
    /// The index of the current phase, and the share of it that has passed.
    fn phase(&self, step: i64) -> Result<(usize, f64)> {
        let step = step as f64;
        let last = (self.total_steps - 1) as f64;
        let mut start = 0.;
        for (phase, &end) in self.phase_ends.iter().chain([&last]).enumerate() {
            if step <= end || phase == self.phase_ends.len() {
                if end == start {
                    return refused(format!(
                        "OneCycleLR: a phase without steps; total_steps is {}",
                        self.total_steps
                    ));
                }
                return Ok((phase, (step - start) / (end - start)));
            }
            start = end;
        }
        unreachable!("the last phase takes every step")
    }

    /// The value between two entries of the group in the current phase.
    fn value(&self, now: &Now, names: [&str; 4]) -> Result<f64> {
        if now.last_epoch > self.total_steps {
            return refused(format!(
                "Tried to step {} times. The specified number of total steps is {}",
                now.last_epoch, self.total_steps
            ));
        }
        let (phase, share) = self.phase(now.last_epoch)?;
        // With two phases, the second leads directly from the maximum to the minimum.
        let [start, end] = match (phase, self.phase_ends.len()) {
            (1, 1) => [names[1], names[3]],
            (phase, _) => [names[phase], names[phase + 1]],
        };
        let entry = |name: &str| {
            let setting = now.optimizer.setting(now.group, name);
            let number = setting.as_ref().and_then(Setting::as_f64);
            let missing = format!("parameter group {} has no number \"{name}\"", now.group);
            number.ok_or(Error::Argument(missing))
        };
        let (start, end) = (entry(start)?, entry(end)?);
        Ok(match self.anneal_strategy {
            AnnealStrategy::Cos => end + (start - end) / 2. * ((PI * share).cos() + 1.),
            AnnealStrategy::Linear => (end - start) * share + start,
        })
    }
}

impl Schedule for OneCycle {
    fn lr(&self, now: &Now) -> Result<f64> {
        self.value(now, LRS)
    }

    fn momentum(&self, now: &Now) -> Result<Option<f64>> {
        match self.cycle_momentum {
            true => self.value(now, MOMENTUMS).map(Some),
            false => Ok(None),
        }
    }
}

impl Saved for OneCycle {
    /// Stores the ends of the phases in place of Python's `_schedule_phases`, a list of dicts.
    fn save(&self) -> Settings {
        let mut settings = Settings::from([
            entry("total_steps", self.total_steps),
            entry("phase_ends", self.phase_ends.clone()),
            entry("_anneal_func_type", self.anneal_strategy),
            entry("cycle_momentum", self.cycle_momentum),
        ]);
        if self.cycle_momentum {
            settings.extend([entry("use_beta1", self.use_beta1)]);
        }
        settings
    }

    fn load(&self, state: &Settings) -> Result<Self> {
        let cycle_momentum = get(state, "cycle_momentum")?;
        let phase_ends: Vec<f64> = get(state, "phase_ends")?;
        if !(1..=2).contains(&phase_ends.len()) {
            return refused(
                "\"phase_ends\" in the state of the scheduler: expected 1 or 2 numbers",
            );
        }
        Ok(Self {
            total_steps: get(state, "total_steps")?,
            phase_ends,
            anneal_strategy: get(state, "_anneal_func_type")?,
            cycle_momentum,
            use_beta1: cycle_momentum && get(state, "use_beta1")?,
        })
    }
}
