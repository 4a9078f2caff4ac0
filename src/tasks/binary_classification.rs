use anyhow::Result;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::{Network, Task};
use crate::networks::BinaryClassifier;

impl Network for BinaryClassifier {
    type Task = BinaryClassification;
    const NAME: &'static str = "binary_classifier";
    const ABOUT: &'static str = "Yes or no: a sigmoid over one output";

    fn build(vs: &Path) -> Self {
        Self::new(vs)
    }
}

/// Whether a picture belongs to the positive class.
#[derive(Debug)]
pub struct BinaryClassification;

impl Task for BinaryClassification {
    const INPUT_FEATURES: i64 = 784;

    /// `(N, 1)` float32, 0 or 1.
    fn draw_target(batch_size: i64) -> Result<Tensor> {
        let options = (Kind::Int64, Device::Cpu);
        Ok(Tensor::f_randint(2, [batch_size, 1], options)?.to_kind(Kind::Float))
    }

    /// `F.binary_cross_entropy` on probabilities.
    fn loss(output: &Tensor, target: &Tensor) -> Tensor {
        output.binary_cross_entropy::<Tensor>(target, None, tch::Reduction::Mean)
    }

    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        vec![("Probability of positive class:", output.shallow_clone())]
    }
}
