//! Ten digits, read row by row: an LSTM, and batch norm, whose running statistics are buffers that
//! are saved, loaded and compared like parameters.
//!
//! ```sh
//! cargo run --example recurrent_classifier -- train --epochs 3 --optimizer adadelta --lr 1
//! ```

use final_layer::networks::Digits;
use final_layer::tasks::{Classes, LogProbabilities, Network, Transform, Transformed};
use final_layer::torch::nn::{BatchNorm, Dropout, LSTM, RNNConfig, batch_norm1d, linear, lstm};
use tch::Tensor;
use tch::nn::{Linear, ModuleT, Path};

/// Sequences of rows of pixels, normalized by MNIST's mean and standard deviation.
#[derive(Debug)]
pub struct Rows;

impl Transform for Rows {
    const SHAPE: &'static [i64] = &[28, 28];
    const NORMALIZE: Option<(f32, f32)> = Some((0.1307, 0.3081));
}

#[rustfmt::skip]
#[derive(Debug)]
pub struct RecurrentClassifier {                                    // class RecurrentClassifier(nn.Module):
    lstm: LSTM,
    norm: BatchNorm,
    dropout1: Dropout,
    dropout2: Dropout,
    fc1: Linear,
    fc2: Linear,
}

#[rustfmt::skip]
impl Network for RecurrentClassifier {
    type Task = Classes<10, Transformed<Digits, Rows>, LogProbabilities>;
    const NAME: &'static str = "recurrent_classifier";
    const ABOUT: &'static str = "Ten digits, row by row: an LSTM and batch norm";
    fn new(vs: &Path) -> Self {                                     //     def __init__(self):
        let batch_first = RNNConfig { batch_first: true, ..Default::default() };
        Self {                                                      //         super().__init__()
            lstm: lstm(vs / "lstm", 28, 64, batch_first),           //         self.lstm = nn.LSTM(28, 64, batch_first=True)
            norm: batch_norm1d(vs / "norm", 64, Default::default()), //         self.norm = nn.BatchNorm1d(64)
            dropout1: Dropout::new(0.25),                           //         self.dropout1 = nn.Dropout(0.25)
            dropout2: Dropout::new(0.5),                            //         self.dropout2 = nn.Dropout(0.5)
            fc1: linear(vs / "fc1", 64, 32, Default::default()),    //         self.fc1 = nn.Linear(64, 32)
            fc2: linear(vs / "fc2", 32, 10, Default::default()),    //         self.fc2 = nn.Linear(32, 10)
        }
    }
}

#[rustfmt::skip]
impl ModuleT for RecurrentClassifier {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {        //     def forward(self, x):
        let (x, _) = self.lstm.forward_t(x, None, train);           //         x, _ = self.lstm(x)
        let x = x.select(1, -1);                                    //         x = x[:, -1]
        let x = x.apply_t(&self.norm, train);                       //         x = self.norm(x)
        let x = x.apply_t(&self.dropout1, train);                   //         x = self.dropout1(x)
        let x = x.apply(&self.fc1).relu();                          //         x = F.relu(self.fc1(x))
        let x = x.apply_t(&self.dropout2, train);                   //         x = self.dropout2(x)
        x.apply(&self.fc2).log_softmax(1, None)                     //         return F.log_softmax(self.fc2(x), dim=1)
    }
}

fn main() -> std::process::ExitCode {
    final_layer::cli::run::<RecurrentClassifier>()
}
