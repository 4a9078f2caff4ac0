use std::io::BufRead;
use std::path::Path as FilePath;

use anyhow::{Result, ensure};
use serde_json::json;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::{Answer, Inputs, Network, STDIN, Task, to_f64};
use crate::data::{Splits, ames};
use crate::metrics::{Evaluation, Metric, dollars, r2, root_mean_squared_error};
use crate::networks::HousePricePredictor;

impl Network for HousePricePredictor {
    type Task = HousePricing;
    const NAME: &'static str = "house_price_predictor";
    const ABOUT: &'static str = "A price: no activation after the last layer";

    fn build(vs: &Path) -> Self {
        Self::new(vs)
    }
}

/// What a house sells for.
#[derive(Debug)]
pub struct HousePricing;

impl Task for HousePricing {
    const INPUT_FEATURES: i64 = 10;

    /// `(N, 1)` float32 prices.
    fn draw_target(batch_size: i64) -> Result<Tensor> {
        let options = (Kind::Float, Device::Cpu);
        Ok(Tensor::f_randn([batch_size, 1], options)?)
    }

    /// `F.mse_loss`.
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(output.mse_loss(target, tch::Reduction::Mean))
    }

    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        vec![("Predicted house price:", output.shallow_clone())]
    }

    const SAMPLE_DATA: &'static str = "houses.csv";

    /// The Ames houses, under the names of either of their files.
    fn read_data(path: &FilePath) -> Result<Splits> {
        ames::read(path)
    }

    /// In dollars.
    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        let (truth, predicted) = (in_dollars(target)?, in_dollars(output)?);
        let metrics = vec![
            Metric::dollars("RMSE", root_mean_squared_error(&truth, &predicted)),
            Metric::new("R²", r2(&truth, &predicted)),
        ];
        Ok(Evaluation {
            metrics,
            confusion: None,
        })
    }

    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs> {
        refuse_invert(invert)?;
        let (features, lines, note) = ames::read_features(path)?;
        Ok(Inputs {
            features,
            file: path.display().to_string(),
            lines,
            note,
        })
    }

    /// A CSV file: its first line, which names the columns, and a house a row.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        refuse_invert(invert)?;
        ames::read_each(input, STDIN, |features, line| {
            each(Inputs {
                features,
                file: STDIN.to_owned(),
                lines: vec![line],
                note: None,
            })
        })
    }

    fn answers(output: &Tensor) -> Result<Vec<Answer>> {
        let answer = |price| Answer {
            text: dollars(price),
            json: json!({ "price": price }),
            probabilities: Vec::new(),
        };
        Ok(in_dollars(output)?.into_iter().map(answer).collect())
    }
}

fn refuse_invert(invert: bool) -> Result<()> {
    ensure!(!invert, "--invert is for pictures, not for houses");
    Ok(())
}

fn in_dollars(prices: &Tensor) -> Result<Vec<f64>> {
    let prices = to_f64(prices)?.into_iter();
    Ok(prices.map(|price| price * ames::DOLLARS).collect())
}
