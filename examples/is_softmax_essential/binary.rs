//! Yes or no: one output with a sigmoid, or two with a softmax.

use anyhow::Result;
use final_layer::data::Samples;
use final_layer::metrics::{roc_auc, roc_curve};
use final_layer::networks::BinaryClassifier;
use final_layer::tasks::{BinaryClassification, Model, Network, Task};
use plotters::prelude::SeriesLabelPosition;
use tch::{Device, Kind, Tensor, no_grad};

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::{Digits, to_bool, to_f64, with_targets};
use crate::figures::{Axis, BLUE, GREEN, INK, Mark, ORANGE, Plot, Series};
use crate::laboratory::{EPOCHS, Laboratory, Run, outputs, parameters};
use crate::variants::{OneLogit, TwoLogits, Varied, binary_cross_entropy_with_logits, softmax};

/// How far apart the same function may come out in float32.
const SAME: f64 = 1e-6;

/// A step counts as slower from this much on.
const SLOWER: f64 = 1.05;

/// How often the networks take turns where their steps are timed.
pub const ROUNDS: usize = 10;

/// What a trained network says of the test pictures.
struct Answers {
    name: &'static str,
    /// Of the positive class.
    probabilities: Vec<f64>,
    auc: f64,
    parameters: usize,
    step_seconds: f64,
}

impl Answers {
    fn new<N: Network>(
        name: &'static str,
        model: &Model<N>,
        step_seconds: f64,
        odd: &[bool],
        probabilities: &Tensor,
    ) -> Result<Self> {
        let probabilities = to_f64(probabilities)?;
        Ok(Self {
            name,
            auc: roc_auc(odd, &probabilities),
            parameters: parameters(model),
            step_seconds,
            probabilities,
        })
    }

    /// How many probabilities are exactly 0 or 1.
    fn saturated(&self) -> usize {
        let probabilities = self.probabilities.iter();
        probabilities.filter(|&&p| p == 0. || p == 1.).count()
    }
}

pub fn section(laboratory: &Laboratory, digits: &Digits) -> Result<Section> {
    let test = &digits.test;
    let odd = to_bool(&is_odd(&test.targets))?;
    let columns = with_targets(&digits.train, as_column);
    let classes = with_targets(&digits.train, is_odd);
    let sigmoid = train::<BinaryClassifier>(laboratory, &columns, EPOCHS)?.model;
    let logit = train::<Varied<OneLogit>>(laboratory, &columns, EPOCHS)?.model;
    let two = train::<Varied<TwoLogits>>(laboratory, &classes, EPOCHS)?.model;
    let times = step_times(laboratory, &columns, &classes)?;

    let by_sigmoid = outputs(&sigmoid, test);
    let by_logit = outputs(&logit, test).sigmoid();
    let by_two = positive_of_two(&outputs(&two, test));
    let answers = [
        Answers::new("sigmoid, BCE", &sigmoid, times[0], &odd, &by_sigmoid)?,
        Answers::new("BCE on the logit", &logit, times[1], &odd, &by_logit)?,
        Answers::new("two outputs, softmax", &two, times[2], &odd, &by_two)?,
    ];
    let claims = vec![
        same_function(laboratory, &sigmoid, test)?,
        as_good(&answers, &odd),
        more_costly(&answers),
        vanishing()?,
        on_logits()?,
    ];
    Ok(Section {
        id: "binary",
        title: "Does a binary question need softmax?",
        about: format!(
            "Whether a digit is odd, {EPOCHS} epochs over {} pictures from the same seed: \
             BinaryClassifier as the document has it, the same layers with the loss on the logit, \
             and two outputs with softmax and cross-entropy.",
            digits.train.len()
        ),
        claims,
        figures: vec![roc_figure(&answers, &odd)?, saturation_figure()?],
        tables: vec![table(&answers)],
    })
}

fn is_odd(digits: &Tensor) -> Tensor {
    digits.remainder(2)
}

/// 1 for odd digits, as the network's one output is compared with: float32 `(N, 1)`.
fn as_column(digits: &Tensor) -> Tensor {
    is_odd(digits).to_kind(Kind::Float).unsqueeze(1)
}

/// The probability of the second of two classes, `(N,)`.
fn positive_of_two(logits: &Tensor) -> Tensor {
    softmax(logits).select(1, 1)
}

fn train<N: Network>(laboratory: &Laboratory, samples: &Samples, epochs: usize) -> Result<Run<N>> {
    laboratory.train(samples, epochs, |_| Ok(()))
}

/// How long a training step of the three networks takes, in seconds: the least of the medians of
/// [`ROUNDS`] epochs in which they take turns, so that what else the machine does meets all alike.
fn step_times(laboratory: &Laboratory, columns: &Samples, classes: &Samples) -> Result<[f64; 3]> {
    let mut times = [f64::INFINITY; 3];
    for _ in 0..ROUNDS {
        let round = [
            train::<BinaryClassifier>(laboratory, columns, 1)?.step_seconds,
            train::<Varied<OneLogit>>(laboratory, columns, 1)?.step_seconds,
            train::<Varied<TwoLogits>>(laboratory, classes, 1)?.step_seconds,
        ];
        times = std::array::from_fn(|i| times[i].min(round[i]));
    }
    Ok(times)
}

