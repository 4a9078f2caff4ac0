//! Whether a network's probabilities are what they claim to be, and the temperature that mends them.
//!
//! A classifier is calibrated if, of all answers given with probability p, the share p is right.
//! Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017).

use anyhow::{Result, bail, ensure};
use tch::{Kind, Reduction, Tensor, no_grad};

/// The answers whose confidence falls into one of equally wide intervals from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many there are.
    pub count: usize,
    /// The mean of their confidences; NaN of none.
    pub confidence: f64,
    /// The share that is right; NaN of none.
    pub accuracy: f64,
}

/// The reliability diagram of answers given with `confidences`, from 0 to 1, of which some are
/// `right`: bin m of M takes those above (m − 1)/M up to m/M.
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

/// The expected calibration error: the distance between accuracy and confidence in each bin,
/// weighted by its count. NaN without an answer.
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

/// The lowest temperature that is looked for.
pub const COLDEST: f64 = 0.01;
/// The highest temperature that is looked for.
pub const HOTTEST: f64 = 100.;

/// The temperature T, from 0.01 to 100, for which softmax(z/T) of the logits z, `(N, K)` float32,
/// fits the classes, `(N,)` int64, best: the one of least cross-entropy.
///
/// The cross-entropy is convex in 1/T, so it has one valley in ln T, which a golden-section search
/// narrows to a millionth. Where every answer is right, colder is always better: the search ends
/// there, within a millionth of 0.01. Where they are worse than chance, it ends at 100.
///
/// # Errors
/// If the shapes or dtypes are others, a class is not one of K, or there is no sample.
pub fn fit_temperature(logits: &Tensor, targets: &Tensor) -> Result<f64> {
    ensure!(
        targets.numel() > 0,
        "expected samples to fit a temperature to, found none"
    );
    let logits = logits.f_to_kind(Kind::Double)?;
    let loss = |log_temperature: f64| -> Result<f64> {
        // In float64, which `cross_entropy_for_logits` leaves: its valley is flat.
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
        // Of equals the colder: a loss that rounds to 0 falls on.
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
    fn what_is_no_confidence_is_refused() {
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
    fn temperature_of_what_does_not_fit_is_refused() {
        let logits = Tensor::from_slice(&[0f32, 3.]).repeat([2, 1]);
        for targets in [vec![1i64], vec![0, 2], vec![]] {
            let targets = Tensor::from_slice(&targets);
            assert!(fit_temperature(&logits, &targets).is_err(), "{targets:?}");
        }
        let flat = Tensor::from_slice(&[0f32, 3.]);
        assert!(fit_temperature(&flat, &Tensor::from_slice(&[1i64, 0])).is_err());
    }

    #[test]
    fn temperature_ends_where_the_search_does() {
        let logits = Tensor::from_slice(&[0f32, 3.]).repeat([2, 1]);
        for (class, end) in [(1i64, COLDEST), (0, HOTTEST)] {
            let found = fit_temperature(&logits, &Tensor::from_slice(&[class, class])).unwrap();
            assert!((found / end).ln().abs() < 2e-6, "{found}, not {end}");
        }
    }

    /// Of a binary classifier that answers z = ±a and is right with probability p, the best
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
