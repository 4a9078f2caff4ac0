//! The task of [`HousePricePredictor`]: prediction of house prices.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::{Tensor, nn};

use super::HousePricePredictor;
use crate::data::{Splits, ames};
use crate::metrics::Unit;
use crate::plan::{Chain, Layer::*, Loss};
use crate::tasks::{
    Features, Input, Inputs, Measured, Network, Quantity, Questions, Readable, STDIN,
};

impl Network for HousePricePredictor {
    type Task = HousePricing;
    const NAME: &'static str = "house_price_predictor";
    const ABOUT: &'static str = "A price: no activation after the last layer";
    const CHAIN: Option<Chain> = Some(Chain(
        &[Linear("fc1"), Relu, Linear("fc2")],
        Loss::SquaredError,
    ));

    fn new(vs: &nn::Path) -> Self {
        Self::new(vs)
    }
}

/// Prediction of a house's price.
pub type HousePricing = Quantity<Houses>;

/// Ten features of a house in Ames, float32 `(N, 10)`, and its price.
#[derive(Debug)]
pub struct Houses;

impl Input for Houses {
    fn draw(batch_size: i64) -> Result<Tensor> {
        Features::<10>::draw(batch_size)
    }
}

impl Measured for Houses {
    const LABEL: &'static str = "Predicted house price:";
    const NAME: &'static str = "price";
    const SCALE: f64 = ames::DOLLARS;
    const UNIT: Unit = Unit::Dollars;
}

impl Readable for Houses {
    const SAMPLE_DATA: Option<&'static str> = Some("houses.csv");

    /// The Ames houses, with the column names of either published file.
    fn read(path: &Path) -> Result<Splits> {
        ames::read(path)
    }
}

impl Questions for Houses {
    fn read_inputs(path: &Path, _invert: bool) -> Result<Inputs> {
        let (features, lines, note) = ames::read_features(path)?;
        Ok(Inputs {
            features,
            file: path.display().to_string(),
            lines,
            note,
        })
    }

    /// A CSV stream: the first line names the columns, then one house in each row.
    fn read_each(
        input: Box<dyn BufRead>,
        _invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        ames::read_each(input, STDIN, |features, line| {
            each(Inputs {
                features,
                file: STDIN.to_owned(),
                lines: vec![line],
                note: None,
            })
        })
    }
}
