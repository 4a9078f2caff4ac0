//! The calibration of a trained network's probabilities, before and after fitting a temperature.

use anyhow::Result;
use final_layer::calibration::{
    Bin, COLDEST, HOTTEST, expected_calibration_error, fit_temperature, reliability,
};
use final_layer::torch::random::Generator;
use plotters::prelude::SeriesLabelPosition;
use tch::{Reduction, Tensor};

use crate::experiment::claims::{Claim, Figure, Kind, Layout, Table};
use crate::experiment::confidence::Answers;
use crate::experiment::data::{Parts, to_f64};
use crate::experiment::figures::{Axis, BLUE, Band, INK, Mark, ORANGE, Plot, Series};
use crate::experiment::laboratory::Run;
use crate::experiment::statistics::{Interval, Verdict};

/// The number of bins of equal width, as in Guo et al. (2017).
const BINS: usize = 15;
/// The number of bins in the figure, fewer so that each has enough answers.
const DRAWN_BINS: usize = 10;

/// The number of random test sets for each network that estimate the error by chance.
const DRAWS: usize = 200;

/// Smaller errors of the confidences do not matter for practical purposes.
const MARGIN: f64 = 0.02;

/// The temperature for each seed's network, and the measurements on the test pictures with it and
/// without.
pub struct Calibration {
    temperatures: Vec<f64>,
    before: Reliability,
    after: Reliability,
    /// The change of the cross-entropy, by seed.
    gains: Vec<f64>,
}

/// The reliability by seed.
struct Reliability {
    bins: Vec<Vec<Bin>>,
    /// The [`DRAWN_BINS`] bins of the figure.
    drawn: Vec<Vec<Bin>>,
    errors: Vec<f64>,
    /// The expected error if every confidence were true: by chance it is above 0.
    chance: Vec<f64>,
    /// The mean confidence minus the share of correct answers.
    excess: Vec<f64>,
}

impl Reliability {
    fn new(answers: &[Answers]) -> Result<Self> {
        let mut all = Self {
            bins: Vec::new(),
            drawn: Vec::new(),
            errors: Vec::new(),
            chance: Vec::new(),
            excess: Vec::new(),
        };
        for (seed, a) in answers.iter().enumerate() {
            let bins = reliability(&a.confidences, &a.right, BINS)?;
            all.errors.push(expected_calibration_error(&bins));
            all.bins.push(bins);
            all.drawn
                .push(reliability(&a.confidences, &a.right, DRAWN_BINS)?);
            all.chance
                .push(error_by_chance(&a.confidences, seed as u64)?);
            let right = a.right.iter().filter(|&&right| right).count() as f64;
            let confident: f64 = a.confidences.iter().sum();
            all.excess.push((confident - right) / a.right.len() as f64);
        }
        Ok(all)
    }

    /// The calibration error beyond that of chance.
    fn beyond_chance(&self) -> Interval {
        Interval::paired(&self.errors, &self.chance)
    }
}

/// The mean calibration error of random test sets in which each answer is correct with the
/// probability given by its confidence.
fn error_by_chance(confidences: &[f64], seed: u64) -> Result<f64> {
    let generator = Generator::new();
    generator.manual_seed(seed);
    let mut sum = 0.;
    for _ in 0..DRAWS {
        let draw = |p: &f64| (generator.random() as f64 / i64::MAX as f64) < *p;
        let right: Vec<bool> = confidences.iter().map(draw).collect();
        sum += expected_calibration_error(&reliability(confidences, &right, BINS)?);
    }
    Ok(sum / DRAWS as f64)
}

impl Calibration {
    /// Fits the temperatures on the validation pictures; `answers` are those for the test pictures.
    pub fn new(runs: &[Run], digits: &Parts, answers: &[Answers]) -> Result<Self> {
        let classes = &digits.test.targets;
        let mut temperatures = Vec::new();
        let mut tempered = Vec::new();
        let mut gains = Vec::new();
        for run in runs {
            let temperature = fit_temperature(&run.validation, &digits.validation.targets)?;
            let cooled = &run.test / temperature;
            gains.push(loss(&cooled, classes)? - loss(&run.test, classes)?);
            tempered.push(Answers::new(&cooled, classes)?);
            temperatures.push(temperature);
        }
        Ok(Self {
            temperatures,
            before: Reliability::new(answers)?,
            after: Reliability::new(&tempered)?,
            gains,
        })
    }

    pub fn claims(&self) -> [Claim; 2] {
        [self.as_trained(), self.with_temperature()]
    }

    fn as_trained(&self) -> Claim {
        let excess = Interval::of(&self.before.excess);
        Claim {
            id: "calibration",
            kind: Kind::Measurement,
            sentence: "Softmax, by generating a valid probability distribution, provides a clear \
                       and comparative measure of class membership for each input.",
            experiment: "The confidence of answers beside the share of them that is right, in 15 \
                         bins (the calibration error), less what it would be by chance if every \
                         confidence were true."
                .to_owned(),
            finding: format!(
                "The networks are overconfident by {:+.1} points, and their \
                 calibration error is {:.1} points above that of chance.",
                excess.times(100.),
                self.before.beyond_chance().times(100.)
            ),
            verdict: self.before.beyond_chance().is_below(MARGIN),
            rule: "Read as: the probability is the share of such answers that is right. Holds if \
                   the interval of the calibration error beyond that of chance lies below 2 \
                   points, does not hold if it lies above.",
        }
    }

