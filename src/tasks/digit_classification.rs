use std::io::BufRead;
use std::path::Path as FilePath;

use anyhow::Result;
use serde_json::json;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::{Answer, Inputs, Network, Task, to_f64};
use crate::data::{Splits, mnist};
use crate::metrics::{ConfusionMatrix, Evaluation, Metric};
use crate::networks::DigitClassifier;

const CLASSES: usize = 10;

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
        Ok(Tensor::f_randint(CLASSES as i64, [batch_size], options)?)
    }

    /// `F.cross_entropy` on logits.
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(output.cross_entropy_for_logits(target))
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

    const SAMPLE_DATA: &'static str = "digits";

    /// MNIST, Fashion-MNIST or another set in their layout.
    fn read_data(path: &FilePath) -> Result<Splits> {
        mnist::read(path)
    }

    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        let truth = Vec::<i64>::try_from(target)?;
        let predicted = Vec::<i64>::try_from(output.argmax(1, false))?;
        let confusion = ConfusionMatrix::new(CLASSES, &truth, &predicted);
        Ok(Evaluation {
            metrics: vec![Metric::new("accuracy", confusion.accuracy())],
            confusion: Some(confusion),
        })
    }

    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs> {
        Inputs::picture(path, invert)
    }

    /// File names, one a line.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        Inputs::each_picture(input, invert, each)?;
        Ok(None)
    }

    fn answers(output: &Tensor) -> Result<Vec<Answer>> {
        let (softmax, class) = softmax_and_class(output);
        let classes = Vec::<i64>::try_from(class)?;
        let probabilities = to_f64(&softmax)?;
        let answer = |(class, probabilities): (i64, &[f64])| Answer {
            text: format!("{class}, probability {:.4}", probabilities[class as usize]),
            json: json!({ "class": class, "probabilities": probabilities }),
            probabilities: probabilities.to_vec(),
        };
        let rows = probabilities.chunks(CLASSES);
        Ok(classes.into_iter().zip(rows).map(answer).collect())
    }
}

/// The probabilities, `(N, 10)` float32, and the likeliest class, `(N,)` int64, of `(N, 10)` logits.
fn softmax_and_class(logits: &Tensor) -> (Tensor, Tensor) {
    let softmax = logits.softmax(1, Kind::Float);
    let class = softmax.argmax(1, false);
    (softmax, class)
}
