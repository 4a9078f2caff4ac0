//! The gradients of a confident wrong answer under each of the five losses.

use anyhow::Result;
use final_layer::networks::DigitClassification;
use final_layer::tasks::{Loss, Objective};
use plotters::prelude::SeriesLabelPosition;
use tch::{Kind, Tensor};

use crate::experiment::claims::{Claim, Figure, Kind as ClaimKind, Layout};
use crate::experiment::figures::{Axis, Plot, Series};
use crate::experiment::loss_figures::{COLORS, SHORT};
use crate::experiment::losses::CLASSES;
use crate::experiment::rate_figures::mark;
use crate::experiment::statistics::Verdict;
use crate::experiment::variants::{
    CrossEntropyOnSoftmax, LossFn, SquaredErrorOnLogits, SquaredErrorOnSoftmax, TenSigmoids,
};

/// The logit of a wrong class in a confident answer; all others are 0.
const SURE: f64 = 50.;

/// The five losses, in the order of the curves.
const LOSSES: [LossFn; 5] = [
    DigitClassification::loss,
    CrossEntropyOnSoftmax::loss,
    SquaredErrorOnSoftmax::loss,
    SquaredErrorOnLogits::loss,
    TenSigmoids::loss,
];

/// The norm of the gradient on the logits for one picture, if class 0 has logit `z`, all others 0,
/// and class 1 is true.
fn gradient_norm(loss: LossFn, z: f64) -> Result<f64> {
    let mut logits = vec![0f32; CLASSES as usize];
    logits[0] = z as f32;
    let logits = Tensor::from_slice(&logits).view([1, CLASSES]);
    let logits = logits.set_requires_grad(true);
    loss(&logits, &Tensor::from_slice(&[1i64]))?.backward();
    // In float64, as the square of 1e-22 underflows in float32.
    Ok(f64::try_from(logits.grad().to_kind(Kind::Double).norm())?)
}

pub fn claim() -> Result<Claim> {
    let norms = LOSSES
        .iter()
        .map(|&loss| gradient_norm(loss, SURE))
        .collect::<Result<Vec<f64>>>()?;
    Ok(Claim {
        id: "double-softmax-stuck",
        kind: ClaimKind::Addition,
        sentence: "If softmax is applied twice, a network that is confidently wrong gets no \
                   gradient to correct it.",
        experiment: format!(
            "Computed: the gradient on ten logits, {SURE} for a wrong class and 0 for the others."
        ),
        finding: format!(
            "The gradient's norm is {:.1e} through two softmaxes, and {:.3} through one.",
            norms[1], norms[0]
        ),
        verdict: Verdict::if_so(norms[0] > 1. && norms[1] < 1e-6),
        rule: "Holds if the gradient of cross-entropy on logits is larger than 1, and that \
               through a second softmax smaller than a millionth.",
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
        series.push(Series::new(SHORT[i], COLORS[i], mark(i), points));
        let norm = gradient_norm(loss, SURE)?;
        at_the_end.push(format!("{norm:.1e} ({})", SHORT[i]));
    }
    let at_the_end = format!("at z = {SURE} it is {}", at_the_end.join(", "));
    let y = Axis::new("norm of the gradient", SMALLEST_POWER, 4.);
    let y = y.with_format(|power| format!("1e{power:.0}"));
    let x = Axis::new("logit z of a wrong class", 0., SURE);
    let mut plot = Plot::new("", x, y, series);
    // Wide enough for the legend to fit beside the falling lines.
    plot.size = (600, 380);
    plot.legend = SeriesLabelPosition::LowerLeft;
    plot.alt = format!(
        "The norm of the gradient on the logits, on a logarithmic scale, over the logit z of a \
         wrong class: {at_the_end}."
    );
    Ok(Figure {
        id: "gradients",
        caption: format!(
            "The gradient of a confident wrong answer: its norm on ten logits, of which a \
             wrong one is z and all others are 0; {at_the_end}. What is below \
             1e{SMALLEST_POWER:.0} is drawn there."
        ),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}