    fn with_temperature(&self) -> Claim {
        let gain = Interval::of(&self.gains);
        let temperature = Interval::of(&self.temperatures);
        let (finding, verdict) = match self.temperatures.iter().any(|&t| is_at_the_end(t)) {
            true => (
                "All validation pictures are answered right: no temperature is best.".to_owned(),
                Verdict::NotMeasured,
            ),
            false => (
                format!(
                    "Dividing the logits by {:.2} {} the test loss by {:.3} ± {:.3} nats; the \
                     calibration error is then {:.1} points above that of chance.",
                    temperature.mean,
                    if gain.mean < 0. { "cuts" } else { "raises" },
                    gain.mean.abs(),
                    gain.half,
                    self.after.beyond_chance().times(100.)
                ),
                gain.is_below(0.),
            ),
        };
        Claim {
            id: "temperature",
            kind: Kind::Addition,
            sentence: "Dividing all logits by one number, fitted on other pictures, makes the \
                       probabilities truer.",
            experiment: "Measured: the temperature that is best on the validation pictures, for \
                         each seed's network, and the cross-entropy of the test pictures with it \
                         and without."
                .to_owned(),
            finding,
            verdict,
            rule: "Holds if the interval of the change of the cross-entropy lies below 0, does not \
                   hold if it lies above. Not measured where all validation pictures are answered \
                   right, as no temperature is best then.",
        }
    }

    pub fn figure(&self) -> Result<Figure> {
        let temperature = Interval::of(&self.temperatures).mean;
        let plots = vec![
            plot("as trained", &self.before)?,
            plot(&format!("temperature {temperature:.2}"), &self.after)?,
        ];
        Ok(Figure {
            id: "reliability",
            caption: format!(
                "Of the answers given with a certain confidence, the share that is right: the mean \
                 over the seeds and its 95 % interval. On the dashed line, confidence is true; \
                 below it, the networks are too sure. Calibration error {:.3} as trained, {:.3} \
                 with the logits divided by {temperature:.2} on the mean.",
                Interval::of(&self.before.errors),
                Interval::of(&self.after.errors)
            ),
            layout: Layout::Even,
            plots,
        })
    }

    pub fn table(&self) -> Table {
        let row = |name: &str, all: &Reliability| {
            vec![
                name.to_owned(),
                format!("{:.3}", Interval::of(&all.errors)),
                format!("{:.3}", Interval::of(&all.chance)),
                format!("{:+.3}", Interval::of(&all.excess)),
            ]
        };
        let head = [
            "",
            "calibration error",
            "by chance alone",
            "confidence minus accuracy",
        ];
        Table {
            caption: "Calibration over the seeds".to_owned(),
            head: head.map(str::to_owned).into(),
            rows: vec![
                row("as trained", &self.before),
                row("with temperature", &self.after),
            ],
        }
    }
}

fn plot(title: &str, all: &Reliability) -> Result<String> {
    let (mut points, mut ends) = (Vec::new(), Vec::new());
    for i in 0..DRAWN_BINS {
        let filled: Vec<&Bin> = (all.drawn.iter().map(|bins| &bins[i]))
            .filter(|bin| bin.count > 0)
            .collect();
        if filled.len() < all.drawn.len().max(2) {
            continue;
        }
        let of = |number: fn(&Bin) -> f64| {
            Interval::of(&filled.iter().map(|bin| number(bin)).collect::<Vec<_>>())
        };
        let (x, y) = (of(|bin| bin.confidence).mean, of(|bin| bin.accuracy));
        points.push((x, y.mean));
        ends.push((x, y.low().max(0.), y.high().min(1.)));
    }
    let series = vec![
        Series::new("if true", INK, Mark::Dashes, vec![(0., 0.), (1., 1.)]),
        Series::new("share right", ORANGE, Mark::Dots, points),
    ];
    let x = Axis::new("confidence", 0., 1.);
    let mut plot = Plot::new(title, x, Axis::new("share right", 0., 1.), series);
    plot.bands = vec![Band {
        color: BLUE,
        filled: false,
        ends,
    }];
    plot.legend = SeriesLabelPosition::UpperLeft;
    plot.alt = format!(
        "Reliability diagram, {title}: the share of right answers over their confidence, beside \
         the diagonal. Calibration error {:.3}.",
        Interval::of(&all.errors)
    );
    plot.to_svg()
}

/// Returns true if the search found no minimum and ended at a bound.
fn is_at_the_end(temperature: f64) -> bool {
    let near = |end: f64| (temperature / end).ln().abs() < 1e-3;
    near(COLDEST) || near(HOTTEST)
}

/// The mean cross-entropy.
fn loss(logits: &Tensor, classes: &Tensor) -> Result<f64> {
    let mean = Reduction::Mean;
    let loss = logits.f_cross_entropy_loss::<Tensor>(classes, None, mean, -100, 0.)?;
    Ok(to_f64(&loss)?[0])
}
