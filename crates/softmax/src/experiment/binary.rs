//! Binary classification: one output with a sigmoid, or two with softmax.

use anyhow::Result;
use final_layer::metrics::roc_auc;
use final_layer::networks::BinaryClassifier;
use tch::{Kind, Tensor};

use crate::experiment::claims::{Claim, Kind as ClaimKind, Section, Table};
use crate::experiment::cost::Cost;
use crate::experiment::data::{Parts, to_bool, to_f64};
use crate::experiment::figures::{BLUE, GREEN, ORANGE};
use crate::experiment::laboratory::{Course, Laboratory};
use crate::experiment::rate_figures::{self, Shown};
use crate::experiment::rates::{Study, with_each};
use crate::experiment::saturation::{self, Saturation};
use crate::experiment::statistics::{Interval, Verdict};
use crate::experiment::variants::{OneLogit, TwoLogits, Varied, softmax};

/// The number of training epochs.
pub const EPOCHS: usize = 10;

/// The tolerance for the same function in float32.
const SAME: f64 = 1e-6;

/// Areas under the ROC curve within this of each other are the same for practical purposes: one
/// pair in a hundred.
const MARGIN: f64 = 0.01;

const NAMES: [&str; 3] = [
    "sigmoid, then loss",
    "loss on one logit",
    "softmax over two",
];

pub struct Studies {
    /// The article's network.
    sigmoid: Study,
    logit: Study,
    two: Study,
}

impl Studies {
    fn all(&self) -> [&Study; 3] {
        [&self.sigmoid, &self.logit, &self.two]
    }
}

/// Targets for one output, 1 for odd digits: float32 `(N, 1)`.
fn as_column(digits: &Tensor) -> Tensor {
    is_odd(digits).to_kind(Kind::Float).unsqueeze(1)
}

fn is_odd(digits: &Tensor) -> Tensor {
    digits.remainder(2)
}

pub fn course(parts: &Parts) -> Course<'_> {
    Course {
        parts,
        epochs: EPOCHS,
        score: area,
        tuning_seeds: 5,
    }
}

/// The area under the ROC curve of one output, or of the second minus the first.
fn area(outputs: &Tensor, odd: &Tensor) -> Result<f64> {
    let scores = match outputs.size()[1] {
        1 => outputs.shallow_clone(),
        _ => outputs.select(1, 1) - outputs.select(1, 0),
    };
    Ok(roc_auc(&to_bool(odd)?, &to_f64(&scores)?))
}

pub fn study(laboratory: &Laboratory, digits: &Parts) -> Result<Studies> {
    let columns = digits.with_targets(as_column);
    let classes = digits.with_targets(is_odd);
    Ok(Studies {
        sigmoid: laboratory.study::<BinaryClassifier>(&course(&columns))?,
        logit: laboratory.study::<Varied<OneLogit>>(&course(&columns))?,
        two: laboratory.study::<Varied<TwoLogits>>(&course(&classes))?,
    })
}

pub fn section(studies: &Studies, cost: &Cost, digits: &Parts) -> Result<Section> {
    let saturation = Saturation::find()?;
    Ok(Section {
        id: "binary",
        title: "Does a binary question need softmax?",
        about: format!(
            "Whether a digit is odd, {EPOCHS} epochs over {} pictures: BinaryClassifier as the \
             article has it, the same layers with the loss on the logit, and two outputs with \
             softmax and cross-entropy, each at its own best learning rate. Measured is the area \
             under the ROC curve (AUC): of 100 pairs of an odd and an even digit, how many the \
             network puts into the right order.",
            digits.train.len()
        ),
        panel: Some(("which", "Which last layer?")),
        claims: vec![
            same_function(&studies.logit)?,
            one_output(studies),
            cost.claim(),
            sigmoid_inside(studies),
            saturation.vanishing(),
            saturation::on_logits()?,
        ],
        figures: vec![
            rate_figures::figure(
                "areas",
                "Area under the ROC curve of the test pictures by learning rate, with its 95 % \
                 interval. A dot marks the rate that the validation pictures choose.",
                &Shown {
                    names: &NAMES,
                    colors: &[BLUE, GREEN, ORANGE],
                    studies: &studies.all(),
                    label: "AUC",
                    from: 0.5,
                    to: 1.,
                },
            )?,
            saturation.figure()?,
        ],
        tables: vec![table(studies)],
    })
}

