//! One network, one seed, four losses: which one softmax belongs with.

use anyhow::Result;
use final_layer::comparison::Difference;
use final_layer::metrics::ConfusionMatrix;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::{Dataset, Model, Network};
use plotters::prelude::SeriesLabelPosition;

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::Digits;
use crate::figures::{
    Axis, BLUE, GREEN, INK, Mark, ORANGE, PURPLE, Plot, Series, largest, smallest,
};
use crate::gradients;
use crate::laboratory::{EPOCHS, Laboratory, Run, outputs};
use crate::variants::{CrossEntropyOnSoftmax, SquaredErrorOnLogits, SquaredErrorOnSoftmax, Varied};

pub const CLASSES: i64 = 10;

/// How a network answers the test pictures after an epoch.
pub struct Judged {
    accuracy: f64,
    /// Of each picture 1 if it is right, else 0.
    right: Vec<f64>,
}

/// The runs of the four losses.
pub struct Runs {
    pub on_logits: Run<DigitClassifier, Judged>,
    on_softmax: Run<Varied<CrossEntropyOnSoftmax>, Judged>,
    squared_on_softmax: Run<Varied<SquaredErrorOnSoftmax>, Judged>,
    squared_on_logits: Run<Varied<SquaredErrorOnLogits>, Judged>,
}

/// Trains the network with each loss.
pub fn train(laboratory: &Laboratory, digits: &Digits) -> Result<Runs> {
    Ok(Runs {
        on_logits: train_one(laboratory, digits)?,
        on_softmax: train_one(laboratory, digits)?,
        squared_on_softmax: train_one(laboratory, digits)?,
        squared_on_logits: train_one(laboratory, digits)?,
    })
}

fn train_one<N: Network<Task: Dataset<Output = tch::Tensor>>>(
    laboratory: &Laboratory,
    digits: &Digits,
) -> Result<Run<N, Judged>> {
    let truth = Vec::<i64>::try_from(&digits.test.targets)?;
    let judge = |model: &Model<N>| {
        let classes = outputs(model, &digits.test).argmax(1, false);
        let classes = Vec::<i64>::try_from(classes)?;
        let pairs = classes.iter().zip(&truth);
        Ok(Judged {
            accuracy: ConfusionMatrix::new(CLASSES as usize, &truth, &classes).accuracy(),
            right: pairs.map(|(a, b)| f64::from(a == b)).collect(),
        })
    };
    laboratory.train(&digits.train, EPOCHS, judge)
}

/// What the section says of a run.
struct Curve<'a> {
    name: &'static str,
    losses: &'a [f64],
    accuracies: Vec<f64>,
    /// By picture: whether it is right after the first epoch, after the last, and in what share of
    /// all.
    first: &'a [f64],
    last: &'a [f64],
    share: Vec<f64>,
}

impl<'a> Curve<'a> {
    fn new<N: Network<Task: Dataset>>(name: &'static str, run: &'a Run<N, Judged>) -> Self {
        let right: Vec<&[f64]> = run.scores.iter().map(|judged| &judged.right[..]).collect();
        let pictures = right.first().map_or(0, |right| right.len());
        let share = |picture| {
            let right = right.iter().map(|right| right[picture]);
            right.sum::<f64>() / run.scores.len() as f64
        };
        Self {
            name,
            losses: &run.losses,
            accuracies: run.scores.iter().map(|judged| judged.accuracy).collect(),
            first: right.first().copied().unwrap_or_default(),
            last: right.last().copied().unwrap_or_default(),
            share: (0..pictures).map(share).collect(),
        }
    }

