//! Transforms of a batch on its way to the network, as in `torchvision.transforms`.

use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path;

use anyhow::Result;
use tch::Tensor;

use super::{Input, Inputs, Questions, Readable};
use crate::data::Splits;

/// A new shape for each sample and, optionally, normalization.
pub trait Transform {
    /// The shape of a sample for the network.
    const SHAPE: &'static [i64];

    /// The mean and the standard deviation to normalize by, as by `transforms.Normalize((mean,),
    /// (std,))` for pictures with one channel.
    const NORMALIZE: Option<(f32, f32)> = None;
}

/// Inputs `I` after the transform `T`:
///
/// ```
/// use final_layer::networks::Digits;
/// use final_layer::tasks::{Input, Readable, Transform, Transformed};
/// use tch::{Device, Kind, Tensor};
///
/// struct Centred;
/// impl Transform for Centred {
///     const SHAPE: &'static [i64] = &[1, 28, 28];
///     const NORMALIZE: Option<(f32, f32)> = Some((0.5, 0.5));
/// }
/// type Pictures = Transformed<Digits, Centred>;
///
/// assert_eq!(Pictures::draw(2)?.size(), [2, 1, 28, 28]);
/// let black = Tensor::zeros([5, 784], (Kind::Uint8, Device::Cpu));
/// let input = Pictures::to_input(&black);
/// assert_eq!(input.size(), [5, 1, 28, 28]);
/// assert_eq!(input.double_value(&[0, 0, 0, 0]), -1.);
/// # anyhow::Ok(())
/// ```
#[derive(Debug)]
pub struct Transformed<I, T>(PhantomData<(I, T)>);

impl<I: Input, T: Transform> Input for Transformed<I, T> {
    /// Random numbers of `I` in the transform's shape, taken as already normalized.
    fn draw(batch_size: i64) -> Result<Tensor> {
        Ok(I::draw(batch_size)?.f_view(&with_batch(batch_size, T::SHAPE)[..])?)
    }
}

impl<I: Readable, T: Transform> Readable for Transformed<I, T> {
    const SAMPLE_DATA: Option<&'static str> = I::SAMPLE_DATA;

    fn read(path: &Path) -> Result<Splits> {
        I::read(path)
    }

    fn to_input(features: &Tensor) -> Tensor {
        let input = I::to_input(features);
        let input = match T::NORMALIZE {
            Some((mean, std)) => normalize(&input, mean, std),
            None => input,
        };
        input.view(&with_batch(features.size()[0], T::SHAPE)[..])
    }
}

impl<I: Questions, T: Transform> Questions for Transformed<I, T> {
    const READS_PICTURES: bool = I::READS_PICTURES;

    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs> {
        I::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        I::read_each(input, invert, each)
    }
}

/// `(N, shape…)`.
fn with_batch(batch_size: i64, shape: &[i64]) -> Vec<i64> {
    [&[batch_size], shape].concat()
}

/// torchvision's `F.normalize`: subtracts the mean, then divides by the standard deviation, in
/// float32.
fn normalize(input: &Tensor, mean: f32, std: f32) -> Tensor {
    let (mean, std) = (Tensor::from(mean), Tensor::from(std));
    (input - mean) / std
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::Digits;

    struct Rows;

    impl Transform for Rows {
        const SHAPE: &'static [i64] = &[28, 28];
        const NORMALIZE: Option<(f32, f32)> = Some((0.1307, 0.3081));
    }

    /// For each of the 256 pixel values. Multiplying by 1 / std would give other bits.
    #[test]
    fn pixels_are_normalized_in_float32() {
        let mut pixels: Vec<u8> = (0..=255).collect();
        pixels.resize(784, 0);
        let input =
            Transformed::<Digits, Rows>::to_input(&Tensor::from_slice(&pixels).view([1, 784]));
        assert_eq!(input.size(), [1, 28, 28]);
        let found = Vec::<f32>::try_from(input.view(-1)).unwrap();
        let scaled = |pixel: u8| f32::from(pixel) / 255. - 0.1307f32;
        for (&pixel, found) in pixels.iter().zip(&found) {
            let expected = scaled(pixel) / 0.3081f32;
            assert_eq!(found.to_bits(), expected.to_bits(), "pixel {pixel}");
        }
        let multiplied = |&pixel: &u8| scaled(pixel) * (1. / 0.3081f32);
        assert!(!pixels.iter().map(multiplied).eq(found));
    }
}
