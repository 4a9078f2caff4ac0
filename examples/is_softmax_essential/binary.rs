//! Yes or no: one output with a sigmoid, or two with a softmax.

use anyhow::Result;
use final_layer::comparison::Difference;
use final_layer::data::Samples;
use final_layer::metrics::{roc_auc, roc_curve};
use final_layer::networks::BinaryClassifier;
use final_layer::tasks::{Dataset, Model, Network};
use tch::{Kind, Tensor, no_grad};

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::{Digits, to_bool, to_f64, with_targets};
use crate::figures::{Axis, BLUE, GREEN, INK, Mark, ORANGE, Plot, Series};
use crate::laboratory::{EPOCHS, Laboratory, Run, outputs, parameters};
use crate::saturation::{self, Saturation};
use crate::variants::{OneLogit, TwoLogits, Varied, softmax};

/// How far apart the same function may come out in float32.
const SAME: f64 = 1e-6;

/// A cost counts from this ratio on.
const COSTLY: f64 = 1.05;

/// An area under the ROC curve that is lower by less is as good.
const AS_GOOD: f64 = 0.01;

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
    fn new<N: Network<Task: Dataset>>(
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
    let saturation = Saturation::find()?;
    let claims = vec![
        same_function(laboratory, &sigmoid, test)?,
        as_good(&answers, &odd),
        more_costly(&answers),
        saturation.vanishing(),
        saturation::on_logits()?,
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
        figures: vec![roc_figure(&answers, &odd)?, saturation.figure()?],
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

fn train<N: Network<Task: Dataset>>(
    laboratory: &Laboratory,
    samples: &Samples,
    epochs: usize,
) -> Result<Run<N>> {
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

fn as_good([sigmoid, _, two]: &[Answers; 3], odd: &[bool]) -> Claim {
    let ahead = Difference::of_auc(odd, &sigmoid.probabilities, &two.probabilities);
    Claim {
        id: "one-output-suffices",
        text: "one sigmoid does as well as softmax",
        measured: format!(
            "AUC {:.4}, softmax {:.4} ({ahead:.4})",
            sigmoid.auc, two.auc
        ),
        verdict: Verdict::of(
            ahead.mean - 2. * ahead.error >= -AS_GOOD,
            !ahead.is_behind(),
        ),
        rule: "Both trained; the area under the ROC curve of one output beside that of two, with \
               DeLong's standard error of the difference on the same pictures. Holds if the test \
               rules out that it is lower by more than 0.01: two standard errors below the \
               difference are not. In part if it is not lower by more than two standard errors.",
    }
}

fn more_costly([_, one, two]: &[Answers; 3]) -> Claim {
    let heavier = two.parameters as f64 / one.parameters as f64;
    let slower = two.step_seconds / one.step_seconds;
    Claim {
        id: "two-outputs-cost",
        text: "two outputs cost more",
        measured: format!(
            "{:+} weights ({:+.2} %), {:+.1} % time a step",
            two.parameters as f64 - one.parameters as f64,
            100. * (heavier - 1.),
            100. * (slower - 1.)
        ),
        verdict: Verdict::of(
            heavier >= COSTLY && slower >= COSTLY,
            heavier >= COSTLY || slower >= COSTLY,
        ),
        rule: "Beside one output, both with the loss on logits; the time is that of a training \
               step, the least of the medians of ten epochs, the networks taking turns. That there \
               are more weights is known; whether it matters is judged. Holds if there are 5 % \
               more or above, and a step takes 5 % longer or more; in part if one of them.",
    }
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
        head: [
            "network",
            "weights",
            "time a step",
            "ROC AUC",
            "exactly 0 or 1",
        ]
        .map(str::to_owned)
        .into(),
        rows: answers.iter().map(row).collect(),
    }
}
