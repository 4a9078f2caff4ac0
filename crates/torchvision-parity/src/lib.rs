//! torchvision's way from a picture in a file to the input of a network, with Pillow's bits.
//!
//! Models come with a preprocessing that is stated in torchvision's transforms. A program that
//! scales a picture in another way gives the network another input. The functions here have the
//! names and arguments of `torchvision.transforms.functional` for a Pillow image; each result is
//! equal to Python's, pixel by pixel and bit by bit.
//!
//! ```no_run
//! use torchvision_parity::transforms::{InterpolationMode, center_crop, normalize, resize, to_tensor};
//! use torchvision_parity::Image;
//!
//! # fn main() -> torchvision_parity::Result<()> {
//! let image = Image::open("photo.png")?;
//! let image = resize(&image, 256, InterpolationMode::Bilinear)?;
//! let image = center_crop(&image, [224, 224])?;
//! let pixels = normalize(&to_tensor(&image), &[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225])?;
//! assert_eq!(pixels.size(), [3, 224, 224]);
//! # Ok(())
//! # }
//! ```
//!
//! PNG is decoded to Pillow's pixels. JPEG leaves the decoder some freedom: Pillow's is
//! libjpeg-turbo, ours is another, and single pixels differ by a few of 255 steps.

mod error;
mod image;
mod resample;
pub mod transforms;

pub use error::{Error, Result};
pub use image::Image;
