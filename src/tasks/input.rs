//! The inputs of a network: random ones and, if there are files, those read from them.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::Inputs;
use crate::data::{Splits, pixels_to_float};

/// One kind of input. For a proof, drawing it is enough; for images, for example:
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
    /// If there is not enough memory.
    fn draw(batch_size: i64) -> Result<Tensor>;
}

/// Inputs that can be read with their targets, for training.
pub trait Readable: Input {
    /// As [`Dataset::SAMPLE_DATA`](super::Dataset::SAMPLE_DATA).
    const SAMPLE_DATA: Option<&'static str> = None;

    /// As [`Dataset::read`](super::Dataset::read).
    ///
    /// # Errors
    /// If the data cannot be read. The message is one line that names the file and the place in it.
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
    /// If the file cannot be read. The message is one line that names the file.
    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs>;

    /// As [`Predict::read_each`](super::Predict::read_each).
    ///
    /// # Errors
    /// If a line cannot be read, with its place as `-:LINE`; and the errors of `each`.
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