    /// The accuracies after the first and the last epoch.
    fn ends(&self) -> (f64, f64) {
        ends(&self.accuracies)
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    let of = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
    (of(values.first()), of(values.last()))
}

pub fn section(digits: &Digits, runs: &Runs) -> Result<Section> {
    let curves = [
        Curve::new("cross-entropy on logits", &runs.on_logits),
        Curve::new("cross-entropy on softmax", &runs.on_softmax),
        Curve::new("squared error on softmax", &runs.squared_on_softmax),
        Curve::new("squared error on logits", &runs.squared_on_logits),
    ];
    let floor = (1. + (CLASSES - 1) as f64 / 1f64.exp()).ln();
    let [reference, twice, squared_on_softmax, squared_on_logits] = &curves;
    let claims = vec![
        best(reference, &curves[1..]),
        slower(
            "double-softmax",
            "softmax twice learns more slowly",
            twice,
            reference,
        ),
        Claim {
            id: "floor",
            text: "softmax twice: loss ≥ ln(1 + 9/e)",
            measured: format!(
                "smallest of a batch {:.5}, floor {floor:.5}",
                runs.on_softmax.smallest_loss
            ),
            verdict: Verdict::if_so(runs.on_softmax.smallest_loss >= floor - 1e-5),
            rule: "Softmax of a vector of one 1 and nine 0 gives the true class e/(e + 9) at most. \
                   Holds if no batch had a loss below that of this.",
        },
        gradients::claim()?,
        slower(
            "squared-error-on-softmax",
            "squared error on softmax is slower",
            squared_on_softmax,
            reference,
        ),
        slower(
            "squared-error-on-logits",
            "squared error on logits is slower",
            squared_on_logits,
            reference,
        ),
    ];
    Ok(Section {
        id: "losses",
        title: "Which loss does softmax belong with?",
        about: format!(
            "DigitClassifier four times, from the same initial weights, with the same batches in \
             the same order and the same Adam; only the loss differs. {EPOCHS} epochs over {} \
             pictures; the accuracy is that on {} test pictures.",
            digits.train.len(),
            digits.test.len()
        ),
        claims,
        figures: vec![
            accuracy_figure(&curves)?,
            loss_figure(&curves, floor)?,
            gradients::figure()?,
        ],
        tables: vec![table(&curves)],
    })
}

fn best(reference: &Curve, others: &[Curve]) -> Claim {
    let ahead = |other: &Curve| Difference::paired(reference.last, other.last);
    let by_accuracy = |a: &&Curve, b: &&Curve| a.ends().1.total_cmp(&b.ends().1);
    let next = others.iter().max_by(by_accuracy).expect("others");
    Claim {
        id: "cross-entropy-on-logits",
        text: "cross-entropy on logits learns best",
        measured: format!(
            "{:.3}; best other loss {:.3} ({})",
            reference.ends().1,
            next.ends().1,
            ahead(next)
        ),
        verdict: Verdict::of(
            others.iter().all(|other| ahead(other).is_ahead()),
            !others.iter().any(|other| ahead(other).is_behind()),
        ),
        rule: "By the accuracy after the last epoch. Holds if it is above that of every other loss \
               by more than two standard errors of the difference on the same pictures; in part if \
               it is below none by more.",
    }
}

fn slower(id: &'static str, text: &'static str, curve: &Curve, reference: &Curve) -> Claim {
    let first = Difference::paired(curve.first, reference.first);
    let average = Difference::paired(&curve.share, &reference.share);
    Claim {
        id,
        text,
        measured: format!("first {first}; on average {average}"),
        verdict: Verdict::of(
            first.is_behind() && average.is_behind(),
            first.is_behind() || average.is_behind(),
        ),
        rule: "The accuracy after the first epoch, and on the average of all, less that of \
               cross-entropy on logits. Holds if both are below by more than two standard errors \
               of the difference on the same pictures; in part if one of them.",
    }
}

pub const COLORS: [plotters::style::RGBColor; 4] = [BLUE, ORANGE, GREEN, PURPLE];
pub const NAMES: [&str; 4] = [
    "cross-entropy, logits",
    "cross-entropy, softmax",
    "sq. error, softmax",
    "sq. error, logits",
];

pub fn mark(curve: usize) -> Mark {
    match curve % 2 {
        0 => Mark::Line,
        _ => Mark::Dashes,
    }
}

fn accuracy_figure(curves: &[Curve]) -> Result<Figure> {
    let series = curves
        .iter()
        .enumerate()
        .map(|(i, curve)| Series::epochs(NAMES[i], COLORS[i], mark(i), &curve.accuracies));
    let all = curves.iter().flat_map(|curve| &curve.accuracies);
    let lowest = smallest(all.copied()).min(0.8);
    // Room below the curves for the legend.
    let from = (lowest * 10. - 2.).floor().max(0.) / 10.;
    let mut plot = Plot::new(
        "",
        Axis::new("epoch", 1., EPOCHS as f64),
        Axis::new("test accuracy", from, 1.),
        series.collect(),
    );
    let shown: Vec<&Curve> = curves.iter().collect();
    plot.alt = describe("Test accuracy over epochs.", &shown, |curve| curve.ends());
    Ok(Figure {
        id: "accuracy",
        caption: "Test accuracy after each epoch, by loss.".to_owned(),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}

fn loss_figure(curves: &[Curve], floor: f64) -> Result<Figure> {
    let floor_line = vec![(1., floor), (EPOCHS as f64, floor)];
    let plot = |title: &str, unit: &str, part: [usize; 2], extra: Option<Series>| {
        let losses = part.iter().flat_map(|&i| curves[i].losses.iter().copied());
        let highest = largest(losses) * 1.05;
        let series = part
            .iter()
            .map(|&i| Series::epochs(NAMES[i], COLORS[i], mark(i), curves[i].losses));
        let mut plot = Plot::new(
            title,
            Axis::new("epoch", 1., EPOCHS as f64),
            Axis::new(unit, 0., highest),
            series.chain(extra).collect(),
        );
        plot.legend = SeriesLabelPosition::UpperRight;
        let shown = part.map(|i| &curves[i]);
        let about = format!("{title} over epochs.");
        plot.alt = describe(&about, &shown, |curve| ends(curve.losses));
        plot.to_svg()
    };
    let floor_line = Series::new("floor ln(1 + 9/e)", INK, Mark::Dashes, floor_line);
    Ok(Figure {
        id: "loss-curves",
        caption: format!(
            "Mean training loss of each epoch. With softmax before it, cross-entropy stays above \
             ln(1 + 9/e) = {floor:.5}, however well the network answers."
        ),
        layout: Layout::Even,
        plots: vec![
            plot("cross-entropy", "loss in nats", [0, 1], Some(floor_line))?,
            plot("squared error", "loss", [2, 3], None)?,
        ],
    })
}

fn describe(what: &str, curves: &[&Curve], ends: impl Fn(&Curve) -> (f64, f64)) -> String {
    let part = |curve: &&Curve| {
        let (first, last) = ends(curve);
        format!(" {}: from {first:.3} to {last:.3}.", curve.name)
    };
    let parts: String = curves.iter().map(part).collect();
    format!("{what}{parts}")
}

fn table(curves: &[Curve]) -> Table {
    let mut head = vec!["epoch".to_owned()];
    for curve in curves {
        head.push(format!("{}: loss", curve.name));
        head.push("accuracy".to_owned());
    }
    let row = |epoch: usize| {
        let mut row = vec![(epoch + 1).to_string()];
        for curve in curves {
            row.push(format!("{:.4}", curve.losses[epoch]));
            row.push(format!("{:.3}", curve.accuracies[epoch]));
        }
        row
    };
    Table {
        caption: "Training loss and test accuracy after each epoch".to_owned(),
        head,
        rows: (0..EPOCHS).map(row).collect(),
    }
}
