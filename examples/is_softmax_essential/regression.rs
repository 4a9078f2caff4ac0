//! A price needs nothing after the last layer: the same network with a softmax, and a sigmoid.

use anyhow::Result;
use final_layer::data::{Samples, Splits, ames::DOLLARS};
use final_layer::metrics::{dollars, r2, root_mean_squared_error};
use final_layer::networks::HousePricePredictor;
use final_layer::tasks::{Model, Network, Task};
use tch::Tensor;

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::to_f64;
use crate::figures::{Axis, BLUE, INK, Mark, Plot, Series, largest};
use crate::laboratory::{HOUSE_EPOCHS, Laboratory, Run, outputs};
use crate::variants::{PriceThroughSigmoid, PriceThroughSoftmax, Varied};

/// What a trained network says of the test houses, in dollars.
struct Prices {
    name: &'static str,
    predicted: Vec<f64>,
    error: f64,
    r2: f64,
}

impl Prices {
    fn new<N: Network>(name: &'static str, run: &Run<N>, test: &Samples) -> Result<Self> {
        let predicted = in_dollars(&outputs(&run.model, test))?;
        let truth = in_dollars(&test.targets)?;
        Ok(Self {
            name,
            error: root_mean_squared_error(&truth, &predicted),
            r2: r2(&truth, &predicted),
            predicted,
        })
    }
}

pub fn section(laboratory: &Laboratory, houses: &Splits) -> Result<Section> {
    let Splits { train, test, .. } = houses;
    let linear: Run<HousePricePredictor> = train_one(laboratory, houses)?;
    let softmax: Run<Varied<PriceThroughSoftmax>> = train_one(laboratory, houses)?;
    let sigmoid: Run<Varied<PriceThroughSigmoid>> = train_one(laboratory, houses)?;

    let prices = [
        Prices::new("nothing", &linear, test)?,
        Prices::new("softmax", &softmax, test)?,
        Prices::new("sigmoid", &sigmoid, test)?,
    ];
    let truth = in_dollars(&test.targets)?;
    let dearer = truth.iter().filter(|&&price| price > DOLLARS).count();
    let [none, through_softmax, through_sigmoid] = &prices;
    let highest = largest(through_sigmoid.predicted.iter().copied());
    let claims = vec![
        Claim {
            id: "linear-regression",
            text: "a price needs no softmax",
            measured: format!("off by {} (RMSE), R² {:.3}", dollars(none.error), none.r2),
            verdict: Verdict::of(none.r2 > 0.5, none.r2 > 0.),
            rule: "Holds if the network without anything after its last layer explains more than \
                   half of the variance of the test prices (R² above 0.5); in part if it is better \
                   than their mean (R² above 0).",
        },
        always_one(laboratory, &softmax.model, houses)?,
        Claim {
            id: "softmax-on-price",
            text: "softmax on a price is nonsense",
            measured: format!(
                "all {}: off by {}, R² {:.2}",
                dollars(largest(through_softmax.predicted.iter().copied())),
                dollars(through_softmax.error),
                through_softmax.r2
            ),
            verdict: Verdict::of(through_softmax.r2 <= 0., through_softmax.r2 < none.r2),
            rule: "Holds if, trained as the first, it predicts no better than the mean of the \
                   prices (R² not above 0); in part if worse than the first.",
        },
        Claim {
            id: "sigmoid-on-price",
            text: "a sigmoid caps a price",
            measured: format!(
                "≤ {} ({dearer} of {} are more); R² {:.2}",
                dollars(highest),
                truth.len(),
                through_sigmoid.r2
            ),
            verdict: Verdict::of(
                highest <= DOLLARS && dearer > 0 && through_sigmoid.r2 < none.r2,
                highest <= DOLLARS,
            ),
            rule: "A sigmoid says at most 1, which stands for $100,000 here. Holds if no prediction is \
                   above it, some prices are, and R² is below that of the first network; in part \
                   if no prediction is.",
        },
    ];
    Ok(Section {
        id: "regression",
        title: "Does regression need softmax?",
        about: format!(
            "HousePricePredictor three times from the same initial weights: with nothing, with \
             softmax and with a sigmoid after its single output. Squared error, {HOUSE_EPOCHS} \
             epochs over {} houses, measured on {} others. The prices are in units of $100,000. \
             The document prints such a price as tensor([1.255]); an output for one house has two \
             dimensions, tensor([[1.255]]).",
            train.len(),
            test.len()
        ),
        claims,
        figures: vec![figure(&truth, &prices)?],
        tables: vec![table(&prices)],
    })
}

