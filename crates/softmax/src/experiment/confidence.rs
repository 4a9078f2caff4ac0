//! The information in the logits of a trained network, and the quality of its probabilities.

use anyhow::Result;
use final_layer::metrics::roc_auc;
use tch::{Kind, Tensor};

use crate::experiment::calibration::Calibration;
use crate::experiment::claims::{Claim, Kind as ClaimKind, Section};
use crate::experiment::data::{Parts, to_bool, to_f64};
use crate::experiment::laboratory::Run;
use crate::experiment::losses::Losses;
use crate::experiment::pictures;
use crate::experiment::statistics::{Interval, Verdict};
use crate::experiment::variants::softmax;

/// The constant added to all logits.
const SHIFT: f64 = 100.;

/// The limit of an area under the ROC curve that is close to chance, ½.
const CHANCE: f64 = 0.6;

/// A network's answers for the pictures of one set.
pub struct Answers {
    /// The logits, `(N, 10)`.
    pub logits: Tensor,
    pub probabilities: Tensor,
    /// The largest probability for each picture.
    pub confidences: Vec<f64>,
    /// True if the class with the largest probability is the true one.
    pub right: Vec<bool>,
}

impl Answers {
    pub fn new(logits: &Tensor, classes: &Tensor) -> Result<Self> {
        let probabilities = softmax(logits);
        let (confidences, answers) = probabilities.max_dim(1, false);
        Ok(Self {
            right: to_bool(&answers.eq_tensor(classes))?,
            confidences: to_f64(&confidences)?,
            probabilities,
            logits: logits.shallow_clone(),
        })
    }

    /// The answers for the test pictures, by seed, with cross-entropy on logits and Adam.
    pub fn by_seed(losses: &Losses, digits: &Parts) -> Result<Vec<Self>> {
        let runs = &losses.on_logits.adam().runs;
        let answers = |run: &Run| Self::new(&run.test, &digits.test.targets);
        runs.iter().map(answers).collect()
    }
}

pub fn section(losses: &Losses, digits: &Parts) -> Result<Section> {
    let answers = Answers::by_seed(losses, digits)?;
    let calibration = Calibration::new(&losses.on_logits.adam().runs, digits, &answers)?;
    let mut claims = vec![
        arbitrary(&answers)?,
        argmax(&answers),
        margin(&answers)?,
        confidence(&answers)?,
        shift(&answers)?,
        sigmoid_ties(),
    ];
    claims.extend(calibration.claims());
    Ok(Section {
        id: "confidence",
        title: "What do logits tell without softmax, and can probabilities be trusted?",
        about: format!(
            "DigitClassifier with cross-entropy on its logits and Adam at its best learning rate, \
             {}, trained from {} seeds. Temperatures are fitted on {} pictures that were held \
             back; all else is measured on {} test pictures.",
            losses.on_logits.adam().rate,
            answers.len(),
            digits.validation.len(),
            digits.test.len()
        ),
        panel: Some(("drag", "Drag the logits")),
        claims,
        figures: vec![
            pictures::figure(&digits.test, &answers[0])?,
            calibration.figure()?,
        ],
        tables: vec![calibration.table()],
    })
}

/// The number of rows, over all answers, for which the flag is true.
fn count(answers: &[Answers], flags: impl Fn(&Answers) -> Tensor) -> i64 {
    let of = |answers| flags(answers).sum(Kind::Int64).int64_value(&[]);
    answers.iter().map(of).sum()
}

fn all(answers: &[Answers]) -> i64 {
    answers.iter().map(|answers| answers.logits.size()[0]).sum()
}

/// The largest value computed from each seed's answers.
fn largest(answers: &[Answers], of: impl Fn(&Answers) -> Tensor) -> Result<f64> {
    let mut largest = f64::NEG_INFINITY;
    for answers in answers {
        largest = largest.max(f64::try_from(of(answers).max())?);
    }
    Ok(largest)
}

