//! The common metrics of a trained network, equal to scikit-learn's numbers.
//!
//! | | formula | scikit-learn |
//! | --- | --- | --- |
//! | accuracy | correct ÷ all | `accuracy_score` |
//! | sensitivity | true positives ÷ positives | `recall_score` |
//! | specificity | true negatives ÷ negatives | `recall_score(pos_label=0)` |
//! | ROC AUC | P(a positive scores higher than a negative), ties half | `roc_auc_score` |
//! | RMSE | √(mean of squared errors) | `root_mean_squared_error` |
//! | R² | 1 − squared errors ÷ squared distances from the mean | `r2_score` |
//!
//! A ratio with a denominator of 0 (the sensitivity without positives) is NaN.

use std::fmt;

use indicatif::HumanFloatCount;
use serde_json::{Map, Value};

/// A named number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its common name.
    pub name: &'static str,
    /// In the unit `unit`.
    pub value: f64,
    /// Its unit, which also decides how it is printed.
    pub unit: Unit,
}

/// The unit of a [`Metric`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// No unit: a share or a coefficient, with four decimals.
    None,
    /// Dollars, without cents.
    Dollars,
}

impl Metric {
    /// A number without a unit.
    pub fn new(name: &'static str, value: f64) -> Self {
        let unit = Unit::None;
        Self { name, value, unit }
    }

    /// A number of `unit`.
    pub fn in_unit(name: &'static str, value: f64, unit: Unit) -> Self {
        Self { name, value, unit }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.unit.show(self.value))
    }
}

impl Unit {
    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::None => format!("{value:.4}"),
            Unit::Dollars => dollars(value),
        }
    }
}

/// An amount without cents, with commas between thousands.
///
/// ```
/// use final_layer::metrics::dollars;
/// assert_eq!(dollars(1_234_567.8), "$1,234,568");
/// assert_eq!(dollars(-999.), "-$999");
/// ```
pub fn dollars(amount: f64) -> String {
    if !amount.is_finite() {
        return format!("${amount}");
    }
    let whole = amount.abs().round_ties_even();
    let sign = if amount < 0. && whole != 0. { "-" } else { "" };
    format!("{sign}${}", HumanFloatCount(whole))
}

/// The metrics of a network's outputs for a set of samples.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The numbers, the most important first.
    pub metrics: Vec<Metric>,
    /// The confusion matrix of a classifier.
    pub confusion: Option<ConfusionMatrix>,
}

impl Evaluation {
    /// A JSON object: the metrics by name, with NaN as null, and the confusion matrix, one row for
    /// each true class.
    pub fn to_json(&self) -> Value {
        let mut json: Map<String, Value> = self
            .metrics
            .iter()
            .map(|metric| (metric.name.to_owned(), metric.value.into()))
            .collect();
        if let Some(confusion) = &self.confusion {
            json.insert("confusion".to_owned(), confusion.counts.clone().into());
        }
        json.into()
    }
}

/// The metrics on one line.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics: Vec<String> = self.metrics.iter().map(Metric::to_string).collect();
        f.write_str(&metrics.join(", "))
    }
}

/// The number of samples for each pair of true and predicted class.
///
/// ```
/// use final_layer::metrics::ConfusionMatrix;
/// let matrix = ConfusionMatrix::new(2, &[0, 0, 1, 1, 1], &[0, 1, 1, 1, 0]);
/// assert_eq!(matrix.accuracy(), 0.6);
/// assert_eq!(matrix.recall(1), 2. / 3.);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// `counts[true class][predicted class]`.
    counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Counts the pairs of true and predicted class.
    ///
    /// # Panics
    /// If a class is not in `0..classes`.
    pub fn new(classes: usize, truth: &[i64], predicted: &[i64]) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (&truth, &predicted) in truth.iter().zip(predicted) {
            counts[truth as usize][predicted as usize] += 1;
        }
        Self { counts }
    }

    /// The share of samples whose class was predicted correctly.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.counts.len()).map(|i| self.counts[i][i]).sum();
        let all: u64 = self.counts.iter().flatten().sum();
        right as f64 / all as f64
    }

    /// The share of a class's samples that were predicted correctly: the sensitivity for the
    /// positive class, the specificity for the negative one.
    pub fn recall(&self, class: usize) -> f64 {
        let row = &self.counts[class];
        row[class] as f64 / row.iter().sum::<u64>() as f64
    }
}

