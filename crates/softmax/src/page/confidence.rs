//! The confidence of the page's network for pictures of digits and for noise.

use anyhow::Result;
use final_layer::data::Splits;
use final_layer::evaluation::outputs;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::{Dataset, Model, Network};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::project;

/// The probability above which the network counts as confident.
const SURE: f64 = 0.9;
/// The number of pictures with random pixels.
const NOISE: i64 = 1000;
const SIDE: i64 = 28;

/// The shares of confident answers, and of correct answers, for the sample's test digits, which
/// come from another data set than MNIST, and for random pixels.
pub fn confidence(model: &Model<DigitClassifier>) -> Result<Value> {
    let digits = sample_digits()?.test;
    let features = &digits.features;
    let answers = probabilities(model, features);
    let right = answers.argmax(1, false).eq_tensor(&digits.targets);
    tch::manual_seed(0);
    let noise = Tensor::randint(256, [NOISE, SIDE * SIDE], (Kind::Uint8, Device::Cpu));
    Ok(json!({
        "sure": SURE,
        "digits": {
            "pictures": digits.len(), "accuracy": share(&right)?, "sure": sure(&answers)?,
            "sure_and_wrong": share(&right.logical_not().logical_and(&is_sure(&answers)))?,
        },
        "noise": { "pictures": NOISE, "sure": sure(&probabilities(model, &noise))? },
    }))
}

fn sample_digits() -> Result<Splits> {
    type Task = <DigitClassifier as Network>::Task;
    let name = Task::SAMPLE_DATA.expect("digits have sample data");
    Task::read(&project("data/sample").join(name))
}

fn probabilities(model: &Model<DigitClassifier>, features: &Tensor) -> Tensor {
    outputs(model, features, 1024).softmax(1, Kind::Float)
}

/// The share of pictures whose largest probability is above [`SURE`].
fn sure(probabilities: &Tensor) -> Result<f64> {
    share(&is_sure(probabilities))
}

fn is_sure(probabilities: &Tensor) -> Tensor {
    probabilities.amax([1], false).gt(SURE)
}

fn share(flags: &Tensor) -> Result<f64> {
    let share = f64::try_from(flags.to_kind(Kind::Double).mean(Kind::Double))?;
    Ok((share * 1e4).round() / 1e4)
}