fn arbitrary(answers: &[Answers]) -> Result<Claim> {
    let high = largest(answers, |a| a.logits.shallow_clone())?;
    let low = -largest(answers, |a| -&a.logits)?;
    let distributions = count(answers, |a| {
        let sums = a.logits.sum_dim_intlist(1, false, Kind::Double);
        let positive = a.logits.ge(0.).all_dim(1, false);
        (sums - 1.).abs().lt(1e-3).logical_and(&positive)
    });
    Ok(Claim {
        id: "arbitrary-logits",
        kind: ClaimKind::Measurement,
        sentence: "Without this step, the output of a neural network could range across arbitrary \
                   values, rendering them unsuitable for direct interpretation as probabilities.",
        experiment: "The ten logits of every test picture, from the networks of all seeds."
            .to_owned(),
        finding: format!(
            "Logits range from {low:.1} to {high:.1}, and {distributions} of {} answers are a \
             distribution as they stand.",
            all(answers)
        ),
        verdict: Verdict::if_so((low < 0. || high > 1.) && distributions == 0),
        rule: "Holds if some logits lie outside 0 to 1, and no picture's logits are all positive \
               with a sum of 1.",
    })
}

fn same_class(a: &Tensor, b: &Tensor) -> Tensor {
    a.argmax(1, false).eq_tensor(&b.argmax(1, false))
}

fn argmax(answers: &[Answers]) -> Claim {
    let (same, all) = (
        count(answers, |a| same_class(&a.logits, &a.probabilities)),
        all(answers),
    );
    Claim {
        id: "argmax",
        kind: ClaimKind::Theorem,
        sentence: "Using these raw logits directly for classification can lead to unpredictable \
                   results …",
        experiment: "The class of the largest logit beside the class of the largest probability, \
                     for every test picture and every seed."
            .to_owned(),
        finding: format!(
            "The largest logit and the largest probability name the same class for {same} of {all} \
             answers."
        ),
        verdict: Verdict::if_so(same < all),
        rule: "Softmax keeps the order of its inputs, so the two can differ by a rounding alone. \
               Does not hold if the class is the same for every answer.",
    }
}

/// Compares the difference of two logits with the logarithm of the ratio of their probabilities.
fn margin(answers: &[Answers]) -> Result<Claim> {
    let gap = largest(answers, |a| {
        // In float64, since the smallest probabilities are not float32 numbers.
        let logits = a.logits.to_kind(Kind::Double);
        let log_p = logits.softmax(1, Kind::Double).log();
        let differences = |x: &Tensor| x.unsqueeze(2) - x.unsqueeze(1);
        (differences(&logits) - differences(&log_p)).abs()
    })?;
    let a = &answers[0];
    let (top, _) = a.logits.topk(2, 1, true, true);
    let (top_p, _) = a.probabilities.topk(2, 1, true, true);
    // The picture whose two largest logits are closest to 1 apart.
    let apart = top.select(1, 0) - top.select(1, 1) - 1.;
    let least = apart.abs().argmin(None, false).int64_value(&[]);
    let margin = top.double_value(&[least, 0]) - top.double_value(&[least, 1]);
    let ratio = top_p.double_value(&[least, 0]) / top_p.double_value(&[least, 1]);
    Ok(Claim {
        id: "relative-probability",
        kind: ClaimKind::Theorem,
        sentence: "… a simple argmax of these values doesn't reflect any confidence or relative \
                   probability.",
        experiment: "The difference of every two logits of a picture beside the logarithm of the \
                     ratio of their probabilities, in float64."
            .to_owned(),
        finding: format!(
            "The difference of any two logits is the logarithm of the ratio of their probabilities, \
             to {gap:.0e}: if they are {margin:.2} apart, one class is {ratio:.2} times as \
             probable as the other."
        ),
        verdict: Verdict::if_so(gap > 1e-9),
        rule: "Of the relative probability; the confidence has a line of its own. \
               z_i − z_j = ln(p_i/p_j) is a theorem. Does not hold if it is true of all pairs \
               within 1e-9.",
    })
}

