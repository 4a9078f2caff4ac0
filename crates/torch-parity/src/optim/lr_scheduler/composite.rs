//! Schedulers that are made of others.

use super::state::{entry, get};
use super::{INITIAL_LR, LrScheduler};
use crate::Result;
use crate::optim::{Optimizer, Setting, Settings, refused};

const SCHEDULERS: &str = "_schedulers";

/// `ChainedScheduler`: a step of it is one of each of its schedulers.
#[derive(Debug)]
pub struct ChainedScheduler {
    schedulers: Vec<Box<dyn LrScheduler>>,
    last_lr: Vec<f64>,
}

impl ChainedScheduler {
    /// `ChainedScheduler(schedulers)`, which have been made for `optimizer`.
    ///
    /// # Errors
    /// If there is no scheduler.
    pub fn new(optimizer: &dyn Optimizer, schedulers: Vec<Box<dyn LrScheduler>>) -> Result<Self> {
        if schedulers.is_empty() {
            return refused(
                "ChainedScheduler expects at least one scheduler to be chained, but got no \
                 scheduler.",
            );
        }
        Ok(Self {
            schedulers,
            last_lr: rates(optimizer),
        })
    }
}

impl LrScheduler for ChainedScheduler {
    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        for scheduler in &mut self.schedulers {
            scheduler.step(optimizer)?;
        }
        self.last_lr = rates(optimizer);
        Ok(())
    }

    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.step(optimizer)
    }

    fn undo_initial_step(&mut self) {
        undo(&mut self.schedulers);
    }

    fn restart(&mut self, _: &mut dyn Optimizer) -> Result<()> {
        refused("ChainedScheduler has no get_lr: it can be the first of a SequentialLR alone")
    }

    fn get_last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> Settings {
        Settings::from([
            entry("_last_lr", self.last_lr.clone()),
            (SCHEDULERS.to_owned(), states(&self.schedulers)),
        ])
    }

    fn load_state_dict(&mut self, state: &Settings) -> Result<()> {
        let last_lr = get(state, "_last_lr")?;
        load(&mut self.schedulers, state)?;
        self.last_lr = last_lr;
        Ok(())
    }
}

/// `SequentialLR`: one scheduler after the other, each until its milestone.
#[derive(Debug)]
pub struct SequentialLR {
    schedulers: Vec<Box<dyn LrScheduler>>,
    milestones: Vec<i64>,
    last_epoch: i64,
    last_lr: Vec<f64>,
}

impl SequentialLR {
    /// `SequentialLR(optimizer, schedulers, milestones)`. The schedulers have been made for
    /// `optimizer`, in this order.
    ///
    /// # Errors
    /// If there is no scheduler, if the milestones are not one fewer, or if the first step fails.
    pub fn new(
        optimizer: &mut dyn Optimizer,
        mut schedulers: Vec<Box<dyn LrScheduler>>,
        milestones: &[i64],
    ) -> Result<Self> {
        if schedulers.is_empty() {
            return refused("SequentialLR expects at least one scheduler, but got no scheduler.");
        }
        if milestones.len() != schedulers.len() - 1 {
            return refused(format!(
                "Sequential Schedulers expects number of schedulers provided to be one more than \
                 the number of milestone points, but got number of schedulers {} and the number of \
                 milestones to be equal to {}",
                schedulers.len(),
                milestones.len()
            ));
        }
        for group in 0..optimizer.group_count() {
            let initial = optimizer.setting(group, INITIAL_LR);
            if let Some(lr) = initial.as_ref().and_then(Setting::as_f64) {
                optimizer.set_lr(group, lr);
            }
        }
        undo(&mut schedulers);
        let first = index(milestones, 0);
        schedulers[first].initial_step(optimizer)?;
        let last_lr = schedulers[first].get_last_lr().to_vec();
        Ok(Self {
            schedulers,
            milestones: milestones.to_vec(),
            last_epoch: 0,
            last_lr,
        })
    }
}

impl LrScheduler for SequentialLR {
    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        let epoch = self.last_epoch + 1;
        let index = index(&self.milestones, epoch);
        let scheduler = &mut self.schedulers[index];
        match index > 0 && self.milestones[index - 1] == epoch {
            true => scheduler.restart(optimizer)?,
            false => scheduler.step(optimizer)?,
        }
        self.last_epoch = epoch;
        self.last_lr = scheduler.get_last_lr().to_vec();
        Ok(())
    }

    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.step(optimizer)
    }

    fn undo_initial_step(&mut self) {
        undo(&mut self.schedulers);
    }

    fn restart(&mut self, _: &mut dyn Optimizer) -> Result<()> {
        refused("SequentialLR has no get_lr: it can be the first of another SequentialLR alone")
    }

    fn get_last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> Settings {
        Settings::from([
            entry("_milestones", self.milestones.clone()),
            entry("last_epoch", self.last_epoch),
            entry("_last_lr", self.last_lr.clone()),
            (SCHEDULERS.to_owned(), states(&self.schedulers)),
        ])
    }

    fn load_state_dict(&mut self, state: &Settings) -> Result<()> {
        let milestones: Vec<i64> = get(state, "_milestones")?;
        if milestones.len() + 1 != self.schedulers.len() {
            return refused(format!(
                "\"_milestones\" of the state of the scheduler: expected {}, found {}",
                self.schedulers.len() - 1,
                milestones.len()
            ));
        }
        let (last_epoch, last_lr) = (get(state, "last_epoch")?, get(state, "_last_lr")?);
        load(&mut self.schedulers, state)?;
        (self.milestones, self.last_epoch, self.last_lr) = (milestones, last_epoch, last_lr);
        Ok(())
    }
}

/// Python's `bisect_right(milestones, epoch)`.
fn index(milestones: &[i64], epoch: i64) -> usize {
    milestones.partition_point(|&milestone| milestone <= epoch)
}

fn rates(optimizer: &dyn Optimizer) -> Vec<f64> {
    (0..optimizer.group_count())
        .map(|group| optimizer.lr(group))
        .collect()
}

fn undo(schedulers: &mut [Box<dyn LrScheduler>]) {
    for scheduler in schedulers {
        scheduler.undo_initial_step();
    }
}

fn states(schedulers: &[Box<dyn LrScheduler>]) -> Setting {
    let states = schedulers.iter().map(|one| Setting::Dict(one.state_dict()));
    Setting::List(states.collect())
}

/// Loads the states of all schedulers, or of none.
fn load(schedulers: &mut [Box<dyn LrScheduler>], state: &Settings) -> Result<()> {
    let states = match state.get(SCHEDULERS) {
        Some(Setting::List(states)) if states.len() == schedulers.len() => states,
        _ => {
            let expected = schedulers.len();
            return refused(format!(
                "\"{SCHEDULERS}\" of the state of the scheduler: expected {expected} states"
            ));
        }
    };
    let before: Vec<Settings> = schedulers.iter().map(|one| one.state_dict()).collect();
    for (place, (scheduler, state)) in schedulers.iter_mut().zip(states).enumerate() {
        let loaded = match state {
            Setting::Dict(state) => scheduler.load_state_dict(state),
            _ => refused("expected the state of a scheduler"),
        };
        if loaded.is_err() {
            for (scheduler, state) in schedulers.iter_mut().zip(&before).take(place) {
                scheduler.load_state_dict(state)?;
            }
            return loaded;
        }
    }
    Ok(())
}
