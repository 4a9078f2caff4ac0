//! What a network is asked about: how inputs are drawn and, where there are files of them, read.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::Inputs;
use crate::data::{Splits, pixels_to_float};

/// Inputs of one kind, enough for the proof. Over images, say, that is all of it:
///
/// ```
/// use final_layer::tasks::Input;
/// use tch::{Device, Kind, Tensor};
///
/// struct Images;
///
/// impl Input for Images {
///     fn draw(batch_size: i64) -> anyhow::Result<Tensor> {
///         Ok(Tensor::f_randn([batch_size, 3, 32, 32], (Kind::Float, Device::Cpu))?)
///     }
/// }
/// assert_eq!(Images::draw(2)?.size(), [2, 3, 32, 32]);
/// # anyhow::Ok(())
/// ```
pub trait Input {
    /// A random input, `(N, …)` of any shape and dtype, on the CPU.
    ///
    /// # Errors
    /// If it needs more memory than there is.
    fn draw(batch_size: i64) -> Result<Tensor>;
}

/// Inputs that can be read with their targets, for training.
pub trait Readable: Input {
    /// As [`Dataset::SAMPLE_DATA`](super::Dataset::SAMPLE_DATA).
    const SAMPLE_DATA: Option<&'static str> = None;

    /// As [`Dataset::read`](super::Dataset::read).
    ///
    /// # Errors
    /// If it cannot be read, in one line that names the file and the place in it.
    fn read(path: &Path) -> Result<Splits>;

    /// As [`Dataset::PIXELS`](super::Dataset::PIXELS).
    const PIXELS: bool = false;

    /// As [`Dataset::to_input`](super::Dataset::to_input).
    fn to_input(features: &Tensor) -> Tensor {
        match Self::PIXELS {
            true => pixels_to_float(features),
            false => features.shallow_clone(),
        }
    }
}

/// Inputs that can be read without targets, for predictions.
pub trait Questions: Readable {
    /// As [`Predict::READS_PICTURES`](super::Predict::READS_PICTURES).
    const READS_PICTURES: bool = false;

    /// As [`Predict::read_inputs`](super::Predict::read_inputs).
    ///
    /// # Errors
    /// If it cannot be read, in one line that names the file.
    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs>;

    /// As [`Predict::read_each`](super::Predict::read_each).
    ///
    /// # Errors
    /// If a line is none that can be read, naming it as `-:LINE`; and those of `each`.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>>;
}

/// `N` numbers, float32 `(batch, N)` from a standard normal distribution.
#[derive(Debug)]
pub struct Features<const N: i64>;

impl<const N: i64> Input for Features<N> {
    fn draw(batch_size: i64) -> Result<Tensor> {
        Ok(Tensor::f_randn(
            [batch_size, N],
            (Kind::Float, Device::Cpu),
        )?)
    }
}
