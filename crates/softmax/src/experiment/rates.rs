//! Learning rates: the grid of each optimizer, and the best rate for each network.

use anyhow::{Result, bail};
use final_layer::training::Algorithm;

use crate::experiment::laboratory::Run;
use crate::experiment::statistics::Interval;

/// The learning rates tried with an optimizer.
pub struct Grid {
    pub name: &'static str,
    pub algorithm: Algorithm,
    pub rates: &'static [f64],
}

/// About three rates per factor of ten.
pub const GRIDS: [Grid; 2] = [
    Grid {
        name: "Adam",
        algorithm: Algorithm::Adam,
        rates: &[3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1],
    },
    Grid {
        name: "SGD",
        algorithm: Algorithm::Sgd,
        rates: &[0.03, 0.1, 0.3, 1., 3., 10.],
    },
];

/// One training.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// The index of the optimizer in [`GRIDS`].
    grid: usize,
    pub algorithm: Algorithm,
    pub rate: f64,
    pub seed: u64,
}

impl Trial {
    /// Every optimizer with every rate of its grid and every seed.
    pub fn at_all_rates(seeds: &[u64]) -> Vec<Self> {
        let mut trials = Vec::new();
        for (
            grid,
            Grid {
                algorithm, rates, ..
            },
        ) in GRIDS.iter().enumerate()
        {
            for &rate in *rates {
                trials.extend(seeds.iter().map(|&seed| Self {
                    grid,
                    algorithm: *algorithm,
                    rate,
                    seed,
                }));
            }
        }
        trials
    }
}

/// The runs of one network with one optimizer at one learning rate, by seed.
#[derive(Debug)]
pub struct AtRate {
    pub rate: f64,
    pub runs: Vec<Run>,
}

impl AtRate {
    /// The mean score on the validation samples; −∞ if a training diverged.
    pub fn validation_score(&self) -> f64 {
        let scores = self.runs.iter().map(|run| run.validation_score);
        scores.sum::<f64>() / self.runs.len() as f64
    }

    /// The score on the test samples after the last epoch, by seed; NaN if a training diverged.
    pub fn test_scores(&self) -> Vec<f64> {
        (self.runs.iter().map(|run| run.test_score())).collect()
    }

    /// The value of `of` for each run's answers for the test samples, by seed.
    pub fn each(&self, of: impl Fn(&Run) -> Result<f64>) -> Result<Vec<f64>> {
        self.runs.iter().map(of).collect()
    }
}

/// One network with one optimizer.
#[derive(Debug)]
pub struct Tuned {
    pub optimizer: &'static str,
    pub rates: Vec<AtRate>,
    /// The index of the best rate.
    best: usize,
}

impl Tuned {
    /// The runs at the best learning rate, in the order of the seeds.
    pub fn best(&self) -> &AtRate {
        &self.rates[self.best]
    }

    /// Returns true if a rate outside the grid might be better.
    pub fn is_at_the_end(&self) -> bool {
        self.best == 0 || self.best + 1 == self.rates.len()
    }
}

/// One network with each optimizer of [`GRIDS`].
#[derive(Debug)]
pub struct Study(pub Vec<Tuned>);

impl Study {
    /// Chooses the learning rate of each optimizer: the one with the highest mean score on the
    /// validation samples or, if several are equal, the lowest.
    pub fn new(trials: &[Trial], runs: Vec<Run>) -> Result<Self> {
        let tuned = |grid: &Grid| Tuned {
            optimizer: grid.name,
            rates: (grid.rates.iter())
                .map(|&rate| AtRate {
                    rate,
                    runs: Vec::new(),
                })
                .collect(),
            best: 0,
        };
        let mut study = Self(GRIDS.iter().map(tuned).collect());
        study.add(trials, runs);
        for tuned in &mut study.0 {
            let scores: Vec<f64> = tuned.rates.iter().map(AtRate::validation_score).collect();
            let better = |best: usize, i: usize| if scores[i] > scores[best] { i } else { best };
            tuned.best = (0..scores.len()).reduce(better).unwrap_or_default();
            if scores[tuned.best].is_infinite() {
                bail!(
                    "training breaks down at every learning rate with {}",
                    tuned.optimizer
                );
            }
        }
        Ok(study)
    }

    /// The best rate of every optimizer with every seed.
    pub fn at_the_best_rates(&self, seeds: &[u64]) -> Vec<Trial> {
        let of = |(grid, tuned): (usize, &Tuned)| {
            let rate = tuned.best().rate;
            let trial = move |&seed: &u64| Trial {
                grid,
                algorithm: GRIDS[grid].algorithm,
                rate,
                seed,
            };
            seeds.iter().map(trial).collect::<Vec<_>>()
        };
        self.0.iter().enumerate().flat_map(of).collect()
    }

    /// Adds each run to its trial.
    pub fn add(&mut self, trials: &[Trial], runs: Vec<Run>) {
        for (trial, run) in trials.iter().zip(runs) {
            let rates = &mut self.0[trial.grid].rates;
            if let Some(at) = rates.iter_mut().find(|at| at.rate == trial.rate) {
                at.runs.push(run);
            }
        }
    }

    /// The runs with Adam at its best learning rate.
    pub fn adam(&self) -> &AtRate {
        self.0[0].best()
    }

    /// The difference between this network's test score and another's, with each optimizer, each
    /// network at its own best learning rate.
    pub fn ahead_of(&self, other: &Self) -> Vec<Interval> {
        let pairs = self.0.iter().zip(&other.0);
        let ahead = |(a, b): (&Tuned, &Tuned)| {
            Interval::paired(&a.best().test_scores(), &b.best().test_scores())
        };
        pairs.map(ahead).collect()
    }

    /// The best learning rates in words: `0.01 with Adam, 0.3 with SGD`.
    pub fn rates(&self) -> String {
        let of = |tuned: &Tuned| {
            let end = if tuned.is_at_the_end() {
                " (the end of its grid)"
            } else {
                ""
            };
            format!("{} with {}{end}", tuned.best().rate, tuned.optimizer)
        };
        self.0.iter().map(of).collect::<Vec<_>>().join(", ")
    }
}

/// Numbers with each optimizer in words: `2.1 ± 0.3 with Adam and 1.5 ± 0.2 with SGD`.
pub fn with_each(numbers: &[Interval], write: impl Fn(&Interval) -> String) -> String {
    let of = |(number, grid): (&Interval, &Grid)| format!("{} with {}", write(number), grid.name);
    numbers
        .iter()
        .zip(&GRIDS)
        .map(of)
        .collect::<Vec<_>>()
        .join(" and ")
}
