//! The functions of `torchvision.transforms.functional` for a Pillow image, and
//! `torchvision.transforms.InterpolationMode`.

use tch::{Kind, Tensor};

use crate::resample::resample;
use crate::{Error, Image, Result};

/// The filter of [`resize`]. Pillow scales the filter with the picture (`antialias`).
///
/// `Nearest` is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum InterpolationMode {
    #[default]
    Bilinear,
    Bicubic,
    Box,
    Hamming,
    Lanczos,
}

/// The size that [`resize`] gives: the shorter side, or height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The shorter side becomes this; the longer one keeps the proportion and loses its fraction.
    Shorter(usize),
    /// Height and width.
    Exact([usize; 2]),
}

impl From<usize> for Size {
    fn from(side: usize) -> Self {
        Self::Shorter(side)
    }
}

impl From<[usize; 2]> for Size {
    fn from(sides: [usize; 2]) -> Self {
        Self::Exact(sides)
    }
}

impl Size {
    /// Width and height of a picture that had these before.
    fn of(self, width: usize, height: usize) -> (usize, usize) {
        match self {
            Self::Exact([height, width]) => (width, height),
            Self::Shorter(side) => {
                let (short, long) = (width.min(height), width.max(height));
                // As Python: a quotient of float64, cut to an integer.
                let longer = (side.saturating_mul(long) as f64 / short as f64) as usize;
                if width <= height {
                    (side, longer)
                } else {
                    (longer, side)
                }
            }
        }
    }
}

/// Scales a picture: `functional.resize(img, size, interpolation)`.
///
/// # Errors
/// If a side of the new picture is zero or larger than 65,535.
pub fn resize(
    image: &Image,
    size: impl Into<Size>,
    interpolation: InterpolationMode,
) -> Result<Image> {
    let (width, height) = size.into().of(image.width(), image.height());
    for side in [width, height] {
        if !(1..=usize::from(u16::MAX)).contains(&side) {
            return Err(Error::Argument(format!(
                "resize: expected sides of 1 to 65535 pixels, found {width}×{height}"
            )));
        }
    }
    Ok(resample(image, width, height, interpolation))
}

/// The middle of a picture, `[height, width]`: `functional.center_crop(img, output_size)`.
///
/// # Errors
/// If the picture is smaller than that. Python would surround it with black.
pub fn center_crop(image: &Image, [height, width]: [usize; 2]) -> Result<Image> {
    if height > image.height() || width > image.width() || height * width == 0 {
        return Err(Error::Argument(format!(
            "center_crop: expected a picture of at least {width}×{height}, found {}×{}",
            image.width(),
            image.height()
        )));
    }
    let top = half_to_even(image.height() - height);
    let left = half_to_even(image.width() - width);
    let row = image.width() * Image::CHANNELS;
    let rows = image.pixels().chunks_exact(row).skip(top).take(height);
    let columns = left * Image::CHANNELS..(left + width) * Image::CHANNELS;
    let pixels = rows.flat_map(|row| &row[columns.clone()]).copied();
    Image::new(width, height, pixels.collect())
}

/// Half of a number; halves go to the even neighbour, as Python's `round` has it.
fn half_to_even(number: usize) -> usize {
    let half = number / 2;
    half + usize::from(number % 2 == 1 && half % 2 == 1)
}

/// `(3, H, W)` float32 from 0 to 1: `functional.to_tensor(pic)`.
pub fn to_tensor(image: &Image) -> Tensor {
    let sides = [image.height(), image.width(), Image::CHANNELS].map(|side| side as i64);
    Tensor::from_slice(image.pixels())
        .view(sides)
        .permute([2, 0, 1])
        .contiguous()
        .to_kind(Kind::Float)
        / 255.
}

/// `(x - mean) / std` for each channel of `(3, H, W)`: `functional.normalize(tensor, mean, std)`.
///
/// # Errors
/// If mean and std are not one number or one for each channel, or a std is zero in float32.
pub fn normalize(tensor: &Tensor, mean: &[f64], std: &[f64]) -> Result<Tensor> {
    let channels = tensor.size().first().copied().unwrap_or_default();
    for (name, values) in [("mean", mean), ("std", std)] {
        if values.len() != 1 && values.len() as i64 != channels {
            return Err(Error::Argument(format!(
                "normalize: expected {channels} numbers as {name}, found {}",
                values.len()
            )));
        }
    }
    if std.iter().any(|&value| value as f32 == 0.) {
        return Err(Error::Argument(
            "normalize: expected numbers other than 0 as std, found 0".to_owned(),
        ));
    }
    let of = |values: &[f64]| {
        Tensor::from_slice(values)
            .to_kind(Kind::Float)
            .view([-1, 1, 1])
    };
    Ok((tensor - of(mean)) / of(std))
}
