//! Readers of data sets in their published file formats, plain or compressed.
//!
//! | reader | file | features | targets |
//! | --- | --- | --- | --- |
//! | [`mnist`] | four IDX files | uint8 `(N, 784)` | int64 `(N,)` |
//! | [`medmnist`] | one `.npz` | uint8 `(N, 784)` | float32 `(N, 1)` |
//! | [`ames`] | one `.csv` | float32 `(N, 10)` | float32 `(N, 1)` |
//! | [`picture`], [`digit`] | a PNG or JPEG | uint8 `(1, 784)` | |
//! | [`text`] | one `.txt`, UTF-8 | uint8 `(N, 64)` | uint8 `(N, 64)` |
//!
//! A size that a header announces is first checked against the size of the file, and memory is only
//! allocated as data arrives. A damaged file is an error of one line.
//!
//! Since compressed files can expand greatly, there are these limits besides the size of the file:
//!
//! | content | at most | memory for it |
//! | --- | --- | --- |
//! | IDX, compressed; an array of a `.npz` | 1 GiB decompressed, 1.3 million images | 3 times that |
//! | labels | one per image | 17 bytes each |
//! | CSV, plain or compressed | 16 GiB of text | none: it is read as a stream |
//! | a record of a CSV file | 1 MiB, 16,384 fields | the same |
//! | the rows that are kept | 16,777,216 | 44 bytes each, 3 times that while the file is read |
//! | a picture | 67,108,864 pixels | 10 bytes each |
//!
//! A plain IDX file or a text has no limit but its own size; a text needs twice its size in memory.

use tch::{Kind, Tensor};

pub mod ames;
mod bytes;
pub mod digit;
mod gather;
pub mod medmnist;
pub mod mnist;
mod npz;
pub mod picture;
mod records;
mod table;
pub mod text;

pub use gather::Gather;

/// The most bytes to which an IDX file or an array is decompressed.
const MOST_INFLATED: u64 = 1 << 30;

/// The most bytes of a CSV file's text.
const MOST_TEXT: u64 = 1 << 34;

/// The most rows of a CSV file that are kept.
const MOST_ROWS: usize = 1 << 24;

/// The most pixels of a picture: more than those of a 61-megapixel camera.
const MOST_PIXELS: u64 = 1 << 26;

/// The features and targets of a set of samples, on the CPU.
#[derive(Debug)]
pub struct Samples {
    /// The features, from which the network's input is made: `(N, …)` of any shape and dtype, such
    /// as uint8 pixels `(N, 784)`, float32 numbers `(N, 10)` or int64 tokens `(N, T)`.
    pub features: Tensor,
    /// The expected answers: `(N, …)`, such as int64 classes `(N,)` or float32 `(N, 1)`.
    pub targets: Tensor,
}

impl Samples {
    /// The number of samples.
    pub fn len(&self) -> i64 {
        self.features.size()[0]
    }

    /// Returns true if there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The features and the targets of the samples at `indices`, int64 `(B,)`.
    pub fn batch(&self, indices: &Tensor) -> (Tensor, Tensor) {
        (
            self.features.index_select(0, indices),
            self.targets.index_select(0, indices),
        )
    }
}

/// The samples of a data set, by purpose.
#[derive(Debug)]
pub struct Splits {
    /// For the training steps.
    pub train: Samples,
    /// For evaluation between epochs, if the data set has such samples.
    pub validation: Option<Samples>,
    /// For the final evaluation.
    pub test: Samples,
    /// A note about the reading for the user, one line on stderr.
    pub note: Option<String>,
}

impl Splits {
    /// All samples, by purpose.
    pub fn all(&self) -> impl Iterator<Item = &Samples> {
        [
            Some(&self.train),
            self.validation.as_ref(),
            Some(&self.test),
        ]
        .into_iter()
        .flatten()
    }

    /// The samples for evaluation between epochs, and their name: the validation samples or, if
    /// there are none, the test samples.
    pub fn held_back(&self) -> (&'static str, &Samples) {
        match &self.validation {
            Some(samples) => ("validation", samples),
            None => ("test", &self.test),
        }
    }
}

/// Converts uint8 pixels to float32 from 0 to 1, as `torchvision.transforms.ToTensor` does.
pub fn pixels_to_float(pixels: &Tensor) -> Tensor {
    pixels.to_kind(Kind::Float) / 255.
}

/// The pixels along one side of a picture.
const SIDE: usize = 28;

/// The pixels of a picture.
pub(crate) const PIXELS: usize = SIDE * SIDE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_equals_the_contents_of_the_file() {
        let samples = Samples {
            features: Tensor::from_slice(&[0u8, 51, 255]).view([3, 1]),
            targets: Tensor::from_slice(&[7i64, 8, 9]),
        };
        let (features, targets) = samples.batch(&Tensor::from_slice(&[2i64, 1]));
        assert_eq!(features, Tensor::from_slice(&[255u8, 51]).view([2, 1]));
        assert_eq!(targets, Tensor::from_slice(&[9i64, 8]));
        let pixels = pixels_to_float(&features);
        assert_eq!(pixels, Tensor::from_slice(&[1f32, 0.2]).view([2, 1]));
    }
}