/// Compares the sigmoid of a logit z with the second probability of a softmax over 0 and z.
fn same_function(logit: &Study) -> Result<Claim> {
    let (mut largest, mut equal, mut all) = (0f64, 0, 0);
    for run in &logit.adam().runs {
        let pair = Tensor::cat(&[run.test.zeros_like(), run.test.shallow_clone()], 1);
        let difference = (run.test.sigmoid().squeeze_dim(1) - softmax(&pair).select(1, 1)).abs();
        largest = largest.max(f64::try_from(difference.max())?);
        equal += difference.eq(0.).sum(Kind::Int64).int64_value(&[]);
        all += difference.numel();
    }
    Ok(Claim {
        id: "same-function",
        kind: ClaimKind::Theorem,
        sentence: "Softmax, in this instance, can be used, but would generally involve two output \
                   neurons, which … is functionally equivalent to sigmoid with only one output …",
        experiment: "The sigmoid of each trained network's logit z for each test picture, and the \
                     second probability of a softmax over 0 and z."
            .to_owned(),
        finding: format!(
            "The two are at most {largest:.0e} apart, and equal to the bit for {equal} of {all} \
             answers."
        ),
        verdict: Verdict::if_so(largest <= SAME),
        rule: "e^z/(e^0 + e^z) = 1/(1 + e^-z) is a theorem. Holds if no answers differ by more \
               than 1e-6: the same mathematics, not the same bits.",
    })
}

fn one_output(studies: &Studies) -> Claim {
    let ahead = studies.sigmoid.ahead_of(&studies.two);
    let verdicts: Vec<Verdict> = ahead.iter().map(|ahead| ahead.is_above(-MARGIN)).collect();
    Claim {
        id: "one-output",
        kind: ClaimKind::Measurement,
        sentence: "… in binary classification tasks, a sigmoid function applied to a single output \
                   neuron will suffice to model the probability of belonging to the positive \
                   class.",
        experiment: "The article's network with one sigmoid beside the same layers with two \
                     outputs and softmax."
            .to_owned(),
        finding: format!(
            "With one sigmoid in place of softmax over two, the pairs in the right order change by \
             {}.",
            with_each(&ahead, |x| format!("{:+.1} of 100", x.times(100.)))
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if the interval of the difference lies above -1 pair, with both optimizers; \
               does not hold if it lies below; in part if the optimizers differ.",
    }
}

fn sigmoid_inside(studies: &Studies) -> Claim {
    let ahead = studies.sigmoid.ahead_of(&studies.logit);
    let verdicts: Vec<Verdict> = ahead.iter().map(|ahead| ahead.is_within(MARGIN)).collect();
    Claim {
        id: "sigmoid-inside",
        kind: ClaimKind::Addition,
        sentence: "At its own best learning rate, a network with the sigmoid inside learns as well \
                   as with the loss on the logit.",
        experiment: "Measured: the article's network beside the same layers with binary \
                     cross-entropy on the logit."
            .to_owned(),
        finding: format!(
            "With the sigmoid inside, the pairs in the right order change by {}.",
            with_each(&ahead, |x| format!("{:+.2} of 100", x.times(100.)))
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if the whole interval of the difference lies within 1 pair of 0, with both \
               optimizers; does not hold if it lies outside; in part if the optimizers differ.",
    }
}

fn table(studies: &Studies) -> Table {
    let mut rows = Vec::new();
    for (name, study) in NAMES.iter().zip(studies.all()) {
        for tuned in &study.0 {
            let best = tuned.best();
            let saturated = (best.runs.iter()).map(|run| exact(&run.test)).sum::<i64>();
            let saturated = match *name == NAMES[0] {
                true => saturated.to_string(),
                false => "–".to_owned(),
            };
            rows.push(vec![
                (*name).to_owned(),
                tuned.optimizer.to_owned(),
                best.rate.to_string(),
                format!("{:.4}", Interval::of(&best.test_scores())),
                saturated,
            ]);
        }
    }
    let head = [
        "network",
        "optimizer",
        "best rate",
        "AUC",
        "answers of exactly 0 or 1",
    ];
    Table {
        caption: "The three networks at their best learning rates".to_owned(),
        head: head.map(str::to_owned).into(),
        rows,
    }
}

/// The number of probabilities that are exactly 0 or 1.
fn exact(probabilities: &Tensor) -> i64 {
    let exact = probabilities.eq(0.).logical_or(&probabilities.eq(1.));
    exact.sum(Kind::Int64).int64_value(&[])
}
