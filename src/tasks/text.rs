use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tch::{Device, Kind, Reduction, Tensor};

use super::{Answer, Dataset, Evaluate, Inputs, Objective, Predict, STDIN, lines};
use crate::data::{Splits, text};
use crate::metrics::{Evaluation, Metric};

/// The number of different bytes.
const BYTES: i64 = 256;

/// The number of most likely bytes in an answer.
const NAMED: i64 = 5;

/// Prediction of the next byte of a text after each of its bytes: inputs and targets are int64 `(N,
/// T)`, outputs are float32 logits `(N, T, 256)`. Working on bytes, it takes any text in UTF-8.
#[derive(Debug)]
pub struct NextByte;

impl Objective for NextByte {
    type Input = Tensor;
    type Output = Tensor;
    type Target = Tensor;

    fn draw_input(batch_size: i64) -> Result<Tensor> {
        let options = (Kind::Int64, Device::Cpu);
        Ok(Tensor::f_randint(
            BYTES,
            [batch_size, text::CHUNK],
            options,
        )?)
    }

    fn draw_target(batch_size: i64) -> Result<Tensor> {
        Self::draw_input(batch_size)
    }

    /// `F.cross_entropy`, the mean over all bytes.
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        let (logits, target) = (output.flatten(0, 1), target.flatten(0, 1));
        let mean = Reduction::Mean;
        Ok(logits.f_cross_entropy_loss::<Tensor>(&target, None, mean, -100, 0.)?)
    }

    fn readings(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        vec![("likeliest", output.argmax(-1, false))]
    }

    fn report(output: &Tensor) -> Vec<(String, Tensor)> {
        let likeliest = output.argmax(-1, false);
        vec![("Likeliest next bytes:".to_owned(), likeliest)]
    }
}

impl Dataset for NextByte {
    const SAMPLE_DATA: Option<&'static str> = Some("tales.txt");

    /// Any text in UTF-8, as [`text::read`] reads it.
    fn read(path: &Path) -> Result<Splits> {
        text::read(path)
    }

    fn to_input(features: &Tensor) -> Tensor {
        features.to_kind(Kind::Int64)
    }

    fn to_target(targets: &Tensor) -> Tensor {
        targets.to_kind(Kind::Int64)
    }
}

impl Evaluate for NextByte {
    /// Bits per byte, and the perplexity.
    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        let nats = f64::try_from(Self::loss(&output.to_kind(Kind::Double), target)?)?;
        Ok(Evaluation {
            metrics: vec![
                Metric::new("bits per byte", nats / f64::ln(2.)),
                Metric::new("perplexity", nats.exp()),
            ],
            confusion: None,
        })
    }
}

impl Predict for NextByte {
    /// A text; the answer is its next byte.
    fn read_inputs(path: &Path, _invert: bool) -> Result<Inputs> {
        let (features, note) = text::read_prompt(path)?;
        Ok(Inputs {
            features,
            file: path.display().to_string(),
            lines: Vec::new(),
            note,
        })
    }

    /// One such text on each non-empty line.
    fn read_each(
        input: Box<dyn BufRead>,
        _invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        lines::for_each_line(input, "a text", |bytes, line| {
            let place = || format!("{STDIN}:{line}");
            each(Inputs {
                features: text::prompt(bytes).with_context(place)?,
                file: STDIN.to_owned(),
                lines: vec![line],
                note: None,
            })
        })?;
        Ok(None)
    }

    /// The most likely bytes after the last one.
    fn answers(output: &Tensor) -> Result<Vec<Answer>> {
        let probabilities = output.select(1, -1).softmax(-1, Kind::Double);
        let (probabilities, bytes) = probabilities.topk(NAMED, -1, true, true);
        let probabilities = Vec::<Vec<f64>>::try_from(probabilities)?;
        let bytes = Vec::<Vec<i64>>::try_from(bytes)?;
        let answer = |(bytes, probabilities): (Vec<i64>, Vec<f64>)| {
            let named = bytes.into_iter().zip(probabilities);
            let named = named.map(|(byte, probability)| (byte as u8, probability));
            let (words, json): (Vec<String>, Vec<Value>) = named.map(name).unzip();
            Answer {
                text: format!("next {}", words.join(", ")),
                json: json!({ "next": json }),
                probabilities: Vec::new(),
            }
        };
        Ok(bytes.into_iter().zip(probabilities).map(answer).collect())
    }
}

/// A byte that may come next, in words and for JSON.
fn name((byte, probability): (u8, f64)) -> (String, Value) {
    (
        format!("\"{}\" {probability:.4}", byte.escape_ascii()),
        json!({ "byte": byte, "probability": probability }),
    )
}
