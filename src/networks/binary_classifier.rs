use tch::Tensor;
use tch::nn::{Linear, Module, Path};

use crate::torch::nn::linear;

/// The probability of the positive class: a sigmoid over one output.
///
/// `(N, 784)` float32 pixels → `(N, 1)` float32 probabilities.
#[rustfmt::skip]
#[derive(Debug)]
pub struct BinaryClassifier {                                       // class BinaryClassifier(nn.Module):
    fc1: Linear,
    fc2: Linear,
}

#[rustfmt::skip]
impl BinaryClassifier {
    /// Draws the initial weights, on the device of `vs`.
    pub fn new(vs: &Path) -> Self {                                 //     def __init__(self):
        Self {                                                      //         super().__init__()
            fc1: linear(vs / "fc1", 784, 64, Default::default()),   //         self.fc1 = nn.Linear(784, 64)
            fc2: linear(vs / "fc2", 64, 1, Default::default()),     //         self.fc2 = nn.Linear(64, 1)
        }
    }
}

#[rustfmt::skip]
impl Module for BinaryClassifier {
    fn forward(&self, x: &Tensor) -> Tensor {                       //     def forward(self, x):
        let x = x.apply(&self.fc1).relu();                          //         x = F.relu(self.fc1(x))
        x.apply(&self.fc2).sigmoid()                                //         return torch.sigmoid(self.fc2(x))
    }
}
