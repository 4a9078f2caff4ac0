//! Beyond the article: several labels at once, for which softmax is wrong.

use anyhow::Result;
use tch::{Kind, Tensor};

use crate::experiment::claims::{Claim, Kind as ClaimKind, Section};
use crate::experiment::data::Parts;
use crate::experiment::label_figures::{figure, table};
use crate::experiment::laboratory::{Course, Laboratory};
use crate::experiment::rates::{GRIDS, Study, with_each};
use crate::experiment::statistics::{Interval, Verdict};
use crate::experiment::variants::{
    LabelsShared, LabelsThroughSigmoids, LabelsThroughSoftmax, Varied, softmax,
};

const LABELS: [&str; 3] = ["odd", "more than 4", "divisible by 3"];

/// The number of training epochs.
pub const EPOCHS: usize = 10;

/// The probability from which a label is predicted, unless a threshold is fitted.
const THRESHOLD: f64 = 0.5;

/// Shares of pictures within this of each other are the same for practical purposes.
const MARGIN: f64 = 0.02;

/// The labels of each digit: float32 `(N, 3)`, 0 or 1.
fn labels(digits: &Tensor) -> Tensor {
    let columns = [
        digits.remainder(2).eq(1),
        digits.gt(4),
        digits.remainder(3).eq(0),
    ];
    Tensor::stack(&columns, 1).to_kind(Kind::Float)
}

/// The labels as a distribution: equal shares for those that hold or, if none does, for all.
fn shares(digits: &Tensor) -> Tensor {
    let labels = labels(digits);
    let counts = labels.sum_dim_intlist(1, true, Kind::Float);
    let even = labels.ones_like() / LABELS.len() as f64;
    (&labels / &counts).where_self(&counts.gt(0.), &even)
}

/// The share of pictures for which all three labels are correct at a threshold.
fn all_right(probabilities: &Tensor, truth: &Tensor, threshold: f64) -> Result<f64> {
    let right = probabilities.gt(threshold).eq_tensor(&truth.gt(THRESHOLD));
    Ok(f64::try_from(right.all_dim(1, false).mean(Kind::Double))?)
}

/// The threshold, in hundredths, with the largest share of pictures whose labels are all correct,
/// and that share.
fn fitted(probabilities: &Tensor, truth: &Tensor) -> Result<(f64, f64)> {
    let mut best = (THRESHOLD, all_right(probabilities, truth, THRESHOLD)?);
    for hundredth in 1..100 {
        let threshold = f64::from(hundredth) / 100.;
        let share = all_right(probabilities, truth, threshold)?;
        if share > best.1 {
            best = (threshold, share);
        }
    }
    Ok(best)
}

/// The score of a network with sigmoids: all labels correct at one half.
fn at_one_half(outputs: &Tensor, truth: &Tensor) -> Result<f64> {
    all_right(outputs, truth, THRESHOLD)
}

/// The score of a network with softmax: all labels correct at its best threshold.
fn at_the_best(outputs: &Tensor, truth: &Tensor) -> Result<f64> {
    Ok(fitted(outputs, truth)?.1)
}

/// The same for logits, if the targets are shares.
fn at_the_best_of_shares(logits: &Tensor, shares: &Tensor) -> Result<f64> {
    // A label that does not hold has no share, unless none holds: then each has a third.
    let none = shares.amax([1], true) - shares.amin([1], true);
    let truth = shares
        .gt(0.)
        .logical_and(&none.gt(1e-6))
        .to_kind(Kind::Float);
    at_the_best(&softmax(logits), &truth)
}

pub struct Studies {
    pub sigmoids: Study,
    pub over_all: Study,
    pub shared: Study,
}

pub fn course(parts: &Parts) -> Course<'_> {
    Course {
        parts,
        epochs: EPOCHS,
        score: at_one_half,
        tuning_seeds: 5,
    }
}

