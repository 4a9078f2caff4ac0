//! What a sure and wrong answer teaches under each of the four losses.

use anyhow::Result;
use final_layer::tasks::{DigitClassification, Loss, Objective};
use plotters::prelude::SeriesLabelPosition;
use tch::{Kind, Tensor};

use crate::claims::{Claim, Figure, Layout, Verdict};
use crate::figures::{Axis, Plot, Series};
use crate::losses::{CLASSES, COLORS, NAMES, mark};
use crate::variants::{CrossEntropyOnSoftmax, LossFn, SquaredErrorOnLogits, SquaredErrorOnSoftmax};

/// The logit of a wrong class of which the network is sure; all others are 0.
const SURE: f64 = 50.;

/// The four losses, in the order of the curves.
const LOSSES: [LossFn; 4] = [
    DigitClassification::loss,
    CrossEntropyOnSoftmax::loss,
    SquaredErrorOnSoftmax::loss,
    SquaredErrorOnLogits::loss,
];

/// The norm of the gradient on the logits of one picture, where class 0 has logit `z`, all others
/// 0, and class 1 is true.
fn gradient_norm(loss: LossFn, z: f64) -> Result<f64> {
    let mut logits = vec![0f32; CLASSES as usize];
    logits[0] = z as f32;
    let logits = Tensor::from_slice(&logits).view([1, CLASSES]);
    let logits = logits.set_requires_grad(true);
    loss(&logits, &Tensor::from_slice(&[1i64]))?.backward();
    // In float64: the square of 1e-22 is no float32.
    Ok(f64::try_from(logits.grad().to_kind(Kind::Double).norm())?)
}

pub fn claim() -> Result<Claim> {
    let norms = LOSSES
        .iter()
        .map(|&loss| gradient_norm(loss, SURE))
        .collect::<Result<Vec<f64>>>()?;
    Ok(Claim {
        id: "gradient-when-wrong",
        text: "softmax twice: no gradient if wrong",
        measured: format!(
            "z = {SURE}: norm {:.1e}; on logits {:.3}",
            norms[1], norms[0]
        ),
        verdict: Verdict::if_so(norms[0] > 1. && norms[1] < 1e-6),
        rule: "Ten logits, 50 for a wrong class and 0 for the others. Holds if the gradient of \
               cross-entropy on logits is larger than 1, and that through a second softmax \
               smaller than a millionth.",
    })
}

/// The smallest power of ten that the plot shows.
const SMALLEST_POWER: f64 = -24.;

pub fn figure() -> Result<Figure> {
    let mut series = Vec::new();
    let mut at_the_end = Vec::new();
    for (i, loss) in LOSSES.into_iter().enumerate() {
        let mut points = Vec::new();
        for z in 0..=SURE as i32 {
            let power = gradient_norm(loss, z.into())?.log10();
            points.push((z.into(), power.max(SMALLEST_POWER)));
        }
        series.push(Series::new(NAMES[i], COLORS[i], mark(i), points));
        let norm = gradient_norm(loss, SURE)?;
        at_the_end.push(format!("{norm:.1e} ({})", NAMES[i]));
    }
    let at_the_end = format!("at z = {SURE} it is {}", at_the_end.join(", "));
    let y = Axis::new("norm of the gradient", SMALLEST_POWER, 4.);
    let y = y.with_format(|power| format!("1e{power:.0}"));
    let x = Axis::new("logit z of a wrong class", 0., SURE);
    let mut plot = Plot::new("", x, y, series);
    plot.legend = SeriesLabelPosition::LowerLeft;
    plot.alt = format!(
        "The norm of the gradient on the logits, on a logarithmic scale, over the logit z of a \
         wrong class: {at_the_end}."
    );
    Ok(Figure {
        id: "gradients",
        caption: format!(
            "What a sure and wrong answer teaches: the gradient's norm on ten logits of which a \
             wrong one is z and all others are 0; {at_the_end}. What is below \
             1e{SMALLEST_POWER:.0} is drawn there."
        ),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}
