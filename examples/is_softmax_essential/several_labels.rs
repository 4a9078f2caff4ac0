//! Beyond the document: several labels at once, where softmax is wrong.

use anyhow::Result;
use final_layer::data::Samples;
use final_layer::tasks::Network;
use plotters::prelude::SeriesLabelPosition;
use tch::{Kind, Tensor};

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::{Digits, to_f64, with_targets};
use crate::figures::{Axis, BLUE, INK, Mark, ORANGE, Plot, Series};
use crate::laboratory::{EPOCHS, Laboratory, Run, outputs};
use crate::variants::{LabelsThroughSigmoids, LabelsThroughSoftmax, Varied};

const LABELS: [&str; 3] = ["odd", "more than 4", "divisible by 3"];

/// A label is given from this probability on.
const THRESHOLD: f64 = 0.5;

/// Which labels hold of each digit: float32 `(N, 3)`, 0 or 1.
fn labels(digits: &Tensor) -> Tensor {
    let columns = [
        digits.remainder(2).eq(1),
        digits.gt(4),
        digits.remainder(3).eq(0),
    ];
    Tensor::stack(&columns, 1).to_kind(Kind::Float)
}

/// How a trained network's labels fit.
struct Scores {
    /// The share of pictures for which each label is right.
    each: Vec<f64>,
    /// The share for which all are.
    all: f64,
    /// The most labels given at once.
    most: i64,
}

impl Scores {
    fn new(probabilities: &Tensor, truth: &Tensor) -> Result<Self> {
        let given = probabilities.gt(THRESHOLD);
        let right = given.eq_tensor(&truth.gt(THRESHOLD));
        let counts = given.sum_dim_intlist(1, false, Kind::Int64);
        Ok(Self {
            each: to_f64(&right.to_kind(Kind::Double).mean_dim(0, false, Kind::Double))?,
            all: f64::try_from(right.all_dim(1, false).mean(Kind::Double))?,
            most: counts.max().int64_value(&[]),
        })
    }

    fn mean(&self) -> f64 {
        self.each.iter().sum::<f64>() / self.each.len() as f64
    }
}

pub fn section(laboratory: &Laboratory, digits: &Digits) -> Result<Section> {
    let train = with_targets(&digits.train, labels);
    let test = with_targets(&digits.test, labels);
    let sigmoids: Run<Varied<LabelsThroughSigmoids>> = train_one(laboratory, &train)?;
    let softmax: Run<Varied<LabelsThroughSoftmax>> = train_one(laboratory, &train)?;

    let counts = test.targets.sum_dim_intlist(1, false, Kind::Int64);
    let several = counts.gt(1).sum(Kind::Int64).int64_value(&[]);
    let most = counts.max().int64_value(&[]);
    let by_sigmoids = Scores::new(&outputs(&sigmoids.model, &test), &test.targets)?;
    let by_softmax = Scores::new(&outputs(&softmax.model, &test), &test.targets)?;
    let ceiling = Scores::new(&best_of_softmax(&test.targets), &test.targets)?;

    let claims = vec![
        Claim {
            id: "softmax-several",
            text: "softmax cannot give several labels",
            measured: format!(
                "at most {} at once; {several} of {} need 2 to {most}",
                by_softmax.most,
                test.len()
            ),
            verdict: Verdict::if_so(by_softmax.most <= 1 && several > 0),
            rule: "Holds if softmax gave no test picture two labels, that is two probabilities \
                   above 0.5, though some pictures have two or more.",
        },
        Claim {
            id: "softmax-ceiling",
            text: "so its accuracy has a ceiling",
            measured: format!(
                "all labels right: {:.3} of at most {:.3}",
                by_softmax.all, ceiling.all
            ),
            verdict: Verdict::if_so(by_softmax.all <= ceiling.all && ceiling.all < 1.),
            rule: "The ceiling is what softmax would reach by the true labels: those of all \
                   pictures that have one label at most. Holds if it is below 1 and not exceeded.",
        },
        Claim {
            id: "sigmoids-several",
            text: "a sigmoid for each label can",
            measured: format!(
                "all right {:.3}; each {:.3} (softmax {:.3})",
                by_sigmoids.all,
                by_sigmoids.mean(),
                by_softmax.mean()
            ),
            verdict: Verdict::of(
                by_sigmoids.all > ceiling.all && by_sigmoids.mean() > by_softmax.mean(),
                by_sigmoids.all > by_softmax.all,
            ),
            rule: "Holds if it gets more pictures right than softmax could at best, and a label's \
                   mean accuracy is higher than with softmax; in part if it gets more pictures \
                   right than softmax did.",
        },
    ];
    Ok(Section {
        id: "several-labels",
        title: "And several labels at once?",
        about: format!(
            "The document does not ask this. Of each digit, three labels may hold, none or \
             several: {}. One network of three outputs, trained twice on {} pictures with binary \
             cross-entropy: with a sigmoid for each output, and with one softmax over all three, \
             whose probabilities share a sum of 1.",
            LABELS.join(", "),
            digits.train.len()
        ),
        claims,
        figures: vec![figure(&by_sigmoids, &by_softmax, &ceiling)?],
        tables: vec![table(&by_sigmoids, &by_softmax, &ceiling)],
    })
}