pub fn study(laboratory: &Laboratory, digits: &Parts) -> Result<Studies> {
    let labelled = digits.with_targets(labels);
    let shared = digits.with_targets(shares);
    let course = course(&labelled);
    Ok(Studies {
        sigmoids: laboratory.study::<Varied<LabelsThroughSigmoids>>(&course)?,
        over_all: laboratory.study::<Varied<LabelsThroughSoftmax>>(&Course {
            score: at_the_best,
            ..course
        })?,
        shared: laboratory.study::<Varied<LabelsShared>>(&Course {
            parts: &shared,
            score: at_the_best_of_shares,
            ..course
        })?,
    })
}

/// The measurements with one optimizer, by seed.
pub struct Measured {
    pub sigmoids: Vec<f64>,
    /// At a threshold of one half.
    pub softmax: Vec<f64>,
    /// Each at the threshold chosen by its validation pictures.
    pub fitted: [Vec<f64>; 2],
    pub thresholds: [Vec<f64>; 2],
    /// The most labels that softmax predicted for a picture at one half.
    most: i64,
}

impl Measured {
    fn new(studies: &Studies, digits: &Parts, grid: usize) -> Result<Self> {
        let truth = labels(&digits.test.targets);
        let known = labels(&digits.validation.targets);
        let mut all = Self {
            sigmoids: Vec::new(),
            softmax: Vec::new(),
            fitted: [Vec::new(), Vec::new()],
            thresholds: [Vec::new(), Vec::new()],
            most: 0,
        };
        for run in &studies.sigmoids.0[grid].best().runs {
            all.sigmoids.push(all_right(&run.test, &truth, THRESHOLD)?);
        }
        for run in &studies.over_all.0[grid].best().runs {
            all.softmax.push(all_right(&run.test, &truth, THRESHOLD)?);
            let given = run
                .test
                .gt(THRESHOLD)
                .sum_dim_intlist(1, false, Kind::Int64);
            all.most = all.most.max(given.max().int64_value(&[]));
            all.fit(0, &run.validation, &run.test, &known, &truth)?;
        }
        for run in &studies.shared.0[grid].best().runs {
            all.fit(
                1,
                &softmax(&run.validation),
                &softmax(&run.test),
                &known,
                &truth,
            )?;
        }
        Ok(all)
    }

    fn fit(
        &mut self,
        i: usize,
        validated: &Tensor,
        tested: &Tensor,
        known: &Tensor,
        truth: &Tensor,
    ) -> Result<()> {
        let (threshold, _) = fitted(validated, known)?;
        self.fitted[i].push(all_right(tested, truth, threshold)?);
        self.thresholds[i].push(threshold);
        Ok(())
    }

    /// The lead of sigmoids over the better of the two softmax networks, each at its fitted
    /// threshold.
    fn ahead(&self) -> Interval {
        let both = self
            .fitted
            .each_ref()
            .map(|fitted| Interval::paired(&self.sigmoids, fitted));
        match both[1].mean < both[0].mean {
            true => both[1],
            false => both[0],
        }
    }
}

pub fn section(studies: &Studies, digits: &Parts) -> Result<Section> {
    let mut measured = Vec::new();
    for grid in 0..GRIDS.len() {
        measured.push(Measured::new(studies, digits, grid)?);
    }
    let truth = labels(&digits.test.targets);
    let ceiling = all_right(&best_of_softmax(&truth), &truth, THRESHOLD)?;
    Ok(Section {
        id: "several-labels",
        title: "And several labels at once?",
        about: format!(
            "The article does not ask this. For each digit, three labels may hold, none or \
             several: {}. A network of three outputs is trained with a sigmoid for each and binary \
             cross-entropy, with one softmax over all and the same loss, and with cross-entropy on \
             logits, the labels that hold having equal shares of 1. {EPOCHS} epochs over {} \
             pictures, each network at its own best learning rate.",
            LABELS.join(", "),
            digits.train.len()
        ),
        panel: Some(("which", "Which last layer?")),
        claims: vec![
            one_at_most(&measured, &truth, ceiling),
            fitted_threshold(&measured),
            beyond_the_ceiling(&measured, ceiling),
        ],
        figures: vec![figure(&measured, ceiling)?],
        tables: vec![table(studies, &measured)],
    })
}

