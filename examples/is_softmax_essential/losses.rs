//! One network, one seed, four losses: which one softmax belongs with.

use anyhow::Result;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::{Model, Network};
use plotters::prelude::SeriesLabelPosition;
use tch::{Kind, Tensor};

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::Digits;
use crate::figures::{
    Axis, BLUE, GREEN, INK, Mark, ORANGE, PURPLE, Plot, Series, largest, smallest,
};
use crate::laboratory::{EPOCHS, Laboratory, Run, outputs};
use crate::variants::{
    CrossEntropyOnSoftmax, SquaredErrorOnLogits, SquaredErrorOnSoftmax, Varied, digit_losses,
};

const CLASSES: i64 = 10;

/// The logit of a wrong class of which the network is sure; all others are 0.
const SURE: f64 = 50.;

/// The runs of the four losses.
pub struct Runs {
    pub on_logits: Run<DigitClassifier, f64>,
    on_softmax: Run<Varied<CrossEntropyOnSoftmax>, f64>,
    squared_on_softmax: Run<Varied<SquaredErrorOnSoftmax>, f64>,
    squared_on_logits: Run<Varied<SquaredErrorOnLogits>, f64>,
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

fn train_one<N: Network>(laboratory: &Laboratory, digits: &Digits) -> Result<Run<N, f64>> {
    let judge = |model: &Model<N>| {
        let right = outputs(model, &digits.test)
            .argmax(1, false)
            .eq_tensor(&digits.test.targets);
        Ok(f64::try_from(right.mean(Kind::Double))?)
    };
    laboratory.train(&digits.train, EPOCHS, judge)
}

/// What the section says of a run.
struct Curve<'a> {
    name: &'static str,
    losses: &'a [f64],
    accuracies: &'a [f64],
}

impl Curve<'_> {
    fn new<'a, N: Network>(name: &'static str, run: &'a Run<N, f64>) -> Curve<'a> {
        Curve {
            name,
            losses: &run.losses,
            accuracies: &run.scores,
        }
    }

    fn first(&self) -> f64 {
        self.accuracies.first().copied().unwrap_or(f64::NAN)
    }

    fn last(&self) -> f64 {
        self.accuracies.last().copied().unwrap_or(f64::NAN)
    }

    fn mean(&self) -> f64 {
        self.accuracies.iter().sum::<f64>() / self.accuracies.len() as f64
    }
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
        best(reference, &curves[1..], digits.test.len()),
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
        gradients_when_wrong()?,
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
            gradient_figure()?,
        ],
        tables: vec![table(&curves)],
    })
}

fn best(reference: &Curve, others: &[Curve], pictures: i64) -> Claim {
    let next = others
        .iter()
        .max_by(|a, b| a.last().total_cmp(&b.last()))
        .map_or(f64::NAN, Curve::last);
    let last = reference.last();
    let error = (last * (1. - last) / pictures as f64).sqrt();
    Claim {
        id: "cross-entropy-on-logits",
        text: "cross-entropy on logits learns best",
        measured: format!("accuracy {last:.3}; the best other loss: {next:.3}"),
        verdict: Verdict::of(last > next + 2. * error, last >= next - 2. * error),
        rule: "By the accuracy after the last epoch. Holds if it is above that of every other \
               loss by more than two standard errors; in part if it is within two.",
    }
}

fn slower(id: &'static str, text: &'static str, curve: &Curve, reference: &Curve) -> Claim {
    let (first, last) = (curve.first(), curve.last());
    let (other_first, other_last) = (reference.first(), reference.last());
    let worse_at_first = first < other_first;
    let worse_on_average = curve.mean() < reference.mean();
    Claim {
        id,
        text,
        measured: format!(
            "accuracy {first:.3} … {last:.3}; else {other_first:.3} … {other_last:.3}"
        ),
        verdict: Verdict::of(
            worse_at_first && worse_on_average,
            worse_at_first || worse_on_average,
        ),
        rule: "The accuracy after the first and the last epoch, beside that of cross-entropy on \
               logits. Holds if it is lower both after the first epoch and on the average of all; \
               in part if one of them.",
    }
}

type Loss = fn(&Tensor, &Tensor) -> Tensor;

/// The four losses, in the order of the curves.
const LOSSES: [Loss; 4] = [
    |logits, target| logits.cross_entropy_for_logits(target),
    digit_losses::cross_entropy_on_softmax,
    digit_losses::squared_error_on_softmax,
    digit_losses::squared_error_on_logits,
];