fn train_one<N: Network>(laboratory: &Laboratory, train: &Samples) -> Result<Run<N>> {
    laboratory.train(train, EPOCHS, |_| Ok(()))
}

/// Probabilities that sum to 1 and get as many labels right as such can, on the mean and all at
/// once: of each picture one of its labels, the first, or a share for each where there is none.
fn best_of_softmax(truth: &Tensor) -> Tensor {
    let first = truth.argmax(1, false).one_hot(LABELS.len() as i64);
    let shares = truth.ones_like() / LABELS.len() as f64;
    let any = truth.amax([1], true).gt(THRESHOLD);
    first.to_kind(Kind::Float).where_self(&any, &shares)
}

const NAMES: [&str; 3] = ["sigmoid for each", "softmax over all", "softmax at best"];

fn figure(sigmoids: &Scores, softmax: &Scores, ceiling: &Scores) -> Result<Figure> {
    let all = |scores: &Scores| [&scores.each[..], &[scores.mean(), scores.all]].concat();
    let series = |i: usize, scores: &[f64], color, start: f64| {
        let points = scores.iter().enumerate();
        let points = points.map(|(x, &y)| (x as f64 + start, y)).collect();
        Series::new(NAMES[i], color, Mark::Bars(0.24), points)
    };
    let name = |x: f64| match (x.round() - x).abs() < 1e-9 {
        true => ["odd", "> 4", "÷ 3", "mean", "all 3"]
            .get(x as usize)
            .map_or(String::new(), |name| (*name).to_owned()),
        false => String::new(),
    };
    let mut plot = Plot::new(
        "",
        Axis::new("label", -0.5, 4.5).with_format(name),
        Axis::new("test accuracy", 0., 1.4),
        vec![
            series(0, &all(sigmoids), BLUE, -0.26),
            series(1, &all(softmax), ORANGE, 0.),
            series(2, &[ceiling.mean(), ceiling.all], INK, 3.26),
        ],
    );
    plot.legend = SeriesLabelPosition::UpperMiddle;
    plot.alt = format!(
        "Accuracy for each label, their mean, and all labels together. All three are right for \
         {:.3} with a sigmoid for each, {:.3} with one softmax, {:.3} with softmax at best.",
        sigmoids.all, softmax.all, ceiling.all
    );
    Ok(Figure {
        id: "labels",
        caption:
            "The share of test pictures for which each label is right, the mean of these, and \
                  the share for which all three are. At best: what probabilities with a sum of 1 \
                  can reach."
                .to_owned(),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}

fn table(sigmoids: &Scores, softmax: &Scores, ceiling: &Scores) -> Table {
    let head = [&[""], &LABELS[..], &["mean", "all three"]].concat();
    let number = |share: &f64| format!("{share:.4}");
    let row = |(name, scores): (&str, &Scores)| {
        let each = scores.each.iter().map(number);
        let rest = [number(&scores.mean()), number(&scores.all)];
        [name.to_owned()]
            .into_iter()
            .chain(each)
            .chain(rest)
            .collect()
    };
    let best = [NAMES[2], "–", "–", "–"].map(str::to_owned).into_iter();
    let best = best.chain([number(&ceiling.mean()), number(&ceiling.all)]);
    let mut rows: Vec<Vec<String>> = [(NAMES[0], sigmoids), (NAMES[1], softmax)].map(row).into();
    rows.push(best.collect());
    Table {
        caption: "Accuracy on the test pictures".to_owned(),
        head: head.into_iter().map(str::to_owned).collect(),
        rows,
    }
}
