//! The task of [`DigitClassifier`]: classification of pictures of digits.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::{Tensor, nn};

use super::{DigitClassifier, Pictures, pictures};
use crate::data::{Splits, picture};
use crate::plan::{Chain, Layer::*, Loss};
use crate::tasks::{Classes, Input, Inputs, Network, Questions, Readable};

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
        Pictures::draw(batch_size)
    }
}

impl Readable for Digits {
    const SAMPLE_DATA: Option<&'static str> = Pictures::SAMPLE_DATA;
    const PIXELS: bool = Pictures::PIXELS;

    /// MNIST or another data set in the same layout.
    fn read(path: &Path) -> Result<Splits> {
        Pictures::read(path)
    }
}

impl Questions for Digits {
    const READS_PICTURES: bool = true;

    /// A single picture, as [`picture::read_digit`] reads it.
    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs> {
        Ok(pictures::one(path, picture::read_digit(path, invert)?))
    }

    /// One file name on each line.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        pictures::each_path(input, &mut |path| {
            each(Inputs {
                note: None,
                ..Self::read_inputs(path, invert)?
            })
        })
    }
}
