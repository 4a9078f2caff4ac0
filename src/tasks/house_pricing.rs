use anyhow::Result;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::Task;
use crate::networks::HousePricePredictor;

/// What a house sells for.
#[derive(Debug)]
pub struct HousePricing;

impl Task for HousePricing {
    type Network = HousePricePredictor;
    const NAME: &'static str = "house_price_predictor";
    const ABOUT: &'static str = "A price: no activation after the last layer";
    const INPUT_FEATURES: i64 = 10;

    fn network(vs: &Path) -> HousePricePredictor {
        HousePricePredictor::new(vs)
    }

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
