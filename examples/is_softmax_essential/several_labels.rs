//! Beyond the document: several labels at once, where softmax is wrong.

use anyhow::Result;
use final_layer::comparison::Difference;
use final_layer::data::Samples;
use final_layer::tasks::{Dataset, Network};
use plotters::prelude::SeriesLabelPosition;
use tch::{Kind, Tensor};

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::{Digits, to_f64, with_targets};
use crate::figures::{Axis, BLUE, INK, Mark, ORANGE, PURPLE, Plot, Series};
use crate::laboratory::{EPOCHS, Laboratory, Run, outputs};
use crate::variants::{LabelsShared, LabelsThroughSigmoids, LabelsThroughSoftmax, Varied, softmax};

const LABELS: [&str; 3] = ["odd", "more than 4", "divisible by 3"];

/// A label is given from this probability on, where none is fitted.
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

/// The labels as shares of one: as much for each that holds, or for all where none does.
fn shares(digits: &Tensor) -> Tensor {
    let labels = labels(digits);
    let counts = labels.sum_dim_intlist(1, true, Kind::Float);
    let even = labels.ones_like() / LABELS.len() as f64;
    (&labels / &counts).where_self(&counts.gt(0.), &even)
}

/// How labels given from a threshold on fit.
struct Scores {
    threshold: f64,
    /// The share of pictures for which each label is right.
    each: Vec<f64>,
    /// The share for which all are, and of each picture whether they are, 1 or 0.
    all: f64,
    all_of: Vec<f64>,
    /// The most labels given at once.
    most: i64,
}

impl Scores {
    fn new(probabilities: &Tensor, truth: &Tensor, threshold: f64) -> Result<Self> {
        let given = probabilities.gt(threshold);
        let right = given.eq_tensor(&truth.gt(0.5));
        let counts = given.sum_dim_intlist(1, false, Kind::Int64);
        let all = right.all_dim(1, false);
        Ok(Self {
            threshold,
            each: to_f64(&right.to_kind(Kind::Double).mean_dim(0, false, Kind::Double))?,
            all: f64::try_from(all.mean(Kind::Double))?,
            all_of: to_f64(&all)?,
            most: counts.max().int64_value(&[]),
        })
    }

    /// At the threshold, in hundredths, that gets all labels of the most pictures right.
    fn fitted(probabilities: &Tensor, truth: &Tensor) -> Result<Self> {
        let mut best = Self::new(probabilities, truth, THRESHOLD)?;
        for hundredth in 1..100 {
            let scores = Self::new(probabilities, truth, f64::from(hundredth) / 100.)?;
            if scores.all > best.all {
                best = scores;
            }
        }
        Ok(best)
    }

    fn mean(&self) -> f64 {
        self.each.iter().sum::<f64>() / self.each.len() as f64
    }
}

/// What was measured on the test pictures.
struct Measured {
    sigmoids: Scores,
    softmax: Scores,
    /// The better of two networks with softmax, at the threshold that is best for it, both by the
    /// validation pictures.
    fitted: Scores,
    /// What softmax would reach at [`THRESHOLD`] by the true labels.
    ceiling: Scores,
}

