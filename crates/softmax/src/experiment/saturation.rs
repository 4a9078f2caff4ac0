//! Saturation: the logits for which a sigmoid before binary cross-entropy has no gradient.

use anyhow::Result;
use final_layer::networks::BinaryClassification;
use final_layer::tasks::{Loss, Objective};
use plotters::prelude::SeriesLabelPosition;
use tch::{Device, Tensor};

use crate::experiment::claims::{Claim, Figure, Kind, Layout};
use crate::experiment::figures::{Axis, BLUE, GREEN, Mark, Plot, Series};
use crate::experiment::statistics::Verdict;
use crate::experiment::variants::{LossFn, OneLogit};

/// The loss and its gradient for a logit z whose true answer is no.
fn loss_and_gradient(loss: LossFn, z: f32) -> Result<(f64, f64)> {
    let z = Tensor::from_slice(&[z]).set_requires_grad(true);
    let loss = loss(&z, &Tensor::zeros([1], (tch::Kind::Float, Device::Cpu)))?;
    loss.backward();
    Ok((f64::try_from(&loss)?, f64::try_from(z.grad())?))
}

fn after_sigmoid(z: &Tensor, target: &Tensor) -> Result<Tensor> {
    BinaryClassification::loss(&z.sigmoid(), target)
}

/// The range of the search for the end of the gradient.
const SEARCH: (f32, f32) = (0., 100.);

/// The smallest float32 z in [`SEARCH`] from which the gradient through a sigmoid and the loss is
/// 0, found by bisection; `None` if it is never 0.
fn saturation() -> Result<Option<f32>> {
    let is_zero = |z: f32| -> Result<bool> { Ok(loss_and_gradient(after_sigmoid, z)?.1 == 0.) };
    if !is_zero(SEARCH.1)? {
        return Ok(None);
    }
    // The bits of positive floats have the same order as the floats.
    let (mut above, mut zero) = (SEARCH.0.to_bits(), SEARCH.1.to_bits());
    while zero - above > 1 {
        let middle = above + (zero - above) / 2;
        match is_zero(f32::from_bits(middle))? {
            true => zero = middle,
            false => above = middle,
        }
    }
    Ok(Some(f32::from_bits(zero)))
}

/// The logit from which the gradient is lost.
pub struct Saturation {
    from: Option<f32>,
    /// The loss at the end of [`SEARCH`].
    loss: f64,
}

impl Saturation {
    pub fn find() -> Result<Self> {
        Ok(Self {
            from: saturation()?,
            loss: loss_and_gradient(after_sigmoid, SEARCH.1)?.0,
        })
    }

    pub fn vanishing(&self) -> Claim {
        let loss = self.loss;
        Claim {
            id: "sigmoid-saturates",
            kind: Kind::Addition,
            sentence: "If a sigmoid comes before the loss, a network that is confidently \
                       wrong gets no gradient to correct it.",
            experiment: "Computed: loss and gradient of a logit z, where no is true, through a \
                         sigmoid in float32."
                .to_owned(),
            finding: match self.from {
                Some(z) => format!(
                    "From z = {z:.3} on the gradient is exactly 0, and the loss stays at \
                     {loss:.0}, where it is clamped."
                ),
                None => format!("Up to z = {} the gradient is not 0.", SEARCH.1),
            },
            verdict: Verdict::if_so(self.from.is_some()),
            rule: "Holds if from some z up to 100 on, found by bisection, the gradient is exactly \
                   0: the sigmoid rounds to 1.",
        }
    }

    pub fn figure(&self) -> Result<Figure> {
        let points = |loss: LossFn| {
            let point = |half: i32| {
                let z = half as f32 / 2.;
                Ok((z.into(), loss_and_gradient(loss, z)?.1))
            };
            (-10..=50).map(point).collect::<Result<Vec<_>>>()
        };
        let series = vec![
            Series::new(
                "BCE on the logit",
                GREEN,
                Mark::Line,
                points(OneLogit::loss)?,
            ),
            Series::new(
                "sigmoid, then BCE",
                BLUE,
                Mark::Dashes,
                points(after_sigmoid)?,
            ),
        ];
        let x = Axis::new("logit z, where no is true", -5., 25.);
        let mut plot = Plot::new("", x, Axis::new("gradient", 0., 1.5), series);
        plot.legend = SeriesLabelPosition::UpperLeft;
        let lost = match self.from {
            Some(z) => format!("after a sigmoid it is 0 from z = {z:.3} on"),
            None => format!("after a sigmoid it is never 0 up to z = {}", SEARCH.1),
        };
        let (_, kept) = loss_and_gradient(OneLogit::loss, 25.)?;
        plot.alt = format!(
            "The gradient on a logit z whose true answer is no. On the logit it is {kept:.3} at \
             z = 25; {lost}."
        );
        Ok(Figure {
            id: "saturation",
            caption: format!(
                "The gradient on a logit z where no is true. On the logit it is {kept:.3} at \
                 z = 25; {lost}, where the probability rounds to 1."
            ),
            layout: Layout::Even,
            plots: vec![plot.to_svg()?],
        })
    }
}

pub fn on_logits() -> Result<Claim> {
    let (loss, gradient) = loss_and_gradient(OneLogit::loss, 17.)?;
    let (_, farther) = loss_and_gradient(OneLogit::loss, SEARCH.1)?;
    let (through, gradient_through) = loss_and_gradient(after_sigmoid, 17.)?;
    Ok(Claim {
        id: "loss-on-logit",
        kind: Kind::Addition,
        sentence: "Binary cross-entropy on the logit itself keeps its gradient.",
        experiment: "Computed: the same loss from the logit z, where no is true.".to_owned(),
        finding: format!(
            "At z = 17 the loss is {loss:.0} and the gradient {gradient:.0}, where through a \
             sigmoid they are {through:.0} and {gradient_through:.0}."
        ),
        verdict: Verdict::if_so(gradient > 0.99 && farther > 0.99),
        rule: "Holds if, at z = 17 and at z = 100, the gradient is within 1 % of 1.",
    })
}
