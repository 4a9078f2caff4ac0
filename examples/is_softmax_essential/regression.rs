//! A price needs nothing after the last layer: the same network with a softmax, and a sigmoid.

use anyhow::Result;
use final_layer::comparison::Difference;
use final_layer::data::{Samples, Splits, ames::DOLLARS};
use final_layer::metrics::{dollars, r2, root_mean_squared_error};
use final_layer::networks::HousePricePredictor;
use final_layer::tasks::{Dataset, Model, Network, Objective};
use tch::Tensor;

use crate::claims::{Claim, Figure, Layout, Section, Table, Verdict};
use crate::data::{to_f64, with_targets};
use crate::figures::{Axis, BLUE, INK, Mark, Plot, Series, largest, smallest};
use crate::laboratory::{HOUSE_EPOCHS, Laboratory, Run, outputs};
use crate::variants::{PriceThroughSigmoid, PriceThroughSoftmax, Varied};

/// What an output of 1 stands for with a sigmoid: most houses cost less, some more.
const CAP: f64 = 300_000.;

/// What a trained network says of the test houses, in dollars.
struct Prices {
    name: &'static str,
    predicted: Vec<f64>,
    error: f64,
    r2: f64,
}

impl Prices {
    /// `unit` is what an output of 1 stands for.
    fn new<N: Network<Task: Dataset<Output = Tensor>>>(
        name: &'static str,
        run: &Run<N>,
        unit: f64,
        test: &Samples,
    ) -> Result<Self> {
        let predicted = in_dollars(&outputs(&run.model, test), unit)?;
        let truth = in_dollars(&test.targets, DOLLARS)?;
        Ok(Self {
            name,
            error: root_mean_squared_error(&truth, &predicted),
            r2: r2(&truth, &predicted),
            predicted,
        })
    }

    /// The squared errors on the houses that cost more than [`CAP`].
    fn dear_errors(&self, truth: &[f64]) -> Vec<f64> {
        let houses = truth.iter().zip(&self.predicted);
        let dear = houses.filter(|(truth, _)| **truth > CAP);
        dear.map(|(truth, predicted)| (truth - predicted).powi(2))
            .collect()
    }

    /// The root of their mean.
    fn dear_error(&self, truth: &[f64]) -> f64 {
        let errors = self.dear_errors(truth);
        (errors.iter().sum::<f64>() / errors.len() as f64).sqrt()
    }
}

pub fn section(laboratory: &Laboratory, houses: &Splits) -> Result<Section> {
    let Splits { train, test, .. } = houses;
    let in_caps = with_targets(train, |prices| prices * (DOLLARS / CAP));
    let linear: Run<HousePricePredictor> = train_one(laboratory, train)?;
    let softmax: Run<Varied<PriceThroughSoftmax>> = train_one(laboratory, train)?;
    let sigmoid: Run<Varied<PriceThroughSigmoid>> = train_one(laboratory, &in_caps)?;

    let prices = [
        Prices::new("nothing", &linear, DOLLARS, test)?,
        Prices::new("softmax", &softmax, DOLLARS, test)?,
        Prices::new("sigmoid", &sigmoid, CAP, test)?,
    ];
    let truth = in_dollars(&test.targets, DOLLARS)?;
    let [none, through_softmax, _] = &prices;
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
        capped(&truth, &prices),
    ];
    Ok(Section {
        id: "regression",
        title: "Does regression need softmax?",
        about: format!(
            "HousePricePredictor three times from the same initial weights: with nothing, with \
             softmax and with a sigmoid after its single output. Squared error, {HOUSE_EPOCHS} \
             epochs over {} of the sample's made-up houses, measured on {} others. The prices are \
             in units of {}, with the sigmoid of {}: most cost less than that. The document prints \
             such a price as tensor([1.255]); an output for one house has two dimensions, \
             tensor([[1.255]]).",
            train.len(),
            test.len(),
            dollars(DOLLARS),
            dollars(CAP)
        ),
        claims,
        figures: vec![figure(&truth, &prices)?],
        tables: vec![table(&truth, &prices)],
    })
}

fn train_one<N: Network<Task: Dataset>>(
    laboratory: &Laboratory,
    train: &Samples,
) -> Result<Run<N>> {
    laboratory.train(train, HOUSE_EPOCHS, |_| Ok(()))
}

fn capped(truth: &[f64], [none, _, sigmoid]: &[Prices; 3]) -> Claim {
    let (capped, free) = (sigmoid.dear_error(truth), none.dear_error(truth));
    let dear = sigmoid.dear_errors(truth);
    let worse = Difference::paired(&dear, &none.dear_errors(truth));
    Claim {
        id: "sigmoid-on-price",
        text: "a sigmoid caps a price",
        measured: format!(
            "{} > {}: off by {}, else {}",
            dear.len(),
            dollars(CAP),
            dollars(capped),
            dollars(free)
        ),
        verdict: Verdict::of(worse.is_ahead(), worse.mean > 0.),
        rule: "Trained as the first, with prices in units of $300,000: a sigmoid says at most 1. \
               Beside the first network, the error (RMSE) on the test houses that cost more. Holds \
               if the mean squared error is larger by more than two standard errors of the \
               difference on the same houses; in part if by less.",
    }
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
fn largest_gradient<N: Network<Task: Dataset>>(model: &Model<N>, samples: &Samples) -> Result<f64> {
    let input = N::Task::to_input(&samples.features);
    let mut variables = model.vs.trainable_variables();
    variables.iter_mut().for_each(Tensor::zero_grad);
    let output = model.network.call(&input, true);
    N::Task::loss(&output, &samples.targets)?.backward();
    let largest_of = |variable: &Tensor| f64::try_from(variable.grad().abs().max());
    let gradients = variables.iter().map(largest_of);
    Ok(largest(gradients.collect::<Result<Vec<f64>, _>>()?))
}

fn in_dollars(prices: &Tensor, unit: f64) -> Result<Vec<f64>> {
    let prices = to_f64(prices)?.into_iter();
    Ok(prices.map(|price| price * unit).collect())
}

fn figure(truth: &[f64], prices: &[Prices; 3]) -> Result<Figure> {
    let [_, softmax, sigmoid] = prices;
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
        caption: format!(
            "Predicted against true prices of the made-up test houses; right ones lie on the \
             dashed line. With softmax they go from {} to {}, with a sigmoid, for which {} is the \
             most that can be said, up to {}.",
            dollars(smallest(softmax.predicted.iter().copied())),
            dollars(largest(softmax.predicted.iter().copied())),
            dollars(CAP),
            dollars(largest(sigmoid.predicted.iter().copied()))
        ),
        layout: Layout::Even,
        plots,
    })
}

fn table(truth: &[f64], prices: &[Prices]) -> Table {
    let row = |prices: &Prices| {
        vec![
            prices.name.to_owned(),
            dollars(prices.error),
            format!("{:.4}", prices.r2),
            dollars(prices.dear_error(truth)),
        ]
    };
    let above = format!("RMSE above {}", dollars(CAP));
    Table {
        caption: "Errors on the test houses".to_owned(),
        head: ["after the last layer", "RMSE", "R²", &above]
            .map(str::to_owned)
            .into(),
        rows: prices.iter().map(row).collect(),
    }
}
