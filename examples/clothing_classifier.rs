//! Ten kinds of clothing (Fashion-MNIST): three layers, two activations, logits.

use final_layer::networks::Pictures;
use final_layer::tasks::{Classes, Network};
use final_layer::torch::nn::linear;
use tch::nn::{Linear, Module, Path};

#[rustfmt::skip]
#[derive(Debug)]
struct ClothingClassifier {                                         // class ClothingClassifier(nn.Module):
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

#[rustfmt::skip]
impl Network for ClothingClassifier {
    type Task = Classes<10, Pictures>;
    const NAME: &'static str = "clothing_classifier";
    const ABOUT: &'static str = "Ten kinds of clothing: tanh, ReLU, logits";
    fn new(vs: &Path) -> Self {                                     //     def __init__(self):
        Self {                                                      //         super().__init__()
            fc1: linear(vs / "fc1", 784, 128, Default::default()),  //         self.fc1 = nn.Linear(784, 128)
            fc2: linear(vs / "fc2", 128, 64, Default::default()),   //         self.fc2 = nn.Linear(128, 64)
            fc3: linear(vs / "fc3", 64, 10, Default::default()),    //         self.fc3 = nn.Linear(64, 10)
        }
    }
}

#[rustfmt::skip]
impl Module for ClothingClassifier {
    fn forward(&self, x: &tch::Tensor) -> tch::Tensor {             //     def forward(self, x):
        let x = x.apply(&self.fc1).tanh();                          //         x = torch.tanh(self.fc1(x))
        let x = x.apply(&self.fc2).relu();                          //         x = F.relu(self.fc2(x))
        x.apply(&self.fc3)                                          //         return self.fc3(x)
    }
}

fn main() -> std::process::ExitCode {
    final_layer::cli::run::<ClothingClassifier>()
}
