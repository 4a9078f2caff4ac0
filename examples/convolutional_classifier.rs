//! Ten digits by two convolutions, on normalized pixels, with log-probabilities as output.
//!
//! ```sh
//! cargo run --example convolutional_classifier -- train --epochs 3 \
//!     --optimizer adadelta --lr 1 --scheduler step:step_size=1,gamma=0.7
//! ```

use final_layer::networks::Digits;
use final_layer::tasks::{Classes, LogProbabilities, Network, Transform, Transformed};
use final_layer::torch::nn::{Conv2D, Dropout, conv2d, linear};
use tch::Tensor;
use tch::nn::{Linear, ModuleT, Path};

/// Pictures with one channel, normalized by MNIST's mean and standard deviation.
#[derive(Debug)]
pub struct Picture;

impl Transform for Picture {
    const SHAPE: &'static [i64] = &[1, 28, 28];
    const NORMALIZE: Option<(f32, f32)> = Some((0.1307, 0.3081));
}

#[rustfmt::skip]
#[derive(Debug)]
pub struct ConvolutionalClassifier {                                // class ConvolutionalClassifier(nn.Module):
    conv1: Conv2D,
    conv2: Conv2D,
    dropout1: Dropout,
    dropout2: Dropout,
    fc1: Linear,
    fc2: Linear,
}

#[rustfmt::skip]
impl Network for ConvolutionalClassifier {
    type Task = Classes<10, Transformed<Digits, Picture>, LogProbabilities>;
    const NAME: &'static str = "convolutional_classifier";
    const ABOUT: &'static str = "Ten digits by two convolutions: log-probabilities";
    fn new(vs: &Path) -> Self {                                     //     def __init__(self):
        Self {                                                      //         super().__init__()
            conv1: conv2d(vs / "conv1", 1, 32, 3, Default::default()), //         self.conv1 = nn.Conv2d(1, 32, 3)
            conv2: conv2d(vs / "conv2", 32, 64, 3, Default::default()), //         self.conv2 = nn.Conv2d(32, 64, 3)
            dropout1: Dropout::new(0.25),                           //         self.dropout1 = nn.Dropout(0.25)
            dropout2: Dropout::new(0.5),                            //         self.dropout2 = nn.Dropout(0.5)
            fc1: linear(vs / "fc1", 9216, 128, Default::default()), //         self.fc1 = nn.Linear(9216, 128)
            fc2: linear(vs / "fc2", 128, 10, Default::default()),   //         self.fc2 = nn.Linear(128, 10)
        }
    }
}

#[rustfmt::skip]
impl ModuleT for ConvolutionalClassifier {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {        //     def forward(self, x):
        let x = x.apply(&self.conv1).relu();                        //         x = F.relu(self.conv1(x))
        let x = x.apply(&self.conv2).relu();                        //         x = F.relu(self.conv2(x))
        let x = x.max_pool2d_default(2);                            //         x = F.max_pool2d(x, 2)
        let x = x.apply_t(&self.dropout1, train);                   //         x = self.dropout1(x)
        let x = x.flatten(1, -1);                                   //         x = torch.flatten(x, 1)
        let x = x.apply(&self.fc1).relu();                          //         x = F.relu(self.fc1(x))
        let x = x.apply_t(&self.dropout2, train);                   //         x = self.dropout2(x)
        x.apply(&self.fc2).log_softmax(1, None)                     //         return F.log_softmax(self.fc2(x), dim=1)
    }
}

fn main() -> std::process::ExitCode {
    final_layer::cli::run::<ConvolutionalClassifier>()
}