fn train_one<N: Network>(laboratory: &Laboratory, houses: &Splits) -> Result<Run<N>> {
    laboratory.train(&houses.train, HOUSE_EPOCHS, |_| Ok(()))
}

fn always_one(
    laboratory: &Laboratory,
    trained: &Model<Varied<PriceThroughSoftmax>>,
    houses: &Splits,
) -> Result<Claim> {
    let output = outputs(trained, &houses.test);
    let ones = output.eq(1.).sum(tch::Kind::Int64).int64_value(&[]);
    let houses_tested = houses.test.len();
    let gradient = largest_gradient(trained, &houses.train)?;
    let initial = laboratory
        .build::<Varied<PriceThroughSoftmax>>()
        .vs
        .variables();
    let trained = trained.vs.variables();
    let moved: i64 = trained
        .iter()
        .map(|(name, now)| {
            let differ = now.ne_tensor(&initial[name]);
            differ.sum(tch::Kind::Int64).int64_value(&[])
        })
        .sum();
    Ok(Claim {
        id: "softmax-over-one",
        text: "softmax over one output is always 1",
        measured: format!("{ones} of {houses_tested}; gradient {gradient}; {moved} weights moved"),
        verdict: Verdict::of(
            ones == houses_tested && gradient == 0. && moved == 0,
            ones == houses_tested,
        ),
        rule: "Holds if every test house gets 1, the gradient of every weight over all training \
               houses is 0, and training moved no weight; in part if every house gets 1.",
    })
}

/// The largest element of any weight's gradient, over all samples at once.
fn largest_gradient<N: Network>(model: &Model<N>, samples: &Samples) -> Result<f64> {
    let (input, target) = samples.all();
    let mut variables = model.vs.trainable_variables();
    variables.iter_mut().for_each(Tensor::zero_grad);
    N::Task::loss(&tch::nn::Module::forward(&model.network, &input), &target)?.backward();
    let largest_of = |variable: &Tensor| f64::try_from(variable.grad().abs().max());
    let gradients = variables.iter().map(largest_of);
    Ok(largest(gradients.collect::<Result<Vec<f64>, _>>()?))
}

fn in_dollars(prices: &Tensor) -> Result<Vec<f64>> {
    let prices = to_f64(prices)?.into_iter();
    Ok(prices.map(|price| price * DOLLARS).collect())
}

fn figure(truth: &[f64], prices: &[Prices]) -> Result<Figure> {
    let thousands = |price: &f64| price / 1000.;
    let all = prices.iter().flat_map(|prices| &prices.predicted);
    let highest = largest(truth.iter().chain(all).map(thousands)) * 1.05;
    let mut plots = Vec::new();
    for prices in prices {
        let truth = truth.iter().map(thousands);
        let points = truth.zip(prices.predicted.iter().map(thousands)).collect();
        let title = format!("{} after the last layer", prices.name);
        let mut plot = Plot::new(
            &title,
            Axis::new("true price in $1,000", 0., highest),
            Axis::new("predicted, $1,000", 0., highest),
            vec![
                Series::new("", INK, Mark::Dashes, vec![(0., 0.), (highest, highest)]),
                Series::new("", BLUE, Mark::Dots, points),
            ],
        );
        plot.alt = format!(
            "Predicted over true prices with {title}: R² {:.2}.",
            prices.r2
        );
        plots.push(plot.to_svg()?);
    }
    Ok(Figure {
        id: "prices",
        caption: "Predicted against true prices of the test houses; right ones lie on the dashed \
                  line. Softmax makes every price $100,000, a sigmoid none above it."
            .to_owned(),
        layout: Layout::Even,
        plots,
    })
}

fn table(prices: &[Prices]) -> Table {
    let row = |prices: &Prices| {
        vec![
            prices.name.to_owned(),
            dollars(prices.error),
            format!("{:.4}", prices.r2),
        ]
    };
    Table {
        caption: "Errors on the test houses".to_owned(),
        head: ["after the last layer", "RMSE", "R²"]
            .map(str::to_owned)
            .into(),
        rows: prices.iter().map(row).collect(),
    }
}
