use tch::Tensor;
use tch::nn::{Linear, Module, Path};

use crate::torch::nn::linear;

/// A price, any number: nothing follows the last layer.
///
/// `(N, 10)` float32 features → `(N, 1)` float32 prices.
#[rustfmt::skip]
#[derive(Debug)]
pub struct HousePricePredictor {                                    // class HousePricePredictor(nn.Module):
    fc1: Linear,
    fc2: Linear,
}

#[rustfmt::skip]
impl HousePricePredictor {
    /// Draws the initial weights, on the device of `vs`.
    pub fn new(vs: &Path) -> Self {                                 //     def __init__(self):
        Self {                                                      //         super().__init__()
            fc1: linear(vs / "fc1", 10, 64, Default::default()),    //         self.fc1 = nn.Linear(10, 64)
            fc2: linear(vs / "fc2", 64, 1, Default::default()),     //         self.fc2 = nn.Linear(64, 1)
        }
    }
}

#[rustfmt::skip]
impl Module for HousePricePredictor {
    fn forward(&self, x: &Tensor) -> Tensor {                       //     def forward(self, x):
        let x = x.apply(&self.fc1).relu();                          //         x = F.relu(self.fc1(x))
        x.apply(&self.fc2)                                          //         return self.fc2(x)
    }
}
