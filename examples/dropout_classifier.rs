//! Ten digits with dropout before each layer: training draws random numbers and, resumed after a
//! kill, draws the same ones.
//!
//! ```sh
//! cargo run --example dropout_classifier -- train --output weights.safetensors
//! ```

use final_layer::networks::DigitClassification;
use final_layer::tasks::Network;
use final_layer::torch::nn::linear;
use tch::Tensor;
use tch::nn::{Linear, ModuleT, Path};

#[rustfmt::skip]
#[derive(Debug)]
struct DropoutClassifier {                                          // class DropoutClassifier(nn.Module):
    fc1: Linear,
    fc2: Linear,
}

#[rustfmt::skip]
impl Network for DropoutClassifier {
    type Task = DigitClassification;
    const NAME: &'static str = "dropout_classifier";
    const ABOUT: &'static str = "Ten digits, with dropout before each layer";
    fn new(vs: &Path) -> Self {                                     //     def __init__(self):
        Self {                                                      //         super().__init__()
            fc1: linear(vs / "fc1", 784, 128, Default::default()),  //         self.fc1 = nn.Linear(784, 128)
            fc2: linear(vs / "fc2", 128, 10, Default::default()),   //         self.fc2 = nn.Linear(128, 10)
        }
    }
}

#[rustfmt::skip]
impl ModuleT for DropoutClassifier {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {        //     def forward(self, x):
        let x = x.dropout(0.2, train);                              //         x = F.dropout(x, 0.2, self.training)
        let x = x.apply(&self.fc1).relu();                          //         x = F.relu(self.fc1(x))
        let x = x.dropout(0.5, train);                              //         x = F.dropout(x, 0.5, self.training)
        x.apply(&self.fc2)                                          //         return self.fc2(x)
    }
}

fn main() -> std::process::ExitCode {
    final_layer::cli::run::<DropoutClassifier>()
}
