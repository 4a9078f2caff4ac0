use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path as FilePath;

use anyhow::{Result, ensure};
use serde_json::json;
use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use super::{
    Answer, Dataset, Digits, Evaluate, Input, Inputs, Network, Objective, Predict, Questions,
    Readable, to_f64,
};
use crate::data::Splits;
use crate::metrics::{ConfusionMatrix, Evaluation, Metric};
use crate::networks::DigitClassifier;

impl Network for DigitClassifier {
    type Task = DigitClassification;
    const NAME: &'static str = "digit_classifier";
    const ABOUT: &'static str = "Ten digits: logits, and a softmax to read them";

    fn new(vs: &Path) -> Self {
        Self::new(vs)
    }
}

/// Which of the ten digits a picture shows.
pub type DigitClassification = Classes<10, Digits>;

/// Which of `K` classes an input belongs to: `K` logits, cross-entropy, and a softmax to read them.
/// Targets are int64 `(N,)`, from 0 to `K` − 1.
#[derive(Debug)]
pub struct Classes<const K: i64, I>(PhantomData<I>);

impl<const K: i64, I: Input> Objective for Classes<K, I> {
    type Input = Tensor;
    type Output = Tensor;
    type Target = Tensor;

    fn draw_input(batch_size: i64) -> Result<Tensor> {
        I::draw(batch_size)
    }

    /// `(N,)` int64 classes.
    fn draw_target(batch_size: i64) -> Result<Tensor> {
        Ok(Tensor::f_randint(
            K,
            [batch_size],
            (Kind::Int64, Device::Cpu),
        )?)
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
}

impl<const K: i64, I: Readable> Dataset for Classes<K, I> {
    const SAMPLE_DATA: Option<&'static str> = I::SAMPLE_DATA;

    fn read(path: &FilePath) -> Result<Splits> {
        let splits = I::read(path)?;
        for samples in splits.all() {
            check_classes(&samples.targets, K)
                .map_err(|error| error.context(path.display().to_string()))?;
        }
        Ok(splits)
    }

    fn to_input(features: &Tensor) -> Tensor {
        I::to_input(features)
    }
}

/// Refuses a class that has no logit, which libtorch's loss would read past its memory for.
fn check_classes(targets: &Tensor, classes: i64) -> Result<()> {
    let outside = targets.lt(0).logical_or(&targets.ge(classes));
    let place = outside.nonzero();
    ensure!(
        place.numel() == 0,
        "expected classes from 0 to {}, found {} as target number {}",
        classes - 1,
        targets.int64_value(&[place.int64_value(&[0, 0])]),
        place.int64_value(&[0, 0]) + 1,
    );
    Ok(())
}

impl<const K: i64, I: Input> Evaluate for Classes<K, I> {
    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        let truth = Vec::<i64>::try_from(target)?;
        let predicted = Vec::<i64>::try_from(output.argmax(1, false))?;
        let confusion = ConfusionMatrix::new(K as usize, &truth, &predicted);
        Ok(Evaluation {
            metrics: vec![Metric::new("accuracy", confusion.accuracy())],
            confusion: Some(confusion),
        })
    }
}

impl<const K: i64, I: Questions> Predict for Classes<K, I> {
    const READS_PICTURES: bool = I::READS_PICTURES;

    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs> {
        I::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        I::read_each(input, invert, each)
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
        let rows = probabilities.chunks(K as usize);
        Ok(classes.into_iter().zip(rows).map(answer).collect())
    }
}

/// The probabilities, `(N, K)` float32, and the likeliest class, `(N,)` int64, of `(N, K)` logits.
fn softmax_and_class(logits: &Tensor) -> (Tensor, Tensor) {
    let softmax = logits.softmax(1, Kind::Float);
    let class = softmax.argmax(1, false);
    (softmax, class)
}
