//! The task of [`DigitClassifier`]: classification of pictures of digits.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::{Tensor, nn};

use super::DigitClassifier;
use crate::data::{PIXELS, Splits, mnist, picture};
use crate::plan::{Chain, Layer::*, Loss};
use crate::tasks::{Classes, Features, Input, Inputs, Network, Questions, Readable, lines};

impl Network for DigitClassifier {
    type Task = DigitClassification;
    const NAME: &'static str = "digit_classifier";
    const ABOUT: &'static str = "Ten digits: logits, turned into probabilities by softmax";
    const CHAIN: Option<Chain> = Some(Chain(
        &[Linear("fc1"), Relu, Linear("fc2")],
        Loss::CrossEntropy,
    ));

    fn new(vs: &nn::Path) -> Self {
        Self::new(vs)
    }
}

/// Classification of pictures of the ten digits.
pub type DigitClassification = Classes<10, Digits>;

/// Pictures of 28×28 grey pixels in MNIST's files, and their classes.
#[derive(Debug)]
pub struct Digits;

impl Input for Digits {
    fn draw(batch_size: i64) -> Result<Tensor> {
        Features::<{ PIXELS as i64 }>::draw(batch_size)
    }
}

impl Readable for Digits {
    const SAMPLE_DATA: Option<&'static str> = Some("digits");
    const PIXELS: bool = true;

    /// MNIST, Fashion-MNIST or another data set in the same layout.
    fn read(path: &Path) -> Result<Splits> {
        mnist::read(path)
    }
}

impl Questions for Digits {
    const READS_PICTURES: bool = true;

    /// A single picture, as [`picture::read`] reads it.
    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs> {
        let (features, note) = picture::read(path, invert)?;
        Ok(Inputs {
            features,
            file: path.display().to_string(),
            lines: Vec::new(),
            note: Some(note),
        })
    }

    /// One file name on each line.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        lines::for_each_path(input, |path| {
            each(Inputs {
                note: None,
                ..Self::read_inputs(path, invert)?
            })
        })?;
        Ok(None)
    }
}
