use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path as FilePath;

use anyhow::Result;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::{
    Answer, Dataset, Evaluate, Features, Input, Inputs, Objective, Predict, Questions, Readable,
    to_f64,
};
use crate::data::Splits;
use crate::metrics::{Evaluation, Metric, Unit, r2, root_mean_squared_error};

/// A quantity that is predicted.
pub trait Measured: Input {
    /// Its label in the demonstration.
    const LABEL: &'static str = "Predicted value:";
    /// Its key in JSON.
    const NAME: &'static str = "value";
    /// The value of an output of 1.
    const SCALE: f64 = 1.;
    /// The unit of [`Measured::SCALE`].
    const UNIT: Unit = Unit::None;
}

impl<const N: i64> Measured for Features<N> {}

/// Regression: one number for each input, without activation, and squared error. Targets are
/// float32 `(N, 1)`.
#[derive(Debug)]
pub struct Quantity<I>(PhantomData<I>);

impl<I: Measured> Objective for Quantity<I> {
    type Input = Tensor;
    type Output = Tensor;
    type Target = Tensor;

    fn draw_input(batch_size: i64) -> Result<Tensor> {
        I::draw(batch_size)
    }

    /// `(N, 1)` float32.
    fn draw_target(batch_size: i64) -> Result<Tensor> {
        Ok(Tensor::f_randn(
            [batch_size, 1],
            (Kind::Float, Device::Cpu),
        )?)
    }

    /// `F.mse_loss`.
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(output.mse_loss(target, tch::Reduction::Mean))
    }

    fn report(output: &Tensor) -> Vec<(String, Tensor)> {
        vec![(I::LABEL.to_owned(), output.shallow_clone())]
    }
}

impl<I: Measured + Readable> Dataset for Quantity<I> {
    const SAMPLE_DATA: Option<&'static str> = I::SAMPLE_DATA;
    const PIXELS: bool = I::PIXELS;

    fn read(path: &FilePath) -> Result<Splits> {
        I::read(path)
    }

    fn to_input(features: &Tensor) -> Tensor {
        I::to_input(features)
    }
}

impl<I: Measured> Evaluate for Quantity<I> {
    /// The metrics in the unit of the quantity.
    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        let (truth, predicted) = (in_units::<I>(target)?, in_units::<I>(output)?);
        let error = root_mean_squared_error(&truth, &predicted);
        let metrics = vec![
            Metric::in_unit("RMSE", error, I::UNIT),
            Metric::new("R²", r2(&truth, &predicted)),
        ];
        Ok(Evaluation {
            metrics,
            confusion: None,
        })
    }
}

impl<I: Measured + Questions> Predict for Quantity<I> {
    const READS_PICTURES: bool = I::READS_PICTURES;

    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs> {
        I::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        I::read_each(input, invert, each)
    }

    fn answers(output: &Tensor) -> Result<Vec<Answer>> {
        let answer = |value| Answer {
            text: I::UNIT.show(value),
            json: json!({ I::NAME: value }),
            probabilities: Vec::new(),
        };
        Ok(in_units::<I>(output)?.into_iter().map(answer).collect())
    }
}

fn in_units<I: Measured>(values: &Tensor) -> Result<Vec<f64>> {
    let values = to_f64(values)?.into_iter();
    Ok(values.map(|value| value * I::SCALE).collect())
}
