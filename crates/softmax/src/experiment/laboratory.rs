//! Training of networks: each from many seeds and at many learning rates, several in parallel.
//!
//! Every run has its own generator and uses one thread, so that its results do not depend on the
//! number of parallel runs. Only initial weights are drawn from the global generator, by one run at
//! a time.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use final_layer::data::Samples;
use final_layer::tasks::{Dataset, Model, Network};
use final_layer::torch::optim::lr_scheduler::CosineAnnealingLR;
use final_layer::torch::random::{Generator, Seed};
use final_layer::torch::utils::data::{DataLoader, DataLoaderConfig};
use final_layer::training::{Epoch, Observer, Position, Scheduler, Training};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tch::{Device, Tensor};

use crate::experiment::data::Parts;
use crate::experiment::rates::{GRIDS, Study, Trial};

pub const BATCH_SIZE: i64 = 64;

/// A score of outputs for targets; higher is better.
pub type Score = fn(&Tensor, &Tensor) -> Result<f64>;

/// The data and settings of a training, and its score.
pub struct Course<'a> {
    pub parts: &'a Parts,
    pub epochs: usize,
    pub score: Score,
    /// The number of seeds by which the learning rates are chosen.
    pub tuning_seeds: usize,
}

/// The results of a finished training.
#[derive(Debug)]
pub struct Run {
    /// The mean training loss of each epoch.
    pub losses: Vec<f64>,
    /// The smallest loss of a batch.
    pub smallest_loss: f64,
    /// The score on the validation samples after the last epoch; −∞ if training diverged.
    pub validation_score: f64,
    /// The score on the test samples after each epoch; fewer if training diverged.
    pub test_scores: Vec<f64>,
    /// The trained network's outputs.
    pub validation: Tensor,
    pub test: Tensor,
}

impl Run {
    /// The score on the test samples after the last epoch; NaN if training diverged.
    pub fn test_score(&self) -> f64 {
        match self.validation_score.is_finite() {
            true => self.test_scores.last().copied().unwrap_or(f64::NAN),
            false => f64::NAN,
        }
    }
}

pub struct Laboratory {
    /// The seeds, one for each training of a network.
    pub seeds: Vec<u64>,
    threads: usize,
    bar: ProgressBar,
}

impl Laboratory {
    /// Experiment seed N trains with `count` seeds from N·`count` on, so that no two experiments
    /// share a seed.
    pub fn new(seed: Seed, count: usize, threads: usize) -> Self {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template("{msg} [{wide_bar}] {percent} %, {eta} left")
            .expect("the template is valid")
            .progress_chars("=> ");
        let first = u64::from(seed).wrapping_mul(count as u64);
        Self {
            seeds: (0..count as u64).map(|i| first.wrapping_add(i)).collect(),
            threads,
            bar: ProgressBar::with_draw_target(Some(0), target).with_style(style),
        }
    }

    /// Sets the total work of the progress bar.
    pub fn expect(&self, work: u64) {
        self.bar.inc_length(work);
    }

    /// Removes the progress bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// The number of steps needed to study one network on `course`.
    pub fn work(&self, course: &Course) -> u64 {
        let steps = course
            .parts
            .train
            .len()
            .unsigned_abs()
            .div_ceil(BATCH_SIZE as u64);
        let rates: usize = GRIDS.iter().map(|grid| grid.rates.len()).sum();
        let (tuning, others) = self.parted_seeds(course);
        let runs = rates * tuning.len() + GRIDS.len() * others.len();
        steps * (course.epochs * runs) as u64
    }

    /// The seeds by which the learning rates are chosen, and the others.
    fn parted_seeds(&self, course: &Course) -> (&[u64], &[u64]) {
        self.seeds
            .split_at(course.tuning_seeds.min(self.seeds.len()))
    }

    /// Trains a network with each optimizer at each learning rate, chooses the best rate, and
    /// trains it at that rate from all seeds.
    pub fn study<N: Network<Task: Dataset<Output = Tensor>>>(
        &self,
        course: &Course,
    ) -> Result<Study> {
        self.bar.set_message(N::NAME);
        let (tuning, others) = self.parted_seeds(course);
        let trials = Trial::at_all_rates(tuning);
        let runs = self.train_all::<N>(course, &trials)?;
        let mut study = Study::new(&trials, runs).context(N::NAME)?;
        let trials = study.at_the_best_rates(others);
        let runs = self.train_all::<N>(course, &trials)?;
        study.add(&trials, runs);
        Ok(study)
    }