/// The network of two outputs whose first logit is 0 and whose second is the logit of the one.
fn same_function(
    laboratory: &Laboratory,
    one: &Model<BinaryClassifier>,
    test: &Samples,
) -> Result<Claim> {
    let two = laboratory.build::<Varied<TwoLogits>>();
    let trained = one.vs.variables();
    no_grad(|| {
        for (name, mut variable) in two.vs.variables() {
            let source = &trained[&name];
            if variable.size() == source.size() {
                variable.copy_(source);
            } else {
                // The last layer: a row of zeros above the one there is.
                let row = source.view_([&[1], &source.size()[1..]].concat());
                let zeros = row.zeros_like();
                variable.copy_(&Tensor::cat(&[zeros, row], 0).view_(variable.size()));
            }
        }
    });
    let by_one = outputs(one, test).squeeze_dim(1);
    let by_two = positive_of_two(&outputs(&two, test));
    let difference = (&by_one - &by_two).abs();
    let largest = f64::try_from(difference.max())?;
    let equal = difference.eq(0.).sum(Kind::Int64).int64_value(&[]);
    Ok(Claim {
        id: "same-function",
        text: "sigmoid(z) is softmax over [0, z]",
        measured: format!("≤ {largest:.1e} apart; {equal} of {} bit-equal", test.len()),
        verdict: Verdict::of(largest <= SAME, largest <= 1e-3),
        rule: "Two outputs built from the trained weights of one. Holds if no test picture's \
               probabilities differ by more than 1e-6: the same mathematics, not the same bits.",
    })
}

/// The standard error of a ROC AUC, after Hanley and McNeil (1982).
fn standard_error(auc: f64, odd: &[bool]) -> f64 {
    let positives = odd.iter().filter(|&&odd| odd).count() as f64;
    let negatives = odd.len() as f64 - positives;
    let q1 = auc / (2. - auc);
    let q2 = 2. * auc * auc / (1. + auc);
    let square = auc * auc;
    let variance =
        auc * (1. - auc) + (positives - 1.) * (q1 - square) + (negatives - 1.) * (q2 - square);
    (variance / (positives * negatives)).sqrt()
}

fn as_good([sigmoid, _, two]: &[Answers; 3], odd: &[bool]) -> Claim {
    let error = standard_error(sigmoid.auc, odd);
    Claim {
        id: "one-output-suffices",
        text: "one sigmoid does as well as softmax",
        measured: format!(
            "AUC {:.4}, softmax {:.4} (error {error:.4})",
            sigmoid.auc, two.auc
        ),
        verdict: Verdict::if_so(sigmoid.auc >= two.auc - 2. * error),
        rule: "Both trained. Holds if the area under the ROC curve of one output is not below that \
               of two by more than two standard errors.",
    }
}

fn more_costly([_, one, two]: &[Answers; 3]) -> Claim {
    let more = two.parameters as f64 - one.parameters as f64;
    let slower = two.step_seconds / one.step_seconds;
    Claim {
        id: "two-outputs-cost",
        text: "two outputs cost more",
        measured: format!(
            "{more:+} weights ({:+.2} %), {:+.1} % time a step",
            100. * more / one.parameters as f64,
            100. * (slower - 1.)
        ),
        verdict: Verdict::of(more > 0. && slower >= SLOWER, more > 0.),
        rule: "Beside one output, both with the loss on logits; the time is that of a training step, \
               the least of the medians of ten epochs, the networks taking turns. Holds if there are \
               more weights and a step takes 5 % longer or more; in part if there are more \
               weights.",
    }
}

/// Loss and gradient of a logit `z` whose true answer is no.
fn loss_and_gradient(loss: fn(&Tensor, &Tensor) -> Result<Tensor>, z: f32) -> Result<(f64, f64)> {
    let z = Tensor::from_slice(&[z]).set_requires_grad(true);
    let loss = loss(&z, &Tensor::zeros([1], (Kind::Float, Device::Cpu)))?;
    loss.backward();
    Ok((f64::try_from(&loss)?, f64::try_from(z.grad())?))
}

fn after_sigmoid(z: &Tensor, target: &Tensor) -> Result<Tensor> {
    BinaryClassification::loss(&z.sigmoid(), target)
}

fn with_logits(z: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok(binary_cross_entropy_with_logits(z, target))
}

/// Where a search for the end of the gradient begins and ends.
const SEARCH: (f32, f32) = (0., 100.);

/// The smallest float32 z, up to [`SEARCH`]'s end, from which on the gradient through a sigmoid and
/// then the loss is 0, by bisection; none if it never is.
fn saturation() -> Result<Option<f32>> {
    let is_zero = |z: f32| -> Result<bool> { Ok(loss_and_gradient(after_sigmoid, z)?.1 == 0.) };
    if !is_zero(SEARCH.1)? {
        return Ok(None);
    }
    // The bits of positive floats are in the order of the floats.
    let (mut above, mut zero) = (SEARCH.0.to_bits(), SEARCH.1.to_bits());
    while zero - above > 1 {
        let middle = above + (zero - above) / 2;
        match is_zero(f32::from_bits(middle))? {
            true => zero = middle,
            false => above = middle,
        }
    }
    Ok(Some(f32::from_bits(zero)))
}

