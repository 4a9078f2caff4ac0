//! `CyclicLR`: up and down between two learning rates.

use super::one_cycle::for_groups;
use super::state::{Saved, choice, entry, get};
use super::{Now, Schedule, SchedulerOf};
use crate::Result;
use crate::optim::{Optimizer, Setting, Settings, Typed, refused};

/// `CyclicLR`: the learning rate rises and falls between two bounds, while the momentum does the
/// opposite (Smith 2017). It steps after each batch. Python's arguments `scale_fn` and `scale_mode`
/// are not supported.
pub type CyclicLR = SchedulerOf<Cyclic>;

/// The height of one cycle after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CyclicMode {
    /// The same for all.
    Triangular,
    /// Half as high each time.
    Triangular2,
    /// Multiplied by γ each step.
    ExpRange,
}

choice!(CyclicMode {
    Triangular = "triangular",
    Triangular2 = "triangular2",
    ExpRange = "exp_range"
} r#""triangular", "triangular2" or "exp_range""#);

/// The arguments of `CyclicLR`.
#[derive(Clone, Debug, PartialEq)]
pub struct CyclicLrConfig {
    /// The minimum learning rate: one for all parameter groups, or one for each.
    pub base_lr: Vec<f64>,
    /// The maximum learning rate: one for all parameter groups, or one for each.
    pub max_lr: Vec<f64>,
    /// The number of steps up.
    pub step_size_up: i64,
    /// The number of steps down, by default as many as up.
    pub step_size_down: Option<i64>,
    /// The height of one cycle after another.
    pub mode: CyclicMode,
    /// The factor of each step in [`CyclicMode::ExpRange`].
    pub gamma: f64,
    /// If true, schedules the momentum (with Adam β₁) as well.
    pub cycle_momentum: bool,
    /// The momentum at the maximum learning rate: one for all groups, or one for each.
    pub base_momentum: Vec<f64>,
    /// The momentum at the minimum learning rate: one for all groups, or one for each.
    pub max_momentum: Vec<f64>,
}

impl CyclicLrConfig {
    /// Python's defaults.
    pub fn new(base_lr: f64, max_lr: f64) -> Self {
        Self {
            base_lr: vec![base_lr],
            max_lr: vec![max_lr],
            step_size_up: 2000,
            step_size_down: None,
            mode: CyclicMode::Triangular,
            gamma: 1.,
            cycle_momentum: true,
            base_momentum: vec![0.8],
            max_momentum: vec![0.9],
        }
    }
}

/// The bounds of the momentum for each parameter group.
#[derive(Clone, Debug)]
struct Momentums {
    base: Vec<f64>,
    max: Vec<f64>,
    use_beta1: bool,
}

#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Cyclic {
    max_lrs: Vec<f64>,
    total_size: f64,
    step_ratio: f64,
    mode: CyclicMode,
    gamma: f64,
    momentums: Option<Momentums>,
}

impl CyclicLR {
    /// `CyclicLR(optimizer, base_lr, max_lr, …)`.
    ///
    /// # Errors
    /// If a list has another length than the parameter groups, a number of steps is out of range,
    /// or the optimizer has no momentum to schedule.
    pub fn new(optimizer: &mut dyn Optimizer, config: CyclicLrConfig) -> Result<Self> {
        let groups = optimizer.group_count();
        let base_lrs = for_groups("base_lr", &config.base_lr, groups)?;
        let max_lrs = for_groups("max_lr", &config.max_lr, groups)?;
        let up = config.step_size_up as f64;
        let total_size = up + config.step_size_down.map_or(up, |down| down as f64);
        let schedule = Cyclic {
            max_lrs,
            total_size,
            step_ratio: up / total_size,
            mode: config.mode,
            gamma: config.gamma,
            momentums: match config.cycle_momentum {
                true => Some(momentums(optimizer, &config)?),
                false => None,
            },
        };
        schedule.check()?;
        for (group, &lr) in base_lrs.iter().enumerate() {
            optimizer.set_lr(group, lr);
            if let Some(momentums) = &schedule.momentums {
                let (base, max) = (momentums.base[group], momentums.max[group]);
                optimizer.set_momentum(group, max);
                optimizer.set_setting(group, "max_momentum", max.into())?;
                optimizer.set_setting(group, "base_momentum", base.into())?;
            }
        }
        // As in Python, the first step starts from the `initial_lr` of an earlier scheduler.
        let mut scheduler = Self::start(optimizer, schedule)?;
        scheduler.base_lrs = base_lrs;
        Ok(scheduler)
    }
}

