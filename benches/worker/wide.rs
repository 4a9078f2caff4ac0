//! The digit classifier with other numbers of hidden units, to measure how the cost of a step
//! grows.

use anyhow::{Result, bail};
use final_layer::networks::DigitClassification;
use final_layer::networks::DigitClassifier;
use final_layer::plan::Chain;
use final_layer::tasks::Network;
use final_layer::torch::nn::linear;
use tch::Tensor;
use tch::nn::{Linear, Module, Path};

use crate::{Case, network_case};

/// 784 pixels, `UNITS` hidden units, ten logits.
#[derive(Debug)]
pub struct Wide<const UNITS: i64> {
    fc1: Linear,
    fc2: Linear,
}

impl<const UNITS: i64> Network for Wide<UNITS> {
    type Task = DigitClassification;
    const NAME: &'static str = "wide";
    const CHAIN: Option<Chain> = DigitClassifier::CHAIN;

    fn new(vs: &Path) -> Self {
        Self {
            fc1: linear(vs / "fc1", 784, UNITS, Default::default()),
            fc2: linear(vs / "fc2", UNITS, 10, Default::default()),
        }
    }
}

impl<const UNITS: i64> Module for Wide<UNITS> {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.apply(&self.fc1).relu().apply(&self.fc2)
    }
}

/// The case of the network with `units` hidden units.
pub fn case(
    what: &str,
    units: &str,
    size: i64,
    optimizer: &[&str],
    autograd: bool,
) -> Result<Case> {
    macro_rules! widths {
        ($($units:literal)+) => {
            match units.parse() {
                $(Ok($units) => network_case::<Wide<$units>>(what, size, optimizer, autograd),)+
                _ => bail!("expected a supported number of units, found {units}"),
            }
        };
    }
    widths!(10 32 128 512 1024 2048 4096)
}
