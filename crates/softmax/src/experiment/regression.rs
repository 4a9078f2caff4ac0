//! Prices: no activation after the last layer, a softmax over one output, a sigmoid, and a softmax
//! over many prices.

use anyhow::Result;
use final_layer::data::ames::DOLLARS;
use final_layer::metrics::{dollars, r2, root_mean_squared_error};
use final_layer::networks::HousePricePredictor;
use final_layer::tasks::{Dataset, Network, Objective};
use tch::{Kind, Tensor};

use crate::experiment::claims::{Claim, Kind as ClaimKind, Section};
use crate::experiment::data::{Parts, to_f64};
use crate::experiment::house_figures;
use crate::experiment::laboratory::{Course, Laboratory, Run, build};
use crate::experiment::price_scale::Scale;
use crate::experiment::rates::{Study, with_each};
use crate::experiment::statistics::{Interval, Verdict};
use crate::experiment::variants::{
    PriceThroughSigmoid, PriceThroughSoftmax, SoftmaxOverPrices, Varied,
};

/// The number of training epochs.
pub const EPOCHS: usize = 40;

/// The price, in dollars, of an output of 1 with a sigmoid: most houses cost less, some more.
pub const CAP: f64 = 300_000.;

/// A smaller increase of the error does not matter for practical purposes: a quarter.
const MARGIN: f64 = 0.25;

pub struct Studies {
    pub linear: Study,
    pub sigmoid: Study,
    pub prices: Study,
    pub scale: Scale,
}

pub fn course(parts: &Parts) -> Course<'_> {
    Course {
        parts,
        epochs: EPOCHS,
        score: less_error,
        tuning_seeds: 5,
    }
}

/// The negative root mean squared error, so that higher is better.
fn less_error(outputs: &Tensor, targets: &Tensor) -> Result<f64> {
    Ok(-root_mean_squared_error(
        &to_f64(targets)?,
        &to_f64(outputs)?,
    ))
}

/// The same for [`SoftmaxOverPrices`], in steps of the scale.
fn less_error_of_shares(logits: &Tensor, shares: &Tensor) -> Result<f64> {
    let places = Scale::OF_PLACES;
    less_error(&places.read(logits), &places.price(shares))
}

pub fn study(laboratory: &Laboratory, houses: &Parts) -> Result<Studies> {
    let scale = Scale::new(&houses.train.targets)?;
    let in_caps = houses.with_targets(|prices| prices * (DOLLARS / CAP));
    let shares = houses.with_targets(|prices| scale.shares(prices));
    let over_prices = Course {
        score: less_error_of_shares,
        ..course(&shares)
    };
    Ok(Studies {
        linear: laboratory.study::<HousePricePredictor>(&course(houses))?,
        sigmoid: laboratory.study::<Varied<PriceThroughSigmoid>>(&course(&in_caps))?,
        prices: laboratory.study::<Varied<SoftmaxOverPrices>>(&over_prices)?,
        scale,
    })
}

/// The true prices of the test houses, in dollars.
pub fn truth(houses: &Parts) -> Result<Vec<f64>> {
    in_dollars(&houses.test.targets, DOLLARS)
}

fn in_dollars(prices: &Tensor, unit: f64) -> Result<Vec<f64>> {
    let prices = to_f64(prices)?.into_iter();
    Ok(prices.map(|price| price * unit).collect())
}

impl Studies {
    /// Each network's name, its study, and the function that reads its outputs, in dollars.
    pub fn all(&self) -> [(&'static str, &Study, Reading<'_>); 3] {
        [
            (
                "nothing",
                &self.linear,
                Box::new(|run| in_dollars(&run.test, DOLLARS)),
            ),
            (
                "sigmoid",
                &self.sigmoid,
                Box::new(|run| in_dollars(&run.test, CAP)),
            ),
            (
                "softmax over prices",
                &self.prices,
                Box::new(|run| in_dollars(&self.scale.read(&run.test), DOLLARS)),
            ),
        ]
    }

