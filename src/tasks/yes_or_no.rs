use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path as FilePath;

use anyhow::{Context, Result};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::{
    Answer, Dataset, Evaluate, Input, Inputs, Objective, Predict, Questions, Readable, to_f64,
};
use crate::data::Splits;
use crate::metrics::{ConfusionMatrix, Evaluation, Metric, roc_auc};

/// Binary classification: the probability of the positive class, with binary cross-entropy. Targets
/// are float32 `(N, 1)`, 0 or 1.
#[derive(Debug)]
pub struct YesOrNo<I>(PhantomData<I>);

impl<I: Input> Objective for YesOrNo<I> {
    type Input = Tensor;
    type Output = Tensor;
    type Target = Tensor;

    fn draw_input(batch_size: i64) -> Result<Tensor> {
        I::draw(batch_size)
    }

    /// `(N, 1)` float32, 0 or 1.
    fn draw_target(batch_size: i64) -> Result<Tensor> {
        let options = (Kind::Int64, Device::Cpu);
        Ok(Tensor::f_randint(2, [batch_size, 1], options)?.to_kind(Kind::Float))
    }

    /// `F.binary_cross_entropy` on probabilities.
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        // libtorch returns an error, also from Python, where other losses become NaN.
        let loss = output.f_binary_cross_entropy::<Tensor>(target, None, tch::Reduction::Mean);
        loss.context("cannot compute the loss of probabilities that are NaN")
    }

    fn report(output: &Tensor) -> Vec<(String, Tensor)> {
        let label = "Probability of positive class:";
        vec![(label.to_owned(), output.shallow_clone())]
    }
}

impl<I: Readable> Dataset for YesOrNo<I> {
    const SAMPLE_DATA: Option<&'static str> = I::SAMPLE_DATA;
    const PIXELS: bool = I::PIXELS;

    fn read(path: &FilePath) -> Result<Splits> {
        I::read(path)
    }

    fn to_input(features: &Tensor) -> Tensor {
        I::to_input(features)
    }
}

impl<I: Input> Evaluate for YesOrNo<I> {
    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        let scores = to_f64(output)?;
        let truth: Vec<bool> = to_f64(target)?.into_iter().map(is_positive).collect();
        let classes = |flags: &[bool]| flags.iter().copied().map(i64::from).collect::<Vec<_>>();
        let predicted: Vec<bool> = scores.iter().copied().map(is_positive).collect();
        let confusion = ConfusionMatrix::new(2, &classes(&truth), &classes(&predicted));
        let metrics = vec![
            Metric::new("accuracy", confusion.accuracy()),
            Metric::new("sensitivity", confusion.recall(1)),
            Metric::new("specificity", confusion.recall(0)),
            Metric::new("ROC AUC", roc_auc(&truth, &scores)),
        ];
        Ok(Evaluation {
            metrics,
            confusion: Some(confusion),
        })
    }
}

impl<I: Questions> Predict for YesOrNo<I> {
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
        let answer = |probability| {
            let positive = is_positive(probability);
            let class = if positive { "positive" } else { "negative" };
            Answer {
                text: format!("{class}, probability of positive class {probability:.4}"),
                json: json!({ "positive": positive, "probability": probability }),
                probabilities: Vec::new(),
            }
        };
        Ok(to_f64(output)?.into_iter().map(answer).collect())
    }
}

/// Returns true if a probability, or a target of 0 or 1, means the positive class.
fn is_positive(probability: f64) -> bool {
    probability > 0.5
}
