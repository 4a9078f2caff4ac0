//! The statistics of the experiment: means over seeds, their intervals, and the verdicts.
//!
//! A network is trained once for each seed, and the seed is the unit: comparisons are made seed by
//! seed, between networks that start from the same weights and see the samples in the same order.
//! The verdict depends on the side of a bound on which the whole 95 % interval lies; the report
//! says when the bounds were set. If the bound lies inside the interval, nothing is shown, and the
//! verdict is *undecided*.
//!
//! The intervals cover the choice of seed, with these samples and the chosen learning rate. They do
//! not cover the choice of samples or of the learning rate.

use std::fmt;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The confidence level of the intervals.
pub const CONFIDENCE: f64 = 0.95;

/// The result of a claim's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// Part of the claim is shown to be right, and the rest to be wrong.
    InPart,
    DoesNotHold,
    /// Neither the claim nor its opposite is shown.
    Undecided,
    /// The data leave nothing to measure.
    NotMeasured,
}

impl Verdict {
    /// `Holds` or `DoesNotHold`, for results that are computed and not estimated.
    pub fn if_so(holds: bool) -> Self {
        match holds {
            true => Self::Holds,
            false => Self::DoesNotHold,
        }
    }

    /// The verdict on the opposite claim.
    pub fn opposite(self) -> Self {
        match self {
            Self::Holds => Self::DoesNotHold,
            Self::DoesNotHold => Self::Holds,
            other => other,
        }
    }

    /// The verdict on a claim with several parts: holds if all do, does not hold if one does not,
    /// otherwise undecided.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut verdict = Self::Holds;
        for part in parts {
            match part {
                Self::Holds => {}
                Self::DoesNotHold => return Self::DoesNotHold,
                other => verdict = other,
            }
        }
        verdict
    }

    /// The verdict on a claim tested several times, such as with two optimizers: the common
    /// verdict; in part if some hold and others do not; undecided if any is.
    pub fn of_each(parts: &[Self]) -> Self {
        let open = parts
            .iter()
            .find(|part| !matches!(part, Self::Holds | Self::DoesNotHold));
        match open {
            Some(&part) => part,
            None if parts.iter().all(|&part| part == Self::Holds) => Self::Holds,
            None if parts.contains(&Self::Holds) => Self::InPart,
            None => Self::DoesNotHold,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::InPart => "holds in part",
            Self::DoesNotHold => "does not hold",
            Self::Undecided => "undecided",
            Self::NotMeasured => "not measured",
        })
    }
}

/// A mean over seeds with its 95 % interval, by Student's t distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub mean: f64,
    /// From the mean to either end; NaN with fewer than two values.
    pub half: f64,
}

impl Interval {
    /// The interval for one value per seed.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let half = match values.len() {
            0 | 1 => f64::NAN,
            n => quantile(n - 1) * (squares / (count - 1.) / count).sqrt(),
        };
        Self { mean, half }
    }

    /// The interval for the differences `a` − `b`, seed by seed.
    ///
    /// # Panics
    /// If the numbers of values differ.
    pub fn paired(a: &[f64], b: &[f64]) -> Self {
        assert_eq!(a.len(), b.len(), "values of the same seeds");
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        Self::of(&differences)
    }

    pub fn low(&self) -> f64 {
        self.mean - self.half
    }

    pub fn high(&self) -> f64 {
        self.mean + self.half
    }

    /// The verdict on the mean being above `bound`: holds if the whole interval is above, does not
    /// hold if the whole interval is below.
    pub fn is_above(&self, bound: f64) -> Verdict {
        match (self.low() > bound, self.high() < bound) {
            (true, _) => Verdict::Holds,
            (_, true) => Verdict::DoesNotHold,
            _ => Verdict::Undecided,
        }
    }

    /// The verdict on the mean being below `bound`, likewise.
    pub fn is_below(&self, bound: f64) -> Verdict {
        self.is_above(bound).opposite()
    }

    /// The verdict on two things being the same for practical purposes, that is, differing by at
    /// most `margin`. Holds if the whole interval lies within (two one-sided tests, each at 2.5 %),
    /// does not hold if the whole interval lies outside.
    pub fn is_within(&self, margin: f64) -> Verdict {
        Verdict::all([self.is_above(-margin), self.is_below(margin)])
    }

    /// The interval scaled by `scale`.
    pub fn times(&self, scale: f64) -> Self {
        Self {
            mean: self.mean * scale,
            half: self.half * scale.abs(),
        }
    }
}

/// `0.012 ± 0.008`, with the requested number of digits, by default three; with `+`, signed.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(3);
        let Self { mean, half } = self;
        // What rounds to 0 has no sign.
        let mean = match format!("{:.digits$}", mean.abs()).parse() {
            Ok(0f64) => 0.,
            _ => *mean,
        };
        match f.sign_plus() {
            true => write!(f, "{mean:+.digits$} ± {half:.digits$}"),
            false => write!(f, "{mean:.digits$} ± {half:.digits$}"),
        }
    }
}

/// The number of standard errors from the mean to either end of the interval.
fn quantile(degrees_of_freedom: usize) -> f64 {
    let distribution = StudentsT::new(0., 1., degrees_of_freedom as f64);
    let distribution = distribution.expect("there is a t distribution of so many degrees");
    distribution.inverse_cdf((1. + CONFIDENCE) / 2.)
}