    /// The value of `of` for true and predicted prices, by network, optimizer and seed.
    pub fn measure(
        &self,
        truth: &[f64],
        of: impl Fn(&[f64], &[f64]) -> f64,
    ) -> Result<[Vec<Vec<f64>>; 3]> {
        let [linear, sigmoid, prices] = self.all().map(|(_, study, read)| {
            let by_seed = |tuned: &crate::experiment::rates::Tuned| {
                tuned.best().each(|run| Ok(of(truth, &read(run)?)))
            };
            study.0.iter().map(by_seed).collect::<Result<Vec<_>>>()
        });
        Ok([linear?, sigmoid?, prices?])
    }
}

pub type Reading<'a> = Box<dyn Fn(&Run) -> Result<Vec<f64>> + 'a>;

pub fn section(studies: &Studies, seeds: &[u64], houses: &Parts) -> Result<Section> {
    let truth = truth(houses)?;
    Ok(Section {
        id: "regression",
        title: "Does regression need softmax?",
        about: format!(
            "HousePricePredictor on the sample's made-up houses, {} to learn from, {} to choose \
             the learning rate by, {} to judge by: with nothing after its output, with a sigmoid \
             (in units of {}: most houses cost less), and with 21 outputs and a softmax over as \
             many prices, whose mean is the answer. {EPOCHS} epochs. The error is the root mean \
             squared error.",
            houses.train.len(),
            houses.validation.len(),
            houses.test.len(),
            dollars(CAP)
        ),
        panel: Some(("which", "Which last layer?")),
        claims: vec![
            softmax_of_one(seeds, houses)?,
            needs_nothing(studies, &truth)?,
            over_prices(studies, &truth)?,
            capped(studies, &truth)?,
        ],
        figures: vec![house_figures::figure(studies, &truth)?],
        tables: vec![house_figures::table(studies, &truth)?],
    })
}

/// Examines every output, and every weight's gradient, of untrained networks with softmax over one
/// output.
fn softmax_of_one(seeds: &[u64], houses: &Parts) -> Result<Claim> {
    type Over1 = Varied<PriceThroughSoftmax>;
    let (mut ones, mut all, mut largest) = (0, 0, 0f64);
    for &seed in seeds {
        let model = build::<Over1>(seed);
        let input = <Over1 as Network>::Task::to_input(&houses.train.features);
        let output = tch::nn::ModuleT::forward_t(&model.network, &input, true);
        ones += output.eq(1.).sum(Kind::Int64).int64_value(&[]);
        all += output.numel();
        <Over1 as Network>::Task::loss(&output, &houses.train.targets)?.backward();
        for variable in model.vs.trainable_variables() {
            largest = largest.max(f64::try_from(variable.grad().abs().max())?);
        }
    }
    Ok(Claim {
        id: "softmax-of-one",
        kind: ClaimKind::Theorem,
        sentence: "Adding a softmax here is not meaningful, and would convert the predicted value \
                   to a probability, which is an incorrect approach.",
        experiment: "A softmax over the single output of the house price network: its answers and \
                     the gradient of every weight, over all training houses, from every seed."
            .to_owned(),
        finding: format!(
            "{ones} of {all} answers are exactly 1, and the largest gradient of a weight is \
             {largest}: nothing can be learnt."
        ),
        verdict: Verdict::if_so(ones == all as i64 && largest == 0.),
        rule: "e^z/e^z = 1 is a theorem. Holds if every answer is 1 and every gradient 0.",
    })
}

