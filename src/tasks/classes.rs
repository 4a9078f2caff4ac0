use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path as FilePath;

use anyhow::{Result, ensure};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::{
    Answer, Dataset, Evaluate, Input, Inputs, Objective, Predict, Questions, Readable, to_f64,
};
use crate::data::Splits;
use crate::metrics::{ConfusionMatrix, Evaluation, Metric};

/// Classification into `K` classes by `K` scores, which are logits unless `S` is given. Targets are
/// int64 `(N,)`, from 0 to `K` − 1.
#[derive(Debug)]
pub struct Classes<const K: i64, I, S = Logits>(PhantomData<(I, S)>);

/// The meaning of a classifier's outputs `(N, K)`, float32.
pub trait ClassScores {
    /// Their label in the demonstration.
    const LABEL: &'static str;
    /// The label of the probabilities in the demonstration, and their name in the trace.
    const PROBABILITIES: (&'static str, &'static str);

    /// The loss of outputs `(N, K)` and classes `(N,)`.
    fn loss(output: &Tensor, target: &Tensor) -> Tensor;

    /// The probabilities `(N, K)` that correspond to outputs `(N, K)`.
    fn probabilities(output: &Tensor) -> Tensor;
}

/// Unbounded scores: softmax turns them into probabilities, and the loss is cross-entropy.
#[derive(Debug)]
pub struct Logits;

/// Logarithms of probabilities, as from `F.log_softmax`; the loss is `F.nll_loss`.
#[derive(Debug)]
pub struct LogProbabilities;

impl ClassScores for Logits {
    const LABEL: &'static str = "Raw logits:";
    const PROBABILITIES: (&'static str, &'static str) = ("Softmax output:", "softmax");

    fn loss(output: &Tensor, target: &Tensor) -> Tensor {
        output.cross_entropy_for_logits(target)
    }

    fn probabilities(output: &Tensor) -> Tensor {
        output.softmax(1, Kind::Float)
    }
}

impl ClassScores for LogProbabilities {
    const LABEL: &'static str = "Log-probabilities:";
    const PROBABILITIES: (&'static str, &'static str) = ("Probabilities:", "probabilities");

    fn loss(output: &Tensor, target: &Tensor) -> Tensor {
        output.nll_loss(target)
    }

    fn probabilities(output: &Tensor) -> Tensor {
        output.exp()
    }
}

impl<const K: i64, I: Input, S: ClassScores> Objective for Classes<K, I, S> {
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

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(S::loss(output, target))
    }

    fn readings(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        let (probabilities, predicted) = probabilities_and_class::<S>(output);
        vec![
            (S::PROBABILITIES.1, probabilities),
            ("predicted", predicted),
        ]
    }

    fn report(output: &Tensor) -> Vec<(String, Tensor)> {
        let (probabilities, predicted) = probabilities_and_class::<S>(output);
        vec![
            (S::LABEL.to_owned(), output.shallow_clone()),
            (S::PROBABILITIES.0.to_owned(), probabilities),
            ("Predicted class:".to_owned(), predicted),
        ]
    }
}

impl<const K: i64, I: Readable, S: ClassScores> Dataset for Classes<K, I, S> {
    const SAMPLE_DATA: Option<&'static str> = I::SAMPLE_DATA;
    const PIXELS: bool = I::PIXELS;

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

/// Refuses a class without a logit, for which libtorch's loss would read out of bounds.
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

impl<const K: i64, I: Input, S: ClassScores> Evaluate for Classes<K, I, S> {
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

impl<const K: i64, I: Questions, S: ClassScores> Predict for Classes<K, I, S> {
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
        let (probabilities, class) = probabilities_and_class::<S>(output);
        let classes = Vec::<i64>::try_from(class)?;
        let probabilities = to_f64(&probabilities)?;
        let answer = |(class, probabilities): (i64, &[f64])| Answer {
            text: format!("{class}, probability {:.4}", probabilities[class as usize]),
            json: json!({ "class": class, "probabilities": probabilities }),
            probabilities: probabilities.to_vec(),
        };
        let rows = probabilities.chunks(K as usize);
        Ok(classes.into_iter().zip(rows).map(answer).collect())
    }
}

/// The probabilities, `(N, K)` float32, and the most likely class, `(N,)` int64, for scores `(N,
/// K)`.
fn probabilities_and_class<S: ClassScores>(output: &Tensor) -> (Tensor, Tensor) {
    let probabilities = S::probabilities(output);
    let class = probabilities.argmax(1, false);
    (probabilities, class)
}
