//! Calibration: the agreement of a network's probabilities with the shares of correct answers, and
//! temperature scaling.
//!
//! A classifier is calibrated if the share p of all answers given with probability p is correct.

use anyhow::{Result, bail, ensure};
use tch::{Kind, Reduction, Tensor, no_grad};

/// The answers with a confidence in one of several intervals of equal width from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// The number of answers.
    pub count: usize,
    /// The mean of their confidences; NaN if there is no answer.
    pub confidence: f64,
    /// The share of correct answers; NaN if there is no answer.
    pub accuracy: f64,
}

/// The reliability diagram of answers with `confidences` from 0 to 1, of which those marked in
/// `right` are correct: bin m of M takes confidences above (m − 1)/M and up to m/M.
///
/// # Errors
/// If `bins` is 0, the lengths differ, or a confidence is not from 0 to 1.
pub fn reliability(confidences: &[f64], right: &[bool], bins: usize) -> Result<Vec<Bin>> {
    ensure!(bins > 0, "expected at least 1 bin, found 0");
    let (all, judged) = (confidences.len(), right.len());
    ensure!(
        all == judged,
        "expected as many answers as confidences, {all}, found {judged}"
    );
    let outside = |confidence: &&f64| !(0. ..=1.).contains(*confidence);
    if let Some(confidence) = confidences.iter().find(outside) {
        bail!("expected confidences from 0 to 1, found {confidence}");
    }
    let mut sums = vec![(0, 0., 0.); bins];
    for (&confidence, &right) in confidences.iter().zip(right) {
        let (count, confident, correct) = &mut sums[bin_of(confidence, bins)];
        *count += 1;
        *confident += confidence;
        *correct += f64::from(right);
    }
    let bin = |(count, confidence, accuracy)| Bin {
        count,
        confidence: confidence / count as f64,
        accuracy: accuracy / count as f64,
    };
    Ok(sums.into_iter().map(bin).collect())
}

fn bin_of(confidence: f64, bins: usize) -> usize {
    let above = (confidence * bins as f64).ceil() as usize;
    above.clamp(1, bins) - 1
}

/// The expected calibration error: the mean of |accuracy − confidence| over the bins, weighted by
/// their counts. NaN without answers.
///
/// ```
/// use final_layer::calibration::{expected_calibration_error, reliability};
/// let bins = reliability(&[0.9, 0.9, 0.6, 0.6], &[true, true, true, false], 15)?;
/// assert!((expected_calibration_error(&bins) - 0.1).abs() < 1e-15);
/// # anyhow::Ok(())
/// ```
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let filled = bins.iter().filter(|bin| bin.count > 0);
    let gaps: f64 = filled
        .map(|bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs())
        .sum();
    gaps / all as f64
}

/// The lowest temperature searched.
pub const COLDEST: f64 = 0.01;
/// The highest temperature searched.
pub const HOTTEST: f64 = 100.;

/// The temperature T from 0.01 to 100 for which softmax(z/T) of the logits z, `(N, K)` float32, has
/// the least cross-entropy with the classes, `(N,)` int64.
///
/// The cross-entropy is convex in 1/T and so has a single minimum in ln T, which a golden-section
/// search finds to a millionth. If every answer is correct, a lower temperature is always better,
/// and the search ends within a millionth of 0.01. If the answers are worse than chance, it ends at
/// 100.
///
/// # Errors
/// If a shape or dtype differs, a class is not from 0 to K − 1, or there is no sample.
pub fn fit_temperature(logits: &Tensor, targets: &Tensor) -> Result<f64> {
    ensure!(
        targets.numel() > 0,
        "expected at least one sample to fit a temperature, found 0"
    );
    let logits = logits.f_to_kind(Kind::Double)?;
    let loss = |log_temperature: f64| -> Result<f64> {
        // In float64, as the minimum is flat; `cross_entropy_for_logits` converts to float32.
        let scaled = &logits / log_temperature.exp();
        let loss = no_grad(|| {
            scaled.f_log_softmax(1, Kind::Double)?.f_nll_loss::<Tensor>(
                targets,
                None,
                Reduction::Mean,
                -100,
            )
        })?;
        Ok(f64::try_from(loss)?)
    };
    let golden = (5f64.sqrt() - 1.) / 2.;
    let (mut low, mut high) = (COLDEST.ln(), HOTTEST.ln());
    while high - low > 1e-6 {
        let step = golden * (high - low);
        // Prefers the lower temperature if both are equal: a loss that rounds to 0 still decreases.
        if loss(high - step)? <= loss(low + step)? {
            high = low + step;
        } else {
            low = high - step;
        }
    }
    Ok(((low + high) / 2.).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_open_below_and_closed_above() {
        let confidences = [0., 0.25, 0.26, 0.5, 1.];
        let bins = reliability(&confidences, &[true, false, true, true, true], 4).unwrap();
        let counts: Vec<usize> = bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [2, 2, 0, 1]);
        assert_eq!(bins[0].accuracy, 0.5);
        assert_eq!(bins[1].confidence, 0.38);
        assert!(bins[2].accuracy.is_nan());
        let error = (2. * (0.5 - 0.125) + 2. * (1. - 0.38)) / 5.;
        assert!((expected_calibration_error(&bins) - error).abs() < 1e-12);
        assert!(expected_calibration_error(&[]).is_nan());
    }

    #[test]
    fn invalid_confidences_are_refused() {
        let message = |confidences: &[f64], right: &[bool], bins| {
            let refused = reliability(confidences, right, bins).unwrap_err();
            refused.to_string()
        };
        assert_eq!(
            message(&[0.5], &[], 15),
            "expected as many answers as confidences, 1, found 0"
        );
        for outside in [f64::NAN, -0.1, 1.1] {
            let expected = format!("expected confidences from 0 to 1, found {outside}");
            assert_eq!(message(&[0.5, outside], &[true, true], 15), expected);
        }
        assert_eq!(message(&[], &[], 0), "expected at least 1 bin, found 0");
    }

    #[test]
    fn mismatched_logits_and_classes_are_refused() {
        let logits = Tensor::from_slice(&[0f32, 3.]).repeat([2, 1]);
        for targets in [vec![1i64], vec![0, 2], vec![]] {
            let targets = Tensor::from_slice(&targets);
            assert!(fit_temperature(&logits, &targets).is_err(), "{targets:?}");
        }
        let flat = Tensor::from_slice(&[0f32, 3.]);
        assert!(fit_temperature(&flat, &Tensor::from_slice(&[1i64, 0])).is_err());
    }

    #[test]
    fn temperature_stays_within_its_bounds() {
        let logits = Tensor::from_slice(&[0f32, 3.]).repeat([2, 1]);
        for (class, end) in [(1i64, COLDEST), (0, HOTTEST)] {
            let found = fit_temperature(&logits, &Tensor::from_slice(&[class, class])).unwrap();
            assert!((found / end).ln().abs() < 2e-6, "{found}, not {end}");
        }
    }

    /// For a binary classifier that answers z = ±a and is correct with probability p, the best
    /// temperature is a / ln(p/(1 − p)).
    #[test]
    fn temperature_has_its_closed_form() {
        let logits = Tensor::from_slice(&[0f32, 3.]).repeat([10, 1]);
        let targets = Tensor::from_slice(&[1i64, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
        let expected = 3. / 4f64.ln();
        let found = fit_temperature(&logits, &targets).unwrap();
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }
}