/// Rows are the true classes, columns the predicted ones.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = self.counts.iter().flatten().max().unwrap_or(&0);
        let width = largest.to_string().len().max(2) + 1;
        write!(f, "true \\ predicted")?;
        for class in 0..self.counts.len() {
            write!(f, "{class:>width$}")?;
        }
        for (class, row) in self.counts.iter().enumerate() {
            write!(f, "\n{class:>16}")?;
            for count in row {
                write!(f, "{count:>width$}")?;
            }
        }
        Ok(())
    }
}

/// The area under the receiver operating characteristic curve, by the rank sum of Mann and Whitney:
/// (Σ ranks of positives − P(P + 1)/2) ÷ (P · N). Tied scores share their mean rank.
///
/// NaN if a class has no sample or a score is NaN.
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> f64 {
    if scores.iter().any(|score| score.is_nan()) {
        return f64::NAN;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut positive_ranks = 0.;
    let mut ranked = 0;
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        // Ranks start at 1: the mean of ranked + 1 ..= ranked + tied.len().
        let rank = ranked as f64 + (tied.len() + 1) as f64 / 2.;
        positive_ranks += rank * tied.iter().filter(|&&i| truth[i]).count() as f64;
        ranked += tied.len();
    }
    let positives = truth.iter().filter(|&&positive| positive).count() as f64;
    let negatives = truth.len() as f64 - positives;
    (positive_ranks - positives * (positives + 1.) / 2.) / (positives * negatives)
}

/// The receiver operating characteristic, from (0, 0) to (1, 1). For each distinct score, used as
/// the threshold, a point (false positive rate, true positive rate).
///
/// ```
/// use final_layer::metrics::roc_curve;
/// let curve = roc_curve(&[true, false, true], &[0.9, 0.5, 0.5]);
/// assert_eq!(curve, [(0., 0.), (0., 0.5), (1., 1.)]);
/// ```
pub fn roc_curve(truth: &[bool], scores: &[f64]) -> Vec<(f64, f64)> {
    let positives = truth.iter().filter(|&&positive| positive).count() as f64;
    let negatives = truth.len() as f64 - positives;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut hits, mut alarms) = (0, 0);
    let mut curve = vec![(0., 0.)];
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let right = tied.iter().filter(|&&i| truth[i]).count();
        hits += right;
        alarms += tied.len() - right;
        curve.push((alarms as f64 / negatives, hits as f64 / positives));
    }
    curve
}

/// The square root of the mean squared error, in the unit of its arguments.
pub fn root_mean_squared_error(truth: &[f64], predicted: &[f64]) -> f64 {
    (squared_errors(truth, predicted) / truth.len() as f64).sqrt()
}

/// R², the share of the variance that the prediction explains: 1 for a perfect prediction, 0 for
/// the mean.
///
/// If all true values are equal, it is 1 for a perfect prediction and otherwise 0, as in
/// scikit-learn. With fewer than two samples it is NaN.
pub fn r2(truth: &[f64], predicted: &[f64]) -> f64 {
    if truth.len() < 2 {
        return f64::NAN;
    }
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let variation: f64 = truth.iter().map(|x| (x - mean).powi(2)).sum();
    let errors = squared_errors(truth, predicted);
    match (errors == 0., variation == 0.) {
        (true, true) => 1.,
        (false, true) => 0.,
        _ => 1. - errors / variation,
    }
}

fn squared_errors(truth: &[f64], predicted: &[f64]) -> f64 {
    let errors = truth.iter().zip(predicted).map(|(a, b)| (a - b).powi(2));
    errors.sum()
}