fn confidence(answers: &[Answers]) -> Result<Claim> {
    let mut by_logit = Vec::new();
    let mut by_probability = Vec::new();
    for a in answers {
        let largest = to_f64(&a.logits.max_dim(1, false).0)?;
        by_logit.push(roc_auc(&a.right, &largest));
        by_probability.push(roc_auc(&a.right, &a.confidences));
    }
    let wanting = |right| answers.iter().any(|a| !a.right.contains(&right));
    let (finding, verdict) = match (wanting(false), wanting(true)) {
        (false, false) => {
            let by_logit = Interval::of(&by_logit);
            let by_probability = Interval::of(&by_probability);
            (
                format!(
                    "A right answer has a larger top logit than a wrong one in {:.1} of 100 pairs, \
                     and a larger top probability in {:.1}; by chance it would be 50.",
                    by_logit.times(100.),
                    by_probability.times(100.)
                ),
                by_logit.is_below(CHANCE),
            )
        }
        (true, _) => (
            "A network gave no wrong answer.".to_owned(),
            Verdict::NotMeasured,
        ),
        _ => (
            "A network gave no right answer.".to_owned(),
            Verdict::NotMeasured,
        ),
    };
    Ok(Claim {
        id: "confidence",
        kind: ClaimKind::Measurement,
        sentence: "… a simple argmax of these values doesn't reflect any confidence or relative \
                   probability.",
        experiment: "How well the largest logit tells a right answer from a wrong one (the area \
                     under the ROC curve), beside the largest probability."
            .to_owned(),
        finding,
        verdict,
        rule: "Of the confidence; the relative probability has a line of its own. Holds if its interval lies \
               below 60 of 100 pairs, does not hold if it lies above. Not measured where a network \
               has no wrong answer, or no right one.",
    })
}

fn shift(answers: &[Answers]) -> Result<Claim> {
    let moved = largest(answers, |a| {
        (softmax(&(&a.logits + SHIFT)) - &a.probabilities).abs()
    })?;
    let all = all(answers);
    let same = count(answers, |a| same_class(&(&a.logits + SHIFT), &a.logits));
    Ok(Claim {
        id: "shift",
        kind: ClaimKind::Addition,
        sentence: "A constant added to all logits does not change softmax, so one logit alone \
                   says nothing.",
        experiment: "A theorem, checked: 100 is added to all logits of every test picture."
            .to_owned(),
        finding: format!(
            "Adding 100 to every logit changes no probability by more than {moved:.0e}, and the \
             class of {} of {all} answers.",
            all - same
        ),
        verdict: Verdict::if_so(moved <= 1e-4 && same == all),
        rule: "Holds if no probability changes by more than 1e-4, a few roundings of float32 at \
               100, and no class changes.",
    })
}

/// Any increasing function keeps the order, except that float32 rounds.
fn sigmoid_ties() -> Claim {
    let logits = Tensor::from_slice(&[0f32, 40., 40.00001]).view([1, 3]);
    let class = |scores: &Tensor| scores.argmax(1, false).int64_value(&[0]);
    let by_logits = class(&logits);
    let by_softmax = class(&softmax(&logits));
    let by_sigmoid = class(&logits.sigmoid());
    let verdicts = [by_softmax, by_sigmoid].map(|class| Verdict::if_so(class == by_logits));
    Claim {
        id: "sigmoid-ties",
        kind: ClaimKind::Addition,
        sentence: "Softmax and sigmoids keep the largest logit the largest.",
        experiment: "Computed in float32: the largest of 0, 40 and 40.00001, before and after."
            .to_owned(),
        finding: format!(
            "The largest of [0, 40, 40.00001] is number {by_logits}; after softmax it is \
             {by_softmax}, after sigmoids {by_sigmoid}, since they round to 1 from 17 on."
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if both give the class of the largest logit; in part if one does. Of equals, \
               the first is taken.",
    }
}
