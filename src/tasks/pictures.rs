use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::Tensor;

use super::{Features, Input, Inputs, Questions, Readable, lines};
use crate::data::{PIXELS, Splits, medmnist, mnist, picture};

/// Pictures of 28×28 grey pixels in MNIST's files, and their classes.
#[derive(Debug)]
pub struct Digits;

/// Pictures of 28×28 grey pixels in a binary data set of MedMNIST, with labels 0 and 1.
#[derive(Debug)]
pub struct XRays;

impl Input for Digits {
    fn draw(batch_size: i64) -> Result<Tensor> {
        Features::<{ PIXELS as i64 }>::draw(batch_size)
    }
}

impl Input for XRays {
    fn draw(batch_size: i64) -> Result<Tensor> {
        Digits::draw(batch_size)
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

impl Readable for XRays {
    const SAMPLE_DATA: Option<&'static str> = Some("odd_or_even.npz");
    const PIXELS: bool = true;

    /// A binary data set of MedMNIST, such as PneumoniaMNIST.
    fn read(path: &Path) -> Result<Splits> {
        medmnist::read(path)
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

impl Questions for XRays {
    const READS_PICTURES: bool = true;

    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs> {
        Digits::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        Digits::read_each(input, invert, each)
    }
}