pub fn section(laboratory: &Laboratory, digits: &Digits) -> Result<Section> {
    let train = with_targets(&digits.train, labels);
    let validation = with_targets(&digits.validation, labels);
    let test = with_targets(&digits.test, labels);
    let sigmoids: Run<Varied<LabelsThroughSigmoids>> = train_one(laboratory, &train)?;
    let over_all: Run<Varied<LabelsThroughSoftmax>> = train_one(laboratory, &train)?;
    let by_shares = with_targets(&digits.train, shares);
    let shared: Run<Varied<LabelsShared>> = train_one(laboratory, &by_shares)?;

    let scores =
        |probabilities: Tensor, threshold| Scores::new(&probabilities, &test.targets, threshold);
    let of_softmax = [
        [&validation, &test].map(|samples| outputs(&over_all.model, samples)),
        [&validation, &test].map(|samples| softmax(&outputs(&shared.model, samples))),
    ];
    let mut best = Vec::new();
    for [validated, tested] in &of_softmax {
        best.push((Scores::fitted(validated, &validation.targets)?, tested));
    }
    let (by_validation, tested) = match best[1].0.all > best[0].0.all {
        true => &best[1],
        false => &best[0],
    };
    let measured = Measured {
        sigmoids: scores(outputs(&sigmoids.model, &test), THRESHOLD)?,
        softmax: scores(of_softmax[0][1].shallow_clone(), THRESHOLD)?,
        fitted: scores(tested.shallow_clone(), by_validation.threshold)?,
        ceiling: scores(best_of_softmax(&test.targets), THRESHOLD)?,
    };
    Ok(Section {
        id: "several-labels",
        title: "And several labels at once?",
        about: format!(
            "The document does not ask this. Of each digit, three labels may hold, none or \
             several: {}. One network of three outputs, trained three times on {} pictures: with a \
             sigmoid for each output and binary cross-entropy, with one softmax over all three, \
             whose probabilities share a sum of 1, and the same loss, and with cross-entropy on \
             logits, the labels that hold having equal shares of 1. A threshold that is fitted is \
             fitted on {} other pictures.",
            LABELS.join(", "),
            digits.train.len(),
            validation.len()
        ),
        claims: claims(&measured, &test.targets),
        figures: vec![figure(&measured)?],
        tables: vec![table(&measured)],
    })
}

fn train_one<N: Network<Task: Dataset>>(
    laboratory: &Laboratory,
    train: &Samples,
) -> Result<Run<N>> {
    laboratory.train(train, EPOCHS, |_| Ok(()))
}

fn claims(measured: &Measured, truth: &Tensor) -> Vec<Claim> {
    let Measured {
        sigmoids,
        softmax,
        fitted,
        ceiling,
    } = measured;
    let counts = truth.sum_dim_intlist(1, false, Kind::Int64);
    let several = counts.gt(1).sum(Kind::Int64).int64_value(&[]);
    let most = counts.max().int64_value(&[]);
    let ahead = Difference::paired(&sigmoids.all_of, &fitted.all_of);
    vec![
        Claim {
            id: "softmax-several",
            text: "softmax at 0.5: one label at most",
            measured: format!(
                "at most {} at once; {several} of {} need 2 to {most}",
                softmax.most,
                counts.numel()
            ),
            verdict: Verdict::if_so(softmax.most <= 1 && several > 0),
            rule: "A theorem, checked: of probabilities that sum to 1, one at most is above 0.5. \
                   Holds if softmax gave no test picture two labels at this threshold, though some \
                   pictures have two or more.",
        },
        Claim {
            id: "softmax-ceiling",
            text: "so its accuracy at 0.5 has a ceiling",
            measured: format!(
                "all labels right: {:.3} of at most {:.3}",
                softmax.all, ceiling.all
            ),
            verdict: Verdict::if_so(softmax.all <= ceiling.all && ceiling.all < 1.),
            rule: "The ceiling is what softmax would reach at a threshold of 0.5 by the true \
                   labels: those of all pictures that have one label at most. It follows from the \
                   line above; measured is how low it is. Holds if it is below 1 and not exceeded.",
        },
        Claim {
            id: "softmax-threshold",
            text: "softmax worse at a fitted threshold",
            measured: format!(
                "{:.3} at {:.2}; sigmoids {:.3} ({ahead})",
                fitted.all, fitted.threshold, sigmoids.all
            ),
            verdict: Verdict::of(ahead.is_ahead(), ahead.mean > 0.),
            rule: "The share of test pictures with all labels right, of the better of two networks \
                   with softmax at the threshold that is best for it, both chosen by validation \
                   pictures; beside sigmoids at 0.5. Holds if these are ahead by more than two \
                   standard errors of the difference on the same pictures; in part if by less.",
        },
        Claim {
            id: "sigmoids-several",
            text: "a sigmoid for each label can",
            measured: format!(
                "all right {:.3}; each {:.3} (softmax {:.3})",
                sigmoids.all,
                sigmoids.mean(),
                softmax.mean()
            ),
            verdict: Verdict::of(
                sigmoids.all > ceiling.all && sigmoids.mean() > softmax.mean(),
                sigmoids.all > softmax.all,
            ),
            rule: "Both at 0.5. Holds if it gets more pictures right than softmax's ceiling there, \
                   and a label's mean accuracy is higher than with softmax; in part if it gets \
                   more pictures right than softmax did.",
        },
    ]
}