fn vanishing() -> Result<Claim> {
    let found = saturation()?;
    let (loss, _) = loss_and_gradient(after_sigmoid, SEARCH.1)?;
    Ok(Claim {
        id: "sigmoid-then-bce",
        text: "sigmoid, then BCE: gradient vanishes",
        measured: match found {
            Some(z) => format!("0 from z = {z:.3} on; loss never above {loss:.0}"),
            None => format!("not up to z = {}", SEARCH.1),
        },
        verdict: Verdict::if_so(found.is_some()),
        rule: "A logit z, where no is true. Holds if from some z up to 100 on, found by bisection, \
               the gradient is exactly 0: the sigmoid rounds to 1, and the loss is cut at 100.",
    })
}

fn on_logits() -> Result<Claim> {
    let (after, gradient_after) = loss_and_gradient(after_sigmoid, 17.)?;
    let (with, gradient_with) = loss_and_gradient(with_logits, 17.)?;
    let (_, farther) = loss_and_gradient(with_logits, SEARCH.1)?;
    Ok(Claim {
        id: "bce-on-logits",
        text: "BCE on the logit keeps it",
        measured: format!(
            "z = 17: loss {with:.0}, gradient {gradient_with:.0}; else {after:.0}, {gradient_after:.0}"
        ),
        verdict: Verdict::if_so(gradient_with > 0.99 && farther > 0.99),
        rule: "Holds if, at z = 17 and at z = 100 where no is true, the gradient of the loss on \
               the logit is within 1 % of 1.",
    })
}

fn roc_figure(answers: &[Answers], odd: &[bool]) -> Result<Figure> {
    // The first two may coincide: the dashes lie on the line.
    let looks = [
        (1, GREEN, Mark::Line),
        (0, BLUE, Mark::Dashes),
        (2, ORANGE, Mark::Dashes),
    ];
    let mut series = vec![Series::new("", INK, Mark::Dashes, vec![(0., 0.), (1., 1.)])];
    for (i, color, mark) in looks {
        let answers = &answers[i];
        let curve = roc_curve(odd, &answers.probabilities);
        series.push(Series::new(answers.name, color, mark, curve));
    }
    let x = Axis::new("even taken for odd", 0., 1.);
    let mut plot = Plot::new("", x, Axis::new("odd found", 0., 1.), series);
    let areas: Vec<String> = answers
        .iter()
        .map(|answers| format!("{} {:.4}", answers.name, answers.auc))
        .collect();
    plot.alt = format!("ROC curves of three networks. Areas: {}.", areas.join(", "));
    Ok(Figure {
        id: "roc",
        caption: format!(
            "ROC curves on the test pictures: the share of odd digits found over the share of even \
             ones taken for odd, at every threshold. Areas: {}.",
            areas.join(", ")
        ),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}

fn saturation_figure() -> Result<Figure> {
    let points = |loss: fn(&Tensor, &Tensor) -> Result<Tensor>| {
        let point = |half: i32| {
            let z = half as f32 / 2.;
            Ok((z.into(), loss_and_gradient(loss, z)?.1))
        };
        (-10..=50).map(point).collect::<Result<Vec<_>>>()
    };
    let series = vec![
        Series::new("BCE on the logit", GREEN, Mark::Line, points(with_logits)?),
        Series::new(
            "sigmoid, then BCE",
            BLUE,
            Mark::Dashes,
            points(after_sigmoid)?,
        ),
    ];
    let x = Axis::new("logit z, where no is true", -5., 25.);
    let mut plot = Plot::new("", x, Axis::new("gradient", 0., 1.5), series);
    plot.legend = SeriesLabelPosition::UpperLeft;
    plot.alt = "The gradient on a logit z whose true answer is no. On the logit it rises to 1 and \
                stays. After a sigmoid it follows, then falls to 0 near z = 17."
        .to_owned();
    Ok(Figure {
        id: "saturation",
        caption:
            "The gradient on a logit z where no is true. After a sigmoid it is lost where the \
                  probability rounds to 1: the surer the mistake, the less is learned."
                .to_owned(),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}

fn table(answers: &[Answers]) -> Table {
    let row = |answers: &Answers| {
        vec![
            answers.name.to_owned(),
            answers.parameters.to_string(),
            format!("{:.3} ms", answers.step_seconds * 1e3),
            format!("{:.4}", answers.auc),
            answers.saturated().to_string(),
        ]
    };
    Table {
        caption: "The three networks; last, the test pictures with a probability of exactly 0 or 1"
            .to_owned(),
        head: ["", "weights", "time a step", "ROC AUC", "exactly 0 or 1"]
            .map(str::to_owned)
            .into(),
        rows: answers.iter().map(row).collect(),
    }
}
