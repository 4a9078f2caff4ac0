//! What the logits of a trained network say without softmax, and what its probabilities are worth.

use anyhow::Result;
use final_layer::data::Samples;
use final_layer::metrics::roc_auc;
use final_layer::networks::DigitClassifier;
use tch::{Kind, Tensor};

use crate::calibration::Calibration;
use crate::claims::{Claim, Figure, Layout, Section, Verdict};
use crate::data::{Digits, to_bool, to_f64};
use crate::figures::{Axis, BLUE, Mark, ORANGE, Plot, Series, largest, picture, smallest};
use crate::laboratory::{Run, outputs};
use crate::variants::softmax;

/// What is added to all logits.
const SHIFT: f64 = 100.;

/// A network's answers to the pictures of one set.
pub struct Answers {
    pub logits: Tensor,
    pub probabilities: Tensor,
    /// The largest probability of each picture.
    pub confidences: Vec<f64>,
    /// Whether the class of the largest is the true one.
    pub right: Vec<bool>,
}

impl Answers {
    pub fn new(logits: Tensor, targets: &Tensor) -> Result<Self> {
        let probabilities = softmax(&logits);
        let (confidences, classes) = probabilities.max_dim(1, false);
        Ok(Self {
            right: to_bool(&classes.eq_tensor(targets))?,
            confidences: to_f64(&confidences)?,
            probabilities,
            logits,
        })
    }
}

pub fn section<S>(digits: &Digits, run: &Run<DigitClassifier, S>) -> Result<Section> {
    let Digits {
        validation, test, ..
    } = digits;
    let answers = Answers::new(outputs(&run.model, test), &test.targets)?;
    let calibration = Calibration::new(run, digits, &answers)?;

    let mut claims = claims_about_logits(&answers)?;
    claims.push(sigmoid_ties()?);
    claims.extend(calibration.claims(&answers, &test.targets)?);
    Ok(Section {
        id: "confidence",
        title: "What do logits say without softmax, and are probabilities to be trusted?",
        about: format!(
            "DigitClassifier, trained with cross-entropy on its logits on {} pictures. The \
             temperature is fitted on {} others that were held back, and everything below is \
             measured on the {} test pictures.",
            digits.train.len(),
            validation.len(),
            test.len()
        ),
        claims,
        figures: vec![
            digits_figure(test, &answers)?,
            calibration.figure(&answers)?,
        ],
        tables: vec![calibration.table()],
    })
}

fn claims_about_logits(answers: &Answers) -> Result<Vec<Claim>> {
    let Answers {
        logits,
        probabilities,
        ..
    } = answers;
    let n = logits.size()[0];
    let (low, high) = (f64::try_from(logits.min())?, f64::try_from(logits.max())?);
    let sums = logits.sum_dim_intlist(1, false, Kind::Double);
    let distributions = (sums - 1.)
        .abs()
        .lt(1e-3)
        .logical_and(&logits.ge(0.).all_dim(1, false));
    let distributions = distributions.sum(Kind::Int64).int64_value(&[]);

    let shifted = logits + SHIFT;
    let moved = f64::try_from((softmax(&shifted) - probabilities).abs().max())?;
    let agreement = |a: &Tensor, b: &Tensor| {
        let same = a.argmax(1, false).eq_tensor(&b.argmax(1, false));
        same.sum(Kind::Int64).int64_value(&[])
    };
    let same_shifted = agreement(&shifted, logits);
    let same_class = agreement(logits, probabilities);
    Ok(vec![
        Claim {
            id: "arbitrary-logits",
            text: "without softmax: arbitrary values",
            measured: format!("{low:.1} to {high:.1}; {distributions} of {n} are a distribution"),
            verdict: Verdict::if_so((low < 0. || high > 1.) && distributions == 0),
            rule: "Holds if some logits lie outside 0 to 1 and no picture's logits are positive \
                   and sum to 1.",
        },
        Claim {
            id: "shift",
            text: "logits + 100: nothing else changes",
            measured: format!("probabilities ± {moved:.1e}; class {same_shifted} of {n}"),
            verdict: Verdict::if_so(moved <= 1e-4 && same_shifted == n),
            rule: "Holds if no probability moves by more than 1e-4, a few roundings of float32 \
                   at 100, and no class changes.",
        },
        Claim {
            id: "argmax",
            text: "argmax of logits is unpredictable",
            measured: format!("the class that softmax gives: {same_class} of {n}"),
            verdict: Verdict::of(same_class == 0, same_class < n),
            rule: "That softmax keeps the order is a theorem, up to rounding: it is checked here. \
                   Does not hold if the largest logit and the largest probability are of one class \
                   for every picture.",
        },
        no_confidence(answers)?,
    ])
}

