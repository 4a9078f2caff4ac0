use anyhow::Result;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::{Network, Task};
use crate::networks::DigitClassifier;

impl Network for DigitClassifier {
    type Task = DigitClassification;
    const NAME: &'static str = "digit_classifier";
    const ABOUT: &'static str = "Ten digits: logits, and a softmax to read them";

    fn build(vs: &Path) -> Self {
        Self::new(vs)
    }
}

/// Which of the ten digits a picture shows.
#[derive(Debug)]
pub struct DigitClassification;

impl Task for DigitClassification {
    const INPUT_FEATURES: i64 = 784;

    /// `(N,)` int64 classes.
    fn draw_target(batch_size: i64) -> Result<Tensor> {
        let options = (Kind::Int64, Device::Cpu);
        Ok(Tensor::f_randint(10, [batch_size], options)?)
    }

    /// `F.cross_entropy` on logits.
    fn loss(output: &Tensor, target: &Tensor) -> Tensor {
        output.cross_entropy_for_logits(target)
    }

    fn readings(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        let (softmax, predicted) = softmax_and_class(output);
        vec![("softmax", softmax), ("predicted", predicted)]
    }

    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        let (softmax, predicted) = softmax_and_class(output);
        vec![
            ("Raw logits:", output.shallow_clone()),
            ("Softmax output:", softmax),
            ("Predicted class:", predicted),
        ]
    }
}

/// The probabilities, `(N, 10)` float32, and the likeliest class, `(N,)` int64, of `(N, 10)` logits.
fn softmax_and_class(logits: &Tensor) -> (Tensor, Tensor) {
    let softmax = logits.softmax(1, Kind::Float);
    let class = softmax.argmax(1, false);
    (softmax, class)
}
