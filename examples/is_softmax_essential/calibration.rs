//! Whether a trained network's probabilities are true, before and after a temperature is fitted.

use anyhow::Result;
use final_layer::calibration::{
    Bin, COLDEST, HOTTEST, expected_calibration_error, fit_temperature, reliability,
};
use final_layer::comparison::Difference;
use final_layer::networks::DigitClassifier;
use plotters::prelude::SeriesLabelPosition;
use tch::{Device, Kind, Reduction, Tensor};

use crate::claims::{Claim, Figure, Layout, Table, Verdict};
use crate::confidence::Answers;
use crate::data::{Digits, to_f64};
use crate::figures::{Axis, BLUE, INK, Mark, ORANGE, Plot, Series};
use crate::laboratory::{Run, outputs};

/// Equally wide, as in Guo et al. (2017).
const BINS: usize = 15;

/// Test sets drawn for each gap between confidence and accuracy.
const DRAWS: usize = 400;

/// A gap that a test has to be able to see, for its silence to mean anything.
const TELLING: f64 = 0.05;

/// How far confidences are from the share of right answers.
struct Reliability {
    bins: Vec<Bin>,
    /// The expected calibration error.
    error: f64,
    /// What it stays below, in 95 of 100 test sets, if the classifier is calibrated.
    likely: f64,
}

impl Reliability {
    fn new(answers: &Answers) -> Result<Self> {
        let bins = reliability(&answers.confidences, &answers.right, BINS)?;
        Ok(Self {
            error: expected_calibration_error(&bins),
            likely: drawn_errors(&answers.confidences, 0.)?[DRAWS * 95 / 100],
            bins,
        })
    }

    /// Whether it is such as a calibrated classifier's.
    fn is_likely(&self) -> bool {
        self.error <= self.likely
    }
}

/// The calibration errors of test sets in which each answer is right with its confidence less
/// `gap`, in ascending order.
fn drawn_errors(confidences: &[f64], gap: f64) -> Result<Vec<f64>> {
    let options = (Kind::Double, Device::Cpu);
    let mut errors = Vec::new();
    for _ in 0..DRAWS {
        let chances = to_f64(&Tensor::rand([confidences.len() as i64], options))?;
        let pairs = chances.iter().zip(confidences);
        let right: Vec<bool> = pairs.map(|(chance, p)| *chance < p - gap).collect();
        let bins = reliability(confidences, &right, BINS)?;
        errors.push(expected_calibration_error(&bins));
    }
    errors.sort_by(f64::total_cmp);
    Ok(errors)
}

/// The least gap, in hundredths, by which all confidences may be too large for four of five test
/// sets to show it: for their calibration error to be above the likely one.
fn least_seen(confidences: &[f64], likely: f64) -> Result<f64> {
    for hundredth in 1..100 {
        let gap = f64::from(hundredth) / 100.;
        if drawn_errors(confidences, gap)?[DRAWS / 5] > likely {
            return Ok(gap);
        }
    }
    Ok(1.)
}

/// What was measured on the test pictures.
pub struct Calibration {
    temperature: f64,
    trained: Reliability,
    /// The answers with the logits divided by the temperature.
    tempered_answers: Answers,
    tempered: Reliability,
    least_seen: f64,
}

impl Calibration {
    /// Fits the temperature on the validation pictures; `answers` are those to the test pictures.
    pub fn new<S>(
        run: &Run<DigitClassifier, S>,
        digits: &Digits,
        answers: &Answers,
    ) -> Result<Self> {
        let validated = outputs(&run.model, &digits.validation);
        let temperature = fit_temperature(&validated, &digits.validation.targets)?;
        let tempered = Answers::new(&answers.logits / temperature, &digits.test.targets)?;
        let trained = Reliability::new(answers)?;
        Ok(Self {
            temperature,
            least_seen: least_seen(&answers.confidences, trained.likely)?,
            trained,
            tempered: Reliability::new(&tempered)?,
            tempered_answers: tempered,
        })
    }

    pub fn claims(&self, answers: &Answers, targets: &Tensor) -> Result<Vec<Claim>> {
        Ok(vec![
            self.as_trained(),
            self.with_temperature(answers, targets)?,
        ])
    }

    fn as_trained(&self) -> Claim {
        let Reliability { error, likely, .. } = self.trained;
        let telling = self.least_seen <= TELLING;
        Claim {
            id: "calibration",
            text: "softmax output is a probability",
            measured: format!(
                "ECE {error:.3}, chance {likely:.3}; unseen: gap < {:.2}",
                self.least_seen
            ),
            verdict: Verdict::of(self.trained.is_likely() && telling, error <= 2. * likely),
            rule: "Whether the share of right answers is as large as their confidence. By chance, \
                   the expected calibration error (ECE, 15 bins) of a calibrated classifier with \
                   these confidences stays below the second number in 95 of 100 test sets. A gap \
                   below the third, between all confidences and the truth, goes unseen in more \
                   than one of five. Holds if the error is one of chance and a gap of 0.05 would \
                   have been seen; in part if the error is at most twice that of chance.",
        }
    }