fn no_confidence(answers: &Answers) -> Result<Claim> {
    let largest_logits = to_f64(&answers.logits.max_dim(1, false).0)?;
    let by_logit = roc_auc(&answers.right, &largest_logits);
    let by_probability = roc_auc(&answers.right, &answers.confidences);
    let (n, right) = (answers.right.len(), &answers.right);
    let (measured, verdict) = match (right.contains(&true), right.contains(&false)) {
        (true, true) => (
            format!("right from wrong, AUC: {by_logit:.3}, softmax {by_probability:.3}"),
            Verdict::of(by_logit <= 0.55, by_logit < by_probability),
        ),
        (_, false) => (format!("no wrong answer among {n}"), Verdict::NotMeasured),
        (false, _) => (format!("no right answer among {n}"), Verdict::NotMeasured),
    };
    Ok(Claim {
        id: "no-confidence",
        text: "a logit does not reflect confidence",
        measured,
        verdict,
        rule: "How well the largest logit, and the largest probability, tell right answers from \
               wrong ones. Holds if the logit does so no better than chance (ROC AUC up to 0.55); \
               in part if worse than the probability. Not measured where all answers are right, or \
               all wrong.",
    })
}

/// Any increasing function keeps the order, but float32 rounds.
fn sigmoid_ties() -> Result<Claim> {
    let logits = Tensor::from_slice(&[0f32, 40., 40.00001]).view([1, 3]);
    let class = |scores: &Tensor| scores.argmax(1, false).int64_value(&[0]);
    let (by_logits, by_softmax, by_sigmoid) = (
        class(&logits),
        class(&softmax(&logits)),
        class(&logits.sigmoid()),
    );
    Ok(Claim {
        id: "sigmoid-ties",
        text: "softmax and sigmoid keep the argmax",
        measured: format!(
            "[0, 40, 40.00001]: {by_logits}, softmax {by_softmax}, sigmoid {by_sigmoid}"
        ),
        verdict: Verdict::of(
            by_softmax == by_logits && by_sigmoid == by_logits,
            by_softmax == by_logits || by_sigmoid == by_logits,
        ),
        rule: "Holds if both give the class of the largest logit; in part if one does. In float32 \
               the sigmoid of 17 and more is 1, and the first of equals is taken.",
    })
}

/// The places of the test pictures that the figure shows, each with what it is.
fn handful(answers: &Answers) -> Vec<(usize, &'static str)> {
    let of = |right: bool| {
        let mut places: Vec<usize> = (0..answers.right.len())
            .filter(|&i| answers.right[i] == right)
            .collect();
        let confidence = |i: &usize| answers.confidences[*i];
        places.sort_by(|a, b| confidence(a).total_cmp(&confidence(b)));
        places
    };
    let (right, wrong) = (of(true), of(false));
    let chosen = [
        (right.last(), "the surest right answer"),
        (right.get(right.len() / 20), "a right answer in doubt"),
        (right.first(), "the least sure right answer"),
        (wrong.first(), "the least sure wrong answer"),
        (wrong.last(), "the surest wrong answer"),
    ];
    let present = chosen.into_iter();
    present
        .filter_map(|(place, what)| Some((*place?, what)))
        .collect()
}

fn digits_figure(test: &Samples, answers: &Answers) -> Result<Figure> {
    let classes = answers.logits.size()[1];
    let mut plots = Vec::new();
    let handful = handful(answers);
    let rows: Vec<i64> = handful.iter().map(|&(i, _)| i as i64).collect();
    let shown = to_f64(&answers.logits.index_select(0, &Tensor::from_slice(&rows)))?;
    let lowest = smallest(shown.iter().copied()).min(0.) - 1.;
    let highest = largest(shown.iter().copied()) + 1.;
    for &(i, what) in &handful {
        let row = i as i64;
        let truth = test.targets.int64_value(&[row]);
        let answer = answers.logits.get(row).argmax(0, false).int64_value(&[]);
        let pixels: Vec<u8> = Vec::try_from(test.features.get(row))?;
        let alt = format!("A handwritten {truth}, {what}.");
        plots.push(picture(&pixels, &alt)?);
        let bars = |title: String, label: &str, range: (f64, f64), color, values: Tensor| {
            let values = to_f64(&values)?;
            let points = (0..classes).map(|class| class as f64).zip(values).collect();
            let x =
                Axis::new("class", -0.6, classes as f64 - 0.4).with_format(|x| format!("{x:.0}"));
            let y = Axis::new(label, range.0, range.1);
            let mut plot = Plot::new(
                &title,
                x,
                y,
                vec![Series::new("", color, Mark::Bars(0.7), points)],
            );
            plot.size = (360, 230);
            plot.alt = format!("The {label} of each class for a handwritten {truth}.");
            plot.to_svg()
        };
        let logits = answers.logits.get(row);
        let probabilities = answers.probabilities.get(row);
        let confidence = answers.confidences[i];
        plots.push(bars(
            format!("a {truth}, taken for {answer}"),
            "logit",
            (lowest, highest),
            BLUE,
            logits,
        )?);
        plots.push(bars(
            format!("with probability {confidence:.3}"),
            "probability",
            (0., 1.),
            ORANGE,
            probabilities,
        )?);
    }
    let what: Vec<&str> = handful.iter().map(|&(_, what)| what).collect();
    Ok(Figure {
        id: "logits-and-probabilities",
        caption: format!(
            "Test pictures, the logits of each class and the probabilities that softmax makes of \
             them: {}. The tallest bar stays the tallest; how much it says is seen in the \
             probabilities.",
            what.join(", ")
        ),
        layout: Layout::Pictures,
        plots,
    })
}