fn momentums(optimizer: &dyn Optimizer, config: &CyclicLrConfig) -> Result<Momentums> {
    let groups = optimizer.group_count();
    if (0..groups).any(|group| optimizer.momentum(group).is_none()) {
        return refused(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled",
        );
    }
    Ok(Momentums {
        base: for_groups("base_momentum", &config.base_momentum, groups)?,
        max: for_groups("max_momentum", &config.max_momentum, groups)?,
        use_beta1: optimizer.setting(0, "betas").is_some(),
    })
}

impl Cyclic {
    /// The share of the way up, and the height of the cycle.
    fn factors(&self, last_epoch: i64) -> (f64, f64) {
        let cycles = last_epoch as f64 / self.total_size;
        let cycle = (1. + cycles).floor();
        let x = 1. + cycles - cycle;
        let share = match x <= self.step_ratio {
            true => x / self.step_ratio,
            false => (x - 1.) / (self.step_ratio - 1.),
        };
        let height = match self.mode {
            CyclicMode::Triangular => 1.,
            CyclicMode::Triangular2 => 1. / 2f64.powf(cycle - 1.),
            // As Python's `**`, which calls C's pow.
            CyclicMode::ExpRange => self.gamma.powf(last_epoch as f64),
        };
        (share, height)
    }
}

impl Schedule for Cyclic {
    fn check(&self) -> Result<()> {
        // Python divides by zero at its first step where there is none up.
        if self.step_ratio > 0. && self.step_ratio <= 1. && self.total_size > 0. {
            return Ok(());
        }
        refused("CyclicLR: expected step_size_up of at least 1 and step_size_down of at least 0")
    }

    fn lr(&self, now: &Now) -> Result<f64> {
        let (share, height) = self.factors(now.last_epoch);
        let base_height = (self.max_lrs[now.group] - now.base_lr) * share;
        Ok(now.base_lr + base_height * height)
    }

    fn momentum(&self, now: &Now) -> Result<Option<f64>> {
        let Some(momentums) = &self.momentums else {
            return Ok(None);
        };
        let (share, height) = self.factors(now.last_epoch);
        let (base, max) = (momentums.base[now.group], momentums.max[now.group]);
        let base_height = (max - base) * share;
        Ok(Some(max - base_height * height))
    }
}

impl Saved for Cyclic {
    fn save(&self) -> Settings {
        let scale_mode = match self.mode {
            CyclicMode::ExpRange => "iterations",
            _ => "cycle",
        };
        let mut settings = Settings::from([
            entry("max_lrs", self.max_lrs.clone()),
            entry("total_size", self.total_size),
            entry("step_ratio", self.step_ratio),
            entry("mode", self.mode),
            entry("gamma", self.gamma),
            entry("scale_mode", scale_mode),
            entry("_scale_fn_custom", Setting::None),
            entry("cycle_momentum", self.momentums.is_some()),
        ]);
        if let Some(momentums) = &self.momentums {
            settings.extend([
                entry("use_beta1", momentums.use_beta1),
                entry("base_momentums", momentums.base.clone()),
                entry("max_momentums", momentums.max.clone()),
            ]);
        }
        settings
    }

    fn load(&self, state: &Settings) -> Result<Self> {
        if state
            .get("_scale_fn_custom")
            .is_some_and(|function| *function != Setting::None)
        {
            return refused("the state of the scheduler has a scale_fn, which is not supported");
        }
        let groups = self.max_lrs.len();
        let numbers = |name| for_groups(name, &get::<Vec<f64>>(state, name)?, groups);
        let momentums = match get(state, "cycle_momentum")? {
            true => Some(Momentums {
                base: numbers("base_momentums")?,
                max: numbers("max_momentums")?,
                use_beta1: get(state, "use_beta1")?,
            }),
            false => None,
        };
        Ok(Self {
            max_lrs: numbers("max_lrs")?,
            total_size: get(state, "total_size")?,
            step_ratio: get(state, "step_ratio")?,
            mode: get(state, "mode")?,
            gamma: get(state, "gamma")?,
            momentums,
        })
    }
}