/// Probabilities that sum to 1 and get as many labels right as such can at [`THRESHOLD`], on the
/// mean and all at once: of each picture one of its labels, the first, or a share for each where
/// there is none.
fn best_of_softmax(truth: &Tensor) -> Tensor {
    let first = truth.argmax(1, false).one_hot(LABELS.len() as i64);
    let shares = truth.ones_like() / LABELS.len() as f64;
    let any = truth.amax([1], true).gt(0.5);
    first.to_kind(Kind::Float).where_self(&any, &shares)
}

const NAMES: [&str; 4] = [
    "sigmoid for each",
    "softmax at 0.5",
    "softmax, fitted",
    "ceiling at 0.5",
];

fn figure(measured: &Measured) -> Result<Figure> {
    let Measured {
        sigmoids,
        softmax,
        fitted,
        ceiling,
    } = measured;
    let all = |scores: &Scores| [&scores.each[..], &[scores.mean(), scores.all]].concat();
    let series = |i: usize, scores: &[f64], color, start: f64| {
        let points = scores.iter().enumerate();
        let points = points.map(|(x, &y)| (x as f64 + start, y)).collect();
        Series::new(NAMES[i], color, Mark::Bars(0.18), points)
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
        Axis::new("test accuracy", 0., 1.6),
        vec![
            series(0, &all(sigmoids), BLUE, -0.3),
            series(1, &all(softmax), ORANGE, -0.1),
            series(2, &all(fitted), PURPLE, 0.1),
            series(3, &[ceiling.mean(), ceiling.all], INK, 3.3),
        ],
    );
    plot.legend = SeriesLabelPosition::UpperMiddle;
    plot.alt = format!(
        "Accuracy for each label, their mean, and all labels together. All three are right for \
         {:.3} with a sigmoid for each, {:.3} with one softmax at a threshold of 0.5, {:.3} at one \
         fitted, {:.3} with softmax at best at 0.5.",
        sigmoids.all, softmax.all, fitted.all, ceiling.all
    );
    Ok(Figure {
        id: "labels",
        caption: format!(
            "The share of test pictures for which each label is right, the mean of these, and the \
             share for which all three are. Labels are given above 0.5, but for softmax, fitted, \
             above {:.2}. The ceiling: what probabilities with a sum of 1 can reach at 0.5.",
            fitted.threshold
        ),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}

fn table(measured: &Measured) -> Table {
    let head = ["network", "threshold"].into_iter().chain(LABELS);
    let head = head.chain(["mean", "all three"]);
    let number = |share: &f64| format!("{share:.4}");
    let row = |(name, scores): (&str, &Scores)| {
        let start = [name.to_owned(), format!("{:.2}", scores.threshold)];
        let each = scores.each.iter().map(number);
        let rest = [number(&scores.mean()), number(&scores.all)];
        start.into_iter().chain(each).chain(rest).collect()
    };
    let trained = [&measured.sigmoids, &measured.softmax, &measured.fitted];
    let mut rows: Vec<Vec<String>> = NAMES.into_iter().zip(trained).map(row).collect();
    let mut ceiling = row((NAMES[3], &measured.ceiling));
    // Of single labels there is no ceiling: each can be had at the others' cost.
    ceiling[2..5].fill("–".to_owned());
    rows.push(ceiling);
    Table {
        caption: "Accuracy on the test pictures".to_owned(),
        head: head.map(str::to_owned).collect(),
        rows,
    }
}
