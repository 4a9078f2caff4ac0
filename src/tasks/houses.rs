use std::path::Path;

use anyhow::Result;
use tch::Tensor;

use super::{Features, Input, Inputs, Measured, Questions, Readable};
use crate::data::{Splits, ames};
use crate::metrics::Unit;

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

    /// The Ames houses, under the names of either of their files.
    fn read(path: &Path) -> Result<Splits> {
        ames::read(path)
    }
}

impl Questions for Houses {
    fn read_inputs(path: &Path, _invert: bool) -> Result<Inputs> {
        let (features, lines, note) = ames::read_features(path)?;
        let name = |line| format!("{}:{line}", path.display());
        Ok(Inputs {
            features,
            names: lines.into_iter().map(name).collect(),
            note,
        })
    }
}
