//! One network with five losses, each at its best learning rate, to find the losses that softmax
//! suits.

use anyhow::Result;
use final_layer::networks::DigitClassifier;
use tch::{Kind, Tensor};

use crate::experiment::claims::{Claim, Kind as ClaimKind, Section, Table};
use crate::experiment::data::Parts;
use crate::experiment::gradients;
use crate::experiment::laboratory::{Course, Laboratory};
use crate::experiment::loss_figures;
use crate::experiment::rates::{Study, with_each};
use crate::experiment::statistics::{Interval, Verdict};
use crate::experiment::variants::{
    CrossEntropyOnSoftmax, SquaredErrorOnLogits, SquaredErrorOnSoftmax, TenSigmoids, Varied,
};

pub const CLASSES: i64 = 10;

/// The number of training epochs.
pub const EPOCHS: usize = 10;

/// Accuracies within this of each other are the same for practical purposes: two percentage points.
/// Ten seeds can show differences of about one.
pub const MARGIN: f64 = 0.02;

/// The losses, in the order of the studies.
pub const NAMES: [&str; 5] = [
    "cross-entropy on logits",
    "cross-entropy on softmax",
    "squared error on softmax",
    "squared error on logits",
    "ten sigmoids",
];

/// The studies of the five losses.
pub struct Losses {
    pub on_logits: Study,
    pub on_softmax: Study,
    pub squared_on_softmax: Study,
    pub squared_on_logits: Study,
    pub sigmoids: Study,
}

impl Losses {
    pub fn studies(&self) -> [&Study; 5] {
        [
            &self.on_logits,
            &self.on_softmax,
            &self.squared_on_softmax,
            &self.squared_on_logits,
            &self.sigmoids,
        ]
    }
}

pub fn course(digits: &Parts) -> Course<'_> {
    Course {
        parts: digits,
        epochs: EPOCHS,
        score: accuracy,
        tuning_seeds: usize::MAX,
    }
}

/// The share of rows whose largest output belongs to the true class.
pub fn accuracy(outputs: &Tensor, classes: &Tensor) -> Result<f64> {
    let right = outputs.argmax(1, false).eq_tensor(classes);
    Ok(f64::try_from(right.mean(Kind::Double))?)
}

/// Trains the network with each loss.
pub fn study(laboratory: &Laboratory, digits: &Parts) -> Result<Losses> {
    let course = course(digits);
    Ok(Losses {
        on_logits: laboratory.study::<DigitClassifier>(&course)?,
        on_softmax: laboratory.study::<Varied<CrossEntropyOnSoftmax>>(&course)?,
        squared_on_softmax: laboratory.study::<Varied<SquaredErrorOnSoftmax>>(&course)?,
        squared_on_logits: laboratory.study::<Varied<SquaredErrorOnLogits>>(&course)?,
        sigmoids: laboratory.study::<Varied<TenSigmoids>>(&course)?,
    })
}

/// −ln(e/(e + 9)): the lowest possible cross-entropy if its ten "logits" are probabilities.
pub fn floor() -> f64 {
    (1. + (CLASSES - 1) as f64 / 1f64.exp()).ln()
}

pub fn section(losses: &Losses, digits: &Parts) -> Result<Section> {
    let claims = vec![
        best(losses),
        sigmoids(losses),
        worse(
            "double-softmax",
            "Cross-entropy on the output of softmax, which applies softmax twice, learns worse.",
            "A softmax before cross-entropy",
            &losses.on_softmax,
            losses,
        ),
        smallest_loss(losses),
        gradients::claim()?,
        worse(
            "squared-on-softmax",
            "Squared error on the output of softmax learns worse than cross-entropy.",
            "Squared error on softmax in place of cross-entropy",
            &losses.squared_on_softmax,
            losses,
        ),
        worse(
            "squared-on-logits",
            "Squared error on logits, without any softmax, learns worse than cross-entropy.",
            "Squared error on logits in place of cross-entropy",
            &losses.squared_on_logits,
            losses,
        ),
    ];
    Ok(Section {
        id: "losses",
        title: "Which loss does softmax belong with?",
        about: format!(
            "DigitClassifier with five losses, {EPOCHS} epochs over {} pictures. Each loss has the \
             learning rate that is best for it on {} validation pictures, with Adam and with SGD, \
             and the accuracy is that on {} test pictures.",
            digits.train.len(),
            digits.validation.len(),
            digits.test.len()
        ),
        panel: Some(("race", "Race the losses")),
        claims,
        figures: vec![
            loss_figures::accuracy(losses)?,
            loss_figures::by_rate(losses)?,
            loss_figures::training_loss(losses)?,
            gradients::figure()?,
        ],
        tables: vec![table(losses)],
    })
}

fn points(difference: &Interval) -> String {
    format!("{:+.1} points", difference.times(100.))
}