fn needs_nothing(studies: &Studies, truth: &[f64]) -> Result<Claim> {
    let [explained, ..] = studies.measure(truth, r2)?;
    let [error, ..] = studies.measure(truth, root_mean_squared_error)?;
    let intervals: Vec<Interval> = explained.iter().map(|r2| Interval::of(r2)).collect();
    let errors: Vec<Interval> = error.iter().map(|error| Interval::of(error)).collect();
    let verdicts: Vec<Verdict> = intervals.iter().map(|r2| r2.is_above(0.5)).collect();
    Ok(Claim {
        id: "price-as-it-is",
        kind: ClaimKind::Measurement,
        sentence: "In these cases, using a linear activation, or no activation at all, might be \
                   more appropriate for the final layer.",
        experiment: "The house price network of the article, without an activation after its \
                     last layer."
            .to_owned(),
        finding: format!(
            "It explains {}, and is off by {}.",
            with_each(&intervals, |x| format!("{x:.3} of the variance of prices")),
            with_each(&errors, |x| format!(
                "{} ± {}",
                dollars(x.mean),
                dollars(x.half)
            ))
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if the interval of the explained share (R²) lies above one half, with both \
               optimizers; does not hold if it lies below.",
    })
}

/// The relative increase of one error over another, with each optimizer.
fn larger(errors: &[Vec<f64>], than: &[Vec<f64>]) -> Vec<Interval> {
    let ratios = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let ratios: Vec<f64> = a.iter().zip(b).map(|(a, b)| a / b - 1.).collect();
        Interval::of(&ratios)
    };
    errors.iter().zip(than).map(ratios).collect()
}

fn percent(share: &Interval) -> String {
    format!("{:+.1} %", share.times(100.))
}

fn over_prices(studies: &Studies, truth: &[f64]) -> Result<Claim> {
    let [linear, _, prices] = studies.measure(truth, root_mean_squared_error)?;
    let larger = larger(&prices, &linear);
    let verdicts: Vec<Verdict> = larger.iter().map(|more| more.is_above(MARGIN)).collect();
    Ok(Claim {
        id: "softmax-over-prices",
        kind: ClaimKind::Measurement,
        sentence: "Trying to force a softmax on a regression output is nonsensical; it's analogous \
                   to attempting to represent a position on a number line as probabilities summing \
                   to one, which is fundamentally inappropriate.",
        experiment:
            "Softmax over 21 prices, evenly spaced, trained with cross-entropy; the answer \
                     is the mean price."
                .to_owned(),
        finding: format!(
            "Beside a single output without softmax, the error changes by {}.",
            with_each(&larger, percent)
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Read as: no softmax can serve regression. Holds if the interval of the additional \
               error lies above 25 %, with both optimizers; does not hold if it lies below; in \
               part if the optimizers differ.",
    })
}

fn capped(studies: &Studies, truth: &[f64]) -> Result<Claim> {
    let dear: Vec<usize> = (0..truth.len()).filter(|&i| truth[i] > CAP).collect();
    let pick = |prices: &[f64]| dear.iter().map(|&i| prices[i]).collect::<Vec<_>>();
    let of = |a: &[f64], b: &[f64]| root_mean_squared_error(&pick(a), &pick(b));
    let [linear, sigmoid, _] = studies.measure(truth, of)?;
    let larger = larger(&sigmoid, &linear);
    let verdicts: Vec<Verdict> = larger.iter().map(|more| more.is_above(MARGIN)).collect();
    Ok(Claim {
        id: "sigmoid-on-price",
        kind: ClaimKind::Addition,
        sentence: "A sigmoid caps a price: it cannot predict more than the unit that its 1 stands \
                   for.",
        experiment: format!(
            "Measured: the error on the {} test houses that cost more than {}, with a sigmoid in \
             this unit and with nothing.",
            dear.len(),
            dollars(CAP)
        ),
        finding: format!(
            "On the expensive houses, a sigmoid changes the error by {}.",
            with_each(&larger, percent)
        ),
        verdict: Verdict::of_each(&verdicts),
        rule: "Holds if the interval of the additional error lies above 25 %, with both \
               optimizers; does not hold if it lies below; in part if the optimizers differ.",
    })
}
