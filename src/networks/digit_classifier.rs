use tch::Tensor;
use tch::nn::{Linear, Module, Path};

use crate::torch::nn::linear;

/// Ten logits, one for each digit; softmax turns them into probabilities.
///
/// `(N, 784)` float32 pixels → `(N, 10)` float32 logits.
#[rustfmt::skip]
#[derive(Debug)]
pub struct DigitClassifier {                                        // class DigitClassifier(nn.Module):
    fc1: Linear,
    fc2: Linear,
}

#[rustfmt::skip]
impl DigitClassifier {
    /// Draws the initial weights, on the device of `vs`.
    pub fn new(vs: &Path) -> Self {                                 //     def __init__(self):
        Self {                                                      //         super().__init__()
            fc1: linear(vs / "fc1", 784, 128, Default::default()),  //         self.fc1 = nn.Linear(784, 128)
            fc2: linear(vs / "fc2", 128, 10, Default::default()),   //         self.fc2 = nn.Linear(128, 10)
        }
    }
}

#[rustfmt::skip]
impl Module for DigitClassifier {
    fn forward(&self, x: &Tensor) -> Tensor {                       //     def forward(self, x):
        let x = x.apply(&self.fc1).relu();                          //         x = F.relu(self.fc1(x))
        x.apply(&self.fc2)                                          //         return self.fc2(x)
    }
}
