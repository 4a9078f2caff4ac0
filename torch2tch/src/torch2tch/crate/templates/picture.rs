//! The preprocessing of a picture, in torchvision's names.

use std::path::Path;

use tch::Tensor;
use torchvision_parity::transforms::{$transform_names};
use torchvision_parity::{Image, Result};

/// The network's input of a PNG or a JPEG, `(1, 3, H, W)` float32.
///
/// # Errors
/// If the file is no picture, or one that is too small.
pub fn read(path: &Path) -> Result<Tensor> {
    let image = Image::open(path)?;
    $statements
    Ok(pixels.unsqueeze(0))
}