    fn with_temperature(&self, answers: &Answers, targets: &Tensor) -> Result<Claim> {
        let gain = Difference::paired(
            &losses(&self.tempered_answers.logits, targets)?,
            &losses(&answers.logits, targets)?,
        );
        let Reliability { error, likely, .. } = self.tempered;
        let calibrated = self.tempered.is_likely();
        let sign = if calibrated { "≤" } else { ">" };
        let temperature = self.temperature;
        let (measured, verdict) = match self.is_at_the_end() {
            true => (
                format!("none is best: the search ends at T {temperature:.2}"),
                Verdict::NotMeasured,
            ),
            false => (
                format!("T {temperature:.2}: NLL {gain}; ECE {error:.3} {sign} {likely:.3}"),
                Verdict::of(gain.is_behind() && calibrated, gain.mean < 0.),
            ),
        };
        Ok(Claim {
            id: "temperature",
            text: "a temperature calibrates it",
            measured,
            verdict,
            rule: "The temperature T was fitted on validation pictures. Holds if it brings down \
                   the cross-entropy (NLL) of the test pictures by more than two standard errors \
                   of the difference on the same pictures, and the expected calibration error \
                   (ECE) that is left is one of chance: at most the last number, which 95 of 100 \
                   test sets of a calibrated classifier stay below. In part if the cross-entropy \
                   is brought down at all. Not measured where no T is best: all validation \
                   pictures are answered right.",
        })
    }

    /// Whether the search found no valley: T is where it began or ended.
    fn is_at_the_end(&self) -> bool {
        let near = |end: f64| (self.temperature / end).ln().abs() < 1e-3;
        near(COLDEST) || near(HOTTEST)
    }

    pub fn figure(&self, answers: &Answers) -> Result<Figure> {
        let temperature = self.temperature;
        let plot = |title: String, reliability: &Reliability| {
            let Reliability { bins, error, .. } = reliability;
            let filled = bins.iter().filter(|bin| bin.count > 0);
            let points = filled.map(|bin| (bin.confidence, bin.accuracy)).collect();
            let counts = bins.iter().enumerate().map(|(i, bin)| {
                let middle = (i as f64 + 0.5) / BINS as f64;
                (middle, bin.count as f64 / answers.right.len() as f64)
            });
            let mut plot = Plot::new(
                &title,
                Axis::new("confidence", 0., 1.),
                Axis::new("share", 0., 1.),
                vec![
                    Series::new("share of answers", BLUE, Mark::Bars(0.05), counts.collect()),
                    Series::new("if calibrated", INK, Mark::Dashes, vec![(0., 0.), (1., 1.)]),
                    Series::new("share right", ORANGE, Mark::Dots, points),
                ],
            );
            plot.legend = SeriesLabelPosition::UpperLeft;
            plot.alt = format!(
                "Reliability diagram {title}: the share of right answers over their confidence, \
             beside the diagonal. Expected calibration error {error:.3}."
            );
            plot.to_svg()
        };
        Ok(Figure {
            id: "reliability",
            caption: format!(
                "Reliability: of the answers in each of {BINS} bins of confidence, the share that \
             is right (dots), and the share of all answers that fall into the bin (bars). \
             Calibrated, the dots lie on the diagonal. Expected calibration error {:.3} as \
             trained, {:.3} with the logits divided by {temperature:.2}.",
                self.trained.error, self.tempered.error
            ),
            layout: Layout::Even,
            plots: vec![
                plot("as trained".to_owned(), &self.trained)?,
                plot(format!("temperature {temperature:.2}"), &self.tempered)?,
            ],
        })
    }

    pub fn table(&self) -> Table {
        let cells = |bin: &Bin| match bin.count {
            0 => ["0".to_owned(), "–".to_owned(), "–".to_owned()],
            n => [
                n.to_string(),
                format!("{:.3}", bin.confidence),
                format!("{:.3}", bin.accuracy),
            ],
        };
        let rows = self
            .trained
            .bins
            .iter()
            .zip(&self.tempered.bins)
            .enumerate();
        let row = |(i, (before, after)): (usize, (&Bin, &Bin))| {
            let up_to = format!("{:.3}", (i + 1) as f64 / BINS as f64);
            [vec![up_to], cells(before).into(), cells(after).into()].concat()
        };
        let head = [
            "confidence up to",
            "answers",
            "confidence",
            "right",
            "tempered: answers",
            "confidence",
            "right",
        ];
        Table {
            caption: "The reliability diagrams in numbers".to_owned(),
            head: head.map(str::to_owned).into(),
            rows: rows.map(row).collect(),
        }
    }
}

/// The cross-entropy of each sample.
fn losses(logits: &Tensor, targets: &Tensor) -> Result<Vec<f64>> {
    let none = Reduction::None;
    to_f64(&logits.f_cross_entropy_loss::<Tensor>(targets, None, none, -100, 0.)?)
}