/// The norm of the gradient on the logits of one picture, where class 0 has logit `z`, all others
/// 0, and class 1 is true.
fn gradient_norm(loss: Loss, z: f64) -> Result<f64> {
    let mut logits = vec![0f32; CLASSES as usize];
    logits[0] = z as f32;
    let logits = Tensor::from_slice(&logits).view([1, CLASSES]);
    let logits = logits.set_requires_grad(true);
    loss(&logits, &Tensor::from_slice(&[1i64])).backward();
    // In float64: the square of 1e-22 is no float32.
    Ok(f64::try_from(logits.grad().to_kind(Kind::Double).norm())?)
}

fn gradients_when_wrong() -> Result<Claim> {
    let norms = LOSSES
        .iter()
        .map(|&loss| gradient_norm(loss, SURE))
        .collect::<Result<Vec<f64>>>()?;
    Ok(Claim {
        id: "gradient-when-wrong",
        text: "softmax twice: no gradient if wrong",
        measured: format!(
            "z = {SURE}: norm {:.1e}; on logits {:.3}",
            norms[1], norms[0]
        ),
        verdict: Verdict::if_so(norms[0] > 1. && norms[1] < 1e-6),
        rule: "Ten logits, 50 for a wrong class and 0 for the others. Holds if the gradient of \
               cross-entropy on logits is larger than 1, and that through a second softmax \
               smaller than a millionth.",
    })
}

const COLORS: [plotters::style::RGBColor; 4] = [BLUE, ORANGE, GREEN, PURPLE];
const NAMES: [&str; 4] = [
    "cross-entropy, logits",
    "cross-entropy, softmax",
    "sq. error, softmax",
    "sq. error, logits",
];

fn mark(curve: usize) -> Mark {
    match curve % 2 {
        0 => Mark::Line,
        _ => Mark::Dashes,
    }
}

fn accuracy_figure(curves: &[Curve]) -> Result<Figure> {
    let series = curves
        .iter()
        .enumerate()
        .map(|(i, curve)| Series::epochs(NAMES[i], COLORS[i], mark(i), curve.accuracies));
    let all = curves.iter().flat_map(|curve| curve.accuracies);
    let lowest = smallest(all.copied()).min(0.8);
    // Room below the curves for the legend.
    let from = (lowest * 10. - 2.).floor().max(0.) / 10.;
    let mut plot = Plot::new(
        "",
        Axis::new("epoch", 1., EPOCHS as f64),
        Axis::new("test accuracy", from, 1.),
        series.collect(),
    );
    plot.alt = describe("Test accuracy over epochs.", curves, |curve| {
        (curve.first(), curve.last())
    });
    Ok(Figure {
        id: "accuracy",
        caption: "Test accuracy after each epoch, by loss.".to_owned(),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}

fn loss_figure(curves: &[Curve], floor: f64) -> Result<Figure> {
    let floor_line = vec![(1., floor), (EPOCHS as f64, floor)];
    let ends = |curve: &Curve| (curve.losses[0], curve.losses[curve.losses.len() - 1]);
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
        let shown = part.map(|i| Curve { ..curves[i] });
        plot.alt = describe(&format!("{title} over epochs."), &shown, ends);
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

fn describe(what: &str, curves: &[Curve], ends: impl Fn(&Curve) -> (f64, f64)) -> String {
    let part = |curve: &Curve| {
        let (first, last) = ends(curve);
        format!(" {}: from {first:.3} to {last:.3}.", curve.name)
    };
    let parts: String = curves.iter().map(part).collect();
    format!("{what}{parts}")
}

/// The smallest power of ten that the plot of gradients shows.
const SMALLEST_POWER: f64 = -24.;

fn gradient_figure() -> Result<Figure> {
    let mut series = Vec::new();
    for (i, loss) in LOSSES.into_iter().enumerate() {
        let mut points = Vec::new();
        for z in 0..=SURE as i32 {
            let power = gradient_norm(loss, z.into())?.log10();
            points.push((z.into(), power.max(SMALLEST_POWER)));
        }
        series.push(Series::new(NAMES[i], COLORS[i], mark(i), points));
    }
    let y = Axis::new("norm of the gradient", SMALLEST_POWER, 4.);
    let y = y.with_format(|power| format!("1e{power:.0}"));
    let x = Axis::new("logit z of a wrong class", 0., SURE);
    let mut plot = Plot::new("", x, y, series);
    plot.legend = SeriesLabelPosition::LowerLeft;
    plot.alt = "The norm of the gradient on the logits, on a logarithmic scale, over the logit of \
                a wrong class. On logits it stays near 1 or grows; through softmax and a second \
                loss that is not its own it falls exponentially."
        .to_owned();
    Ok(Figure {
        id: "gradients",
        caption:
            "What a sure and wrong answer teaches: the gradient's norm on ten logits of which \
                  a wrong one is z and all others are 0. Only the losses on logits correct it."
                .to_owned(),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
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
