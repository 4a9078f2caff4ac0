//! Two models on the same samples: how far apart they are, and how far chance alone might put them.

use std::fmt;

/// A difference between two models, with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The first less the second.
    pub mean: f64,
    /// By the chance in which samples were drawn.
    pub error: f64,
}

impl Difference {
    /// The mean difference of what two models scored on each sample. NaN without a sample.
    ///
    /// Its standard error is that of models which are equal, √(Σ d²)/N: where right answers score 1
    /// and wrong ones 0, McNemar's root of the number of samples that only one model got right,
    /// over N.
    ///
    /// ```
    /// use final_layer::comparison::Difference;
    /// let difference = Difference::paired(&[1., 1., 1., 0.], &[1., 0., 0., 0.]);
    /// assert_eq!(difference, Difference { mean: 0.5, error: 2f64.sqrt() / 4. });
    /// ```
    ///
    /// # Panics
    /// If one model has scores of more samples than the other.
    pub fn paired(a: &[f64], b: &[f64]) -> Self {
        assert_eq!(a.len(), b.len(), "scores of the same samples");
        let count = a.len() as f64;
        let differences = || a.iter().zip(b).map(|(a, b)| a - b);
        let squares: f64 = differences().map(|d| d * d).sum();
        Self {
            mean: differences().sum::<f64>() / count,
            error: squares.sqrt() / count,
        }
    }

    /// The difference of the areas under the ROC curves of two scores. NaN without two samples of
    /// each class.
    ///
    /// Source: DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated
    /// receiver operating characteristic curves" (1988).
    ///
    /// # Panics
    /// If there is not one score of each model for each sample.
    pub fn of_auc(truth: &[bool], a: &[f64], b: &[f64]) -> Self {
        let samples = [a.len(), b.len()];
        assert_eq!(samples, [truth.len(); 2], "scores of the same samples");
        let [positives, negatives] = [true, false].map(|class| {
            let [a, b] = [a, b].map(|scores| placements(truth, scores, class));
            a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()
        });
        Self {
            mean: mean(&positives),
            error: (variance_of_mean(&positives) + variance_of_mean(&negatives)).sqrt(),
        }
    }

    /// Whether the first is ahead by more than two standard errors.
    pub fn is_ahead(&self) -> bool {
        self.mean > 2. * self.error
    }

    /// Whether the first is behind by more than two standard errors.
    pub fn is_behind(&self) -> bool {
        self.mean < -2. * self.error
    }
}

/// `+0.012±0.008`, to as many digits as are asked for, or else three.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(3);
        write!(f, "{:+.digits$}±{:.digits$}", self.mean, self.error)
    }
}

/// Of each sample of a class, the share of the other class that is on its right side, one of equal
/// score counting half.
fn placements(truth: &[bool], scores: &[f64], class: bool) -> Vec<f64> {
    let of = |class: bool| {
        let samples = truth.iter().zip(scores);
        samples.filter_map(move |(&truth, &score)| (truth == class).then_some(score))
    };
    let mut others: Vec<f64> = of(!class).collect();
    others.sort_by(f64::total_cmp);
    let place = |score: f64| {
        let below = others.partition_point(|&other| other < score);
        let up_to = others.partition_point(|&other| other <= score);
        let below = (below + up_to) as f64 / 2. / others.len() as f64;
        if class { below } else { 1. - below }
    };
    of(class).map(place).collect()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn variance_of_mean(numbers: &[f64]) -> f64 {
    let mean = mean(numbers);
    let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
    squares / (numbers.len() as f64 - 1.) / numbers.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::roc_auc;

    const TRUTH: [bool; 7] = [true, true, true, false, false, false, false];
    const A: [f64; 7] = [0.9, 0.8, 0.3, 0.5, 0.3, 0.2, 0.1];
    const B: [f64; 7] = [0.7, 0.2, 0.6, 0.6, 0.4, 0.1, 0.3];

    #[test]
    fn the_mean_is_that_of_the_areas() {
        let difference = Difference::of_auc(&TRUTH, &A, &B).mean;
        let expected = roc_auc(&TRUTH, &A) - roc_auc(&TRUTH, &B);
        assert!((difference - expected).abs() < 1e-12, "{difference}");
    }

    /// The placements by hand: of the positives 1, 1, 5/8 and 1, 1/4, 7/8; of the negatives 2/3,
    /// 5/6, 1, 1 and 1/2, 2/3, 1, 2/3.
    #[test]
    fn the_error_is_delongs() {
        let positives = [0., 0.75, -0.25];
        let negatives = [1. / 6., 1. / 6., 0., 1. / 3.];
        let expected = variance_of_mean(&positives) + variance_of_mean(&negatives);
        let error = Difference::of_auc(&TRUTH, &A, &B).error;
        assert!((error - expected.sqrt()).abs() < 1e-12, "{error}");
        // Σ(x − m)²/(n − 1)/n of both.
        let by_hand: f64 = (0.541_666_666_666_666_7 / 2. / 3.) + (1. / 18. / 3. / 4.);
        assert!((error - by_hand.sqrt()).abs() < 1e-12, "{error}");
    }

    #[test]
    fn ahead_and_behind_are_beyond_two_errors() {
        let of = |mean| Difference { mean, error: 0.1 };
        assert!(of(0.21).is_ahead() && of(-0.21).is_behind());
        assert!(!of(0.19).is_ahead() && !of(-0.19).is_behind());
        let nothing = Difference::paired(&[], &[]);
        assert!(!nothing.is_ahead() && !nothing.is_behind());
        assert_eq!(of(-0.25).to_string(), "-0.250±0.100");
    }

    #[test]
    fn equal_scores_do_not_differ() {
        let expected = Difference {
            mean: 0.,
            error: 0.,
        };
        assert_eq!(Difference::of_auc(&TRUTH, &A, &A), expected);
    }
}