fn best(losses: &Losses) -> Claim {
    let others = &losses.studies()[1..];
    let parts = others.iter().flat_map(|other| {
        let ahead = losses.on_logits.ahead_of(other);
        ahead.into_iter().map(|ahead| ahead.is_above(MARGIN))
    });
    let verdict = Verdict::all(parts);
    let as_good: Vec<&str> = (others.iter().zip(&NAMES[1..]))
        .filter(|(other, _)| {
            let ahead = losses.on_logits.ahead_of(other);
            ahead
                .iter()
                .any(|ahead| ahead.is_below(MARGIN) == Verdict::Holds)
        })
        .map(|(_, &name)| name)
        .collect();
    let reference: Vec<Interval> = losses
        .on_logits
        .0
        .iter()
        .map(|tuned| Interval::of(&tuned.best().test_scores()))
        .collect();
    let rivals = match as_good.is_empty() {
        true => "no other loss is shown to come within 2 points".to_owned(),
        false => format!(
            "less than 2 points behind, or ahead, with one optimizer at least: {}",
            as_good.join(", ")
        ),
    };
    Claim {
        id: "cross-entropy",
        kind: ClaimKind::Measurement,
        sentence: "This is particularly useful during training, allowing us to measure error \
                   against a target probability distribution using loss functions like \
                   categorical cross-entropy.",
        experiment: "The same network with cross-entropy on its logits and with four other \
                     losses, each at its own best learning rate."
            .to_owned(),
        finding: format!(
            "Cross-entropy on logits is right for {}; {rivals}.",
            with_each(&reference, |x| format!(
                "{:.1} of 100 test pictures",
                x.times(100.)
            ))
        ),
        verdict,
        rule: "Read as: no other loss does as well. Holds if the interval of the difference to \
               every other loss, with both optimizers, lies above 2 points; does not hold if one \
               lies below.",
    }
}

fn sigmoids(losses: &Losses) -> Claim {
    let ahead = losses.sigmoids.ahead_of(&losses.on_logits);
    let verdicts: Vec<Verdict> = ahead.iter().map(|ahead| ahead.is_below(-MARGIN)).collect();
    Claim {
        id: "ten-sigmoids",
        kind: ClaimKind::Measurement,
        sentence: "The final layer activation function, specifically softmax, isn't inherently \
                   essential for all neural networks, but its role in classification tasks, \
                   especially multiclass problems, is pivotal …",
        experiment: "Ten sigmoids with binary cross-entropy in place of one softmax; the class is \
                     the largest."
            .to_owned(),
        finding: format!(
            "Ten sigmoids change the accuracy by {}.",
            with_each(&ahead, points)
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Read as: without softmax, fewer classes are right. Holds if the interval of the \
               difference lies below -2 points, does not hold if it lies above; in part if the \
               optimizers differ.",
    }
}

fn worse(
    id: &'static str,
    sentence: &'static str,
    what: &str,
    study: &Study,
    losses: &Losses,
) -> Claim {
    let ahead = study.ahead_of(&losses.on_logits);
    let verdicts: Vec<Verdict> = ahead.iter().map(|ahead| ahead.is_below(-MARGIN)).collect();
    Claim {
        id,
        kind: ClaimKind::Addition,
        sentence,
        experiment: format!(
            "Measured: the same network, at the learning rates that are best for this loss: {}.",
            study.rates()
        ),
        finding: format!(
            "{what} changes the accuracy by {}.",
            with_each(&ahead, points)
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if the interval of the difference to cross-entropy on logits lies below \
               -2 points, with both optimizers; does not hold if it lies above; in part if the \
               optimizers differ.",
    }
}

fn smallest_loss(losses: &Losses) -> Claim {
    let runs = losses.on_softmax.0.iter().flat_map(|tuned| &tuned.rates);
    let runs = runs.flat_map(|at| &at.runs);
    let smallest = runs
        .map(|run| run.smallest_loss)
        .fold(f64::INFINITY, f64::min);
    let floor = floor();
    Claim {
        id: "double-softmax-floor",
        kind: ClaimKind::Addition,
        sentence: "If softmax is applied twice, the loss of a perfect answer is \
                   ln(1 + 9/e), and not 0.",
        experiment: "A theorem, checked: the smallest loss of any batch in all trainings with \
                     softmax before cross-entropy."
            .to_owned(),
        finding: format!(
            "The smallest loss of a batch was {smallest:.5}, and the floor is {floor:.5}."
        ),
        verdict: Verdict::if_so(smallest >= floor - 1e-5),
        rule: "Softmax of one 1 and nine 0 gives the true class e/(e + 9) at most. Holds if no \
               batch had a loss below that of this.",
    }
}

fn table(losses: &Losses) -> Table {
    let mut rows = Vec::new();
    for (name, study) in NAMES.iter().zip(losses.studies()) {
        let differences = study.ahead_of(&losses.on_logits);
        for (tuned, difference) in study.0.iter().zip(differences) {
            let scores = Interval::of(&tuned.best().test_scores());
            rows.push(vec![
                (*name).to_owned(),
                tuned.optimizer.to_owned(),
                tuned.best().rate.to_string(),
                format!("{:.1}", 100. * tuned.best().validation_score()),
                format!("{:.1}", scores.times(100.)),
                format!("{:+.1}", difference.times(100.)),
            ]);
        }
    }
    let head = [
        "loss",
        "optimizer",
        "best rate",
        "validation accuracy",
        "test accuracy",
        "minus cross-entropy's",
    ];
    Table {
        caption: "Each loss at its best learning rate, in percentage points".to_owned(),
        head: head.map(str::to_owned).into(),
        rows,
    }
}
