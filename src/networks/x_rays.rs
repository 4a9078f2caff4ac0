//! The task of [`BinaryClassifier`]: binary classification of X-rays.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::{Tensor, nn};

use super::{BinaryClassifier, Pictures};
use crate::data::{Splits, medmnist};
use crate::plan::{Chain, Layer::*, Loss};
use crate::tasks::{Input, Inputs, Network, Questions, Readable, YesOrNo};

impl Network for BinaryClassifier {
    type Task = BinaryClassification;
    const NAME: &'static str = "binary_classifier";
    const ABOUT: &'static str = "Binary classification: a sigmoid over one output";
    const CHAIN: Option<Chain> = Some(Chain(
        &[Linear("fc1"), Relu, Linear("fc2"), Sigmoid],
        Loss::BinaryCrossEntropy,
    ));

    fn new(vs: &nn::Path) -> Self {
        Self::new(vs)
    }
}

/// Binary classification of pictures.
pub type BinaryClassification = YesOrNo<XRays>;

/// Pictures of 28×28 grey pixels in a binary data set of MedMNIST, with labels 0 and 1.
#[derive(Debug)]
pub struct XRays;

impl Input for XRays {
    fn draw(batch_size: i64) -> Result<Tensor> {
        Pictures::draw(batch_size)
    }
}

impl Readable for XRays {
    const SAMPLE_DATA: Option<&'static str> = Some("odd_or_even.npz");
    const PIXELS: bool = true;

    /// A binary data set of MedMNIST, such as PneumoniaMNIST.
    fn read(path: &Path) -> Result<Splits> {
        medmnist::read(path)
    }
}

impl Questions for XRays {
    const READS_PICTURES: bool = true;

    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs> {
        Pictures::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        Pictures::read_each(input, invert, each)
    }
}