    /// The runs of all trials, in their order.
    fn train_all<N>(&self, course: &Course, trials: &[Trial]) -> Result<Vec<Run>>
    where
        N: Network<Task: Dataset<Output = Tensor>>,
    {
        let next = AtomicUsize::new(0);
        let &Course {
            epochs,
            score,
            tuning_seeds,
            ..
        } = course;
        let worker = |parts: Parts| {
            tch::set_num_threads(1);
            let course = Course {
                parts: &parts,
                epochs,
                score,
                tuning_seeds,
            };
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(trial) = trials.get(i) else {
                    return done;
                };
                done.push((i, self.train::<N>(&course, trial)));
            }
        };
        let mut runs: Vec<(usize, Result<Run>)> = thread::scope(|scope| {
            let start = |_| {
                let (worker, parts) = (&worker, course.parts.shallow_clone());
                scope.spawn(move || worker(parts))
            };
            let handles: Vec<_> = (0..self.threads).map(start).collect();
            let join = |handle: thread::ScopedJoinHandle<_>| {
                let done = handle.join();
                done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            handles.into_iter().flat_map(join).collect()
        });
        runs.sort_by_key(|&(i, _)| i);
        runs.into_iter().map(|(_, run)| run).collect()
    }

    fn train<N: Network<Task: Dataset<Output = Tensor>>>(
        &self,
        course: &Course,
        trial: &Trial,
    ) -> Result<Run> {
        let Parts {
            train,
            validation,
            test,
        } = course.parts;
        let model = build::<N>(trial.seed);
        let mut optimizer = trial.algorithm.build(&model.vs, trial.rate)?;
        // Without a schedule, accuracy still jumps from epoch to epoch at the end, and so would
        // verdicts.
        let cosine = CosineAnnealingLR::new(optimizer.as_mut(), course.epochs as i64, 0.)?;
        let generator = Generator::new();
        generator.manual_seed(trial.seed);
        let config = DataLoaderConfig {
            generator: Some(generator),
            ..DataLoaderConfig::shuffled(BATCH_SIZE)
        };
        let loader = DataLoader::new(train.len(), config)?;
        let steps = loader.len() * course.epochs;
        let mut training = Training::new(model, optimizer, loader, course.epochs);
        training.scheduler = Some(Scheduler::ByEpoch(Box::new(cosine)));
        let mut notes = Notes {
            bar: &self.bar,
            test,
            score: course.score,
            steps: 0,
            losses: Vec::new(),
            smallest_loss: f64::INFINITY,
            scores: Vec::new(),
        };
        // Too high a learning rate leads to numbers that are not finite, which training refuses.
        let broke_down = training.run(train, &mut notes).is_err();
        self.bar.inc((steps - notes.steps) as u64);
        let outputs = [validation, test].map(|samples| outputs(&training.model, samples));
        let validation_score = match broke_down {
            true => f64::NEG_INFINITY,
            false => (course.score)(&outputs[0], &validation.targets)?,
        };
        let [validation, test] = outputs;
        Ok(Run {
            losses: notes.losses,
            smallest_loss: notes.smallest_loss,
            validation_score,
            test_scores: notes.scores,
            validation,
            test,
        })
    }
}

/// The network with the initial weights drawn from the seed, on the CPU.
pub fn build<N: Network>(seed: u64) -> Model<N> {
    /// Only one thread at a time may use the global generator.
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _generator = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    Seed::from(seed).manual_seed();
    Model::new(Device::Cpu)
}

/// The records made during training.
struct Notes<'a> {
    bar: &'a ProgressBar,
    test: &'a Samples,
    score: Score,
    steps: usize,
    losses: Vec<f64>,
    smallest_loss: f64,
    scores: Vec<f64>,
}

impl<N: Network<Task: Dataset<Output = Tensor>>> Observer<N> for Notes<'_> {
    fn after_step(&mut self, position: &Position, _samples: usize) -> ControlFlow<()> {
        let loss = position.losses.last().map_or(f64::NAN, |&loss| loss.into());
        self.smallest_loss = self.smallest_loss.min(loss);
        self.steps += 1;
        self.bar.inc(1);
        ControlFlow::Continue(())
    }

    fn after_epoch(&mut self, training: &Training<N>, epoch: &Epoch) -> Result<()> {
        self.losses.push(epoch.mean_loss);
        let answers = outputs(&training.model, self.test);
        self.scores
            .push((self.score)(&answers, &self.test.targets)?);
        Ok(())
    }
}

/// The network's outputs, without gradients.
pub fn outputs<N>(model: &Model<N>, samples: &Samples) -> Tensor
where
    N: Network<Task: Dataset<Output = Tensor>>,
{
    final_layer::evaluation::outputs(model, &samples.features, 1024)
}
