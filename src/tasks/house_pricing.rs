use anyhow::Result;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::{Network, Task};
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
    fn loss(output: &Tensor, target: &Tensor) -> Tensor {
        output.mse_loss(target, tch::Reduction::Mean)
    }

    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        vec![("Predicted house price:", output.shallow_clone())]
    }
}