fn one_at_most(measured: &[Measured], truth: &Tensor, ceiling: f64) -> Claim {
    let counts = truth.sum_dim_intlist(1, false, Kind::Int64);
    let several = counts.gt(1).sum(Kind::Int64).int64_value(&[]);
    let most = measured
        .iter()
        .map(|measured| measured.most)
        .max()
        .unwrap_or_default();
    Claim {
        id: "one-label-at-most",
        kind: ClaimKind::Addition,
        sentence: "Softmax gives one label at most, if a label is given above one half.",
        experiment: "A theorem, checked: the labels that softmax gives the test pictures, and how \
                     many of these need several."
            .to_owned(),
        finding: format!(
            "Softmax gave no picture more than {most} label; {several} of {} need 2 or 3, so no \
             more than {:.1} of 100 can be right.",
            counts.numel(),
            100. * ceiling
        ),
        verdict: Verdict::if_so(most <= 1 && several > 0),
        rule: "Of probabilities that sum to 1, one at most is above one half. Holds if softmax \
               gave no test picture two labels, though some pictures have two or more.",
    }
}

fn fitted_threshold(measured: &[Measured]) -> Claim {
    let ahead: Vec<Interval> = measured.iter().map(Measured::ahead).collect();
    let verdicts: Vec<Verdict> = ahead.iter().map(|ahead| ahead.is_above(MARGIN)).collect();
    Claim {
        id: "fitted-threshold",
        kind: ClaimKind::Addition,
        sentence: "Even at the threshold that is best for it, softmax gets fewer pictures' labels \
                   right than a sigmoid for each.",
        experiment: "Measured: the better of two networks with softmax, at thresholds fitted on \
                     validation pictures, beside sigmoids at one half."
            .to_owned(),
        finding: format!(
            "Sigmoids get all labels right for {}.",
            with_each(&ahead, |x| format!(
                "{:.1} more pictures of 100",
                x.times(100.)
            ))
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if the interval of the difference lies above 2 points, with both optimizers; \
               does not hold if it lies below; in part if the optimizers differ.",
    }
}

fn beyond_the_ceiling(measured: &[Measured], ceiling: f64) -> Claim {
    let shares: Vec<Interval> = measured.iter().map(|m| Interval::of(&m.sigmoids)).collect();
    let verdicts: Vec<Verdict> = shares.iter().map(|share| share.is_above(ceiling)).collect();
    Claim {
        id: "sigmoid-for-each",
        kind: ClaimKind::Addition,
        sentence: "A sigmoid for each label gives as many labels as hold.",
        experiment: "Measured: the share of test pictures with all three labels right, a sigmoid \
                     for each, at one half."
            .to_owned(),
        finding: format!(
            "Sigmoids get all labels right for {}; softmax's ceiling is {:.1}.",
            with_each(&shares, |x| format!("{:.1} of 100 pictures", x.times(100.))),
            100. * ceiling
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if the interval lies above softmax's ceiling at one half, with both \
               optimizers; does not hold if it lies below; in part if the optimizers differ.",
    }
}

/// Probabilities that sum to 1 with the most labels correct at [`THRESHOLD`]: for each picture its
/// first label or, if it has none, equal shares.
fn best_of_softmax(truth: &Tensor) -> Tensor {
    let first = truth.argmax(1, false).one_hot(LABELS.len() as i64);
    let shares = truth.ones_like() / LABELS.len() as f64;
    let any = truth.amax([1], true).gt(0.5);
    first.to_kind(Kind::Float).where_self(&any, &shares)
}
