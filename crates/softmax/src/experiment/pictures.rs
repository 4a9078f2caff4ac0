//! Test pictures with their logits and probabilities.

use anyhow::Result;
use final_layer::data::Samples;
use plotters::style::RGBColor;

use crate::experiment::claims::{Figure, Layout};
use crate::experiment::confidence::Answers;
use crate::experiment::data::to_f64;
use crate::experiment::figures::{
    Axis, BLUE, GREEN, Mark, ORANGE, Plot, Series, largest, picture, smallest,
};

/// A test picture, the network's answer, and the true class.
pub struct Example {
    pub place: usize,
    pub truth: i64,
    pub answer: i64,
    pub logits: Vec<f64>,
    pub probabilities: Vec<f64>,
}

impl Example {
    fn new(test: &Samples, answers: &Answers, place: usize) -> Result<Self> {
        let row = place as i64;
        let logits = answers.logits.get(row);
        Ok(Self {
            place,
            truth: test.targets.int64_value(&[row]),
            answer: logits.argmax(0, false).int64_value(&[]),
            logits: to_f64(&logits)?,
            probabilities: to_f64(&answers.probabilities.get(row))?,
        })
    }

    pub fn confidence(&self) -> f64 {
        largest(self.probabilities.iter().copied())
    }
}

/// The indices of correct or of wrong answers, from the least to the most confident.
fn by_confidence(answers: &Answers, right: bool) -> Vec<usize> {
    let places = 0..answers.right.len();
    let mut places: Vec<usize> = places.filter(|&i| answers.right[i] == right).collect();
    places.sort_by(|&a, &b| answers.confidences[a].total_cmp(&answers.confidences[b]));
    places
}

/// The correct answer at the top of the report: the one whose confidence is closest to 0.97, so
/// that a second class is visible as well. If no answer is correct, the first one.
pub fn opening(test: &Samples, answers: &Answers) -> Result<(Example, Figure)> {
    let right = by_confidence(answers, true);
    let from_it = |&place: &usize| (answers.confidences[place] - 0.97).abs();
    let place = right
        .into_iter()
        .min_by(|a, b| from_it(a).total_cmp(&from_it(b)));
    let example = Example::new(test, answers, place.unwrap_or(0))?;
    let plots = row(test, &example, bounds(&[&example]))?;
    let figure = Figure {
        id: "one-digit",
        caption: format!(
            "One test picture, a {}, from its pixels to an answer. The network's last layer gives \
             a number for each class, the logits, and the largest already names the class: {}. \
             Softmax makes probabilities of them: {:.2} for {}. The true class is green.",
            example.truth,
            example.answer,
            example.confidence(),
            example.answer
        ),
        layout: Layout::Pictures,
        plots,
    };
    Ok((example, figure))
}

/// Some test pictures, from confident and correct to confident and wrong.
pub fn figure(test: &Samples, answers: &Answers) -> Result<Figure> {
    let (right, wrong) = (by_confidence(answers, true), by_confidence(answers, false));
    let chosen = [
        (right.last(), "the surest right answer"),
        (right.get(right.len() / 20), "a right answer in doubt"),
        (wrong.first(), "the least sure wrong answer"),
        (wrong.last(), "the surest wrong answer"),
    ];
    let (mut examples, mut what) = (Vec::new(), Vec::new());
    for (place, name) in chosen {
        if let Some(&place) = place {
            examples.push(Example::new(test, answers, place)?);
            what.push(name);
        }
    }
    let bounds = bounds(&examples.iter().collect::<Vec<_>>());
    let mut plots = Vec::new();
    for example in &examples {
        plots.extend(row(test, example, bounds)?);
    }
    Ok(Figure {
        id: "logits-and-probabilities",
        caption: format!(
            "Test pictures, their logits and the probabilities that softmax makes of these: {}. \
             The true class is green. The tallest bar stays the tallest; how much it says is seen \
             in the probabilities, and that it can be wrong all the same, in the last row.",
            what.join(", ")
        ),
        layout: Layout::Pictures,
        plots,
    })
}

/// The common range of the logit axes.
fn bounds(examples: &[&Example]) -> (f64, f64) {
    let logits = || {
        examples
            .iter()
            .flat_map(|example| example.logits.iter().copied())
    };
    (
        smallest(logits()).min(0.).floor(),
        largest(logits()).max(1.).ceil(),
    )
}

/// The picture, its logits and its probabilities.
fn row(test: &Samples, example: &Example, bounds: (f64, f64)) -> Result<Vec<String>> {
    let Example { truth, answer, .. } = example;
    let pixels: Vec<u8> = Vec::try_from(&test.features.get(example.place as i64))?;
    let taken = format!(
        "taken for {answer}, probability {:.3}",
        example.confidence()
    );
    let (logits, probabilities) = (&example.logits, &example.probabilities);
    Ok(vec![
        picture(&pixels, &format!("A handwritten {truth}."))?,
        bars(example, "class", "logit", bounds, BLUE, logits)?,
        bars(
            example,
            &taken,
            "probability",
            (0., 1.),
            ORANGE,
            probabilities,
        )?,
    ])
}

fn bars(
    example: &Example,
    classes: &str,
    label: &str,
    (low, high): (f64, f64),
    color: RGBColor,
    values: &[f64],
) -> Result<String> {
    let of = |class: usize| (class as f64, values[class]);
    let truth = example.truth as usize;
    let others = (0..values.len()).filter(|&class| class != truth).map(of);
    let x = Axis::new(classes, -0.5, values.len() as f64 - 0.5).with_format(|x| {
        match (x.round() - x).abs() < 1e-9 {
            true => format!("{x:.0}"),
            false => String::new(),
        }
    });
    let series = vec![
        Series::new("", color, Mark::Bars(0.7), others.collect()),
        Series::new("", GREEN, Mark::Bars(0.7), vec![of(truth)]),
    ];
    let mut plot = Plot::new("", x, Axis::new(label, low, high), series);
    plot.size = (380, 230);
    plot.ticks = 10;
    let said = values
        .iter()
        .enumerate()
        .map(|(class, value)| format!("{class}: {value:.2}"));
    plot.alt = format!(
        "The {label} of each class for a handwritten {truth}: {}.",
        said.collect::<Vec<_>>().join(", ")
    );
    plot.to_svg()
}
