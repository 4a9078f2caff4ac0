//! What a person in the field reads off a trained network, equal to scikit-learn's numbers.
//!
//! | | formula | scikit-learn |
//! | --- | --- | --- |
//! | accuracy | right ÷ all | `accuracy_score` |
//! | sensitivity | true positives ÷ positives | `recall_score` |
//! | specificity | true negatives ÷ negatives | `recall_score(pos_label=0)` |
//! | ROC AUC | P(a positive scores higher than a negative), ties half | `roc_auc_score` |
//! | RMSE | √(mean of squared errors) | `root_mean_squared_error` |
//! | R² | 1 − squared errors ÷ squared distances from the mean | `r2_score` |
//!
//! A ratio of nothing (the sensitivity without a positive) is NaN.

use std::fmt;

use indicatif::HumanFloatCount;
use serde_json::{Map, Value};

/// A number with its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// As the field calls it.
    pub name: &'static str,
    /// In dollars, or without a unit.
    pub value: f64,
    /// How it is printed.
    pub unit: Unit,
}

/// What a [`Metric`] is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share or a coefficient: four decimals.
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

/// An amount without cents, its thousands apart.
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

/// All that is read off a network's outputs for a set of samples.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The numbers, the most important first.
    pub metrics: Vec<Metric>,
    /// Of a classifier.
    pub confusion: Option<ConfusionMatrix>,
}

impl Evaluation {
    /// An object for machines: the numbers by name, NaN as null, and the confusion matrix, a row
    /// for each true class.
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

/// The numbers on one line.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics: Vec<String> = self.metrics.iter().map(Metric::to_string).collect();
        f.write_str(&metrics.join(", "))
    }
}

/// How often each class was taken for each.
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
    /// Counts the pairs of the true and the predicted class of each sample.
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

    /// The share of samples whose class was predicted.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.counts.len()).map(|i| self.counts[i][i]).sum();
        let all: u64 = self.counts.iter().flatten().sum();
        right as f64 / all as f64
    }

    /// The share of a class's samples that were taken for it: of the positive class the
    /// sensitivity, of the negative one the specificity.
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

/// The area under the receiver operating characteristic curve, as the rank sum of Mann and Whitney:
/// (Σ ranks of positives − P(P + 1)/2) ÷ (P · N), tied scores sharing their mean rank.
///
/// NaN without both classes, or with a score that is NaN.
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> f64 {
    if scores.iter().any(|score| score.is_nan()) {
        return f64::NAN;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut positive_ranks = 0.;
    let mut ranked = 0;
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        // Ranks count from 1: the mean of ranked + 1 ..= ranked + tied.len().
        let rank = ranked as f64 + (tied.len() + 1) as f64 / 2.;
        positive_ranks += rank * tied.iter().filter(|&&i| truth[i]).count() as f64;
        ranked += tied.len();
    }
    let positives = truth.iter().filter(|&&positive| positive).count() as f64;
    let negatives = truth.len() as f64 - positives;
    (positive_ranks - positives * (positives + 1.) / 2.) / (positives * negatives)
}

/// The receiver operating characteristic: from (0, 0) to (1, 1), the share of negatives and the share
/// of positives that score at least each threshold, a point for each score that occurs.
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

/// R², the share of the variance that the prediction explains: 1 for a perfect one, 0 for the mean.
///
/// As in scikit-learn, where the truth does not vary it is 1 if the prediction is perfect, else 0;
/// of fewer than two samples it is NaN.
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
