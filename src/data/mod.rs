//! Data in the files in which it is published, plain or compressed, as tensors.
//!
//! | reader | file | features | targets |
//! | --- | --- | --- | --- |
//! | [`mnist`] | four IDX files | uint8 `(N, 784)` | int64 `(N,)` |
//! | [`medmnist`] | one `.npz` | uint8 `(N, 784)` | float32 `(N, 1)` |
//! | [`ames`] | one `.csv` | float32 `(N, 10)` | float32 `(N, 1)` |
//! | [`picture`] | a PNG or JPEG | uint8 `(1, 784)` | |
//! | [`text`] | one `.txt`, UTF-8 | uint8 `(N, 64)` | uint8 `(N, 64)` |
//!
//! What a header announces is never allocated before it is there: it is first held against the
//! size of the file, and read no further than announced. A damaged file is refused in one line.
//!
//! Compression makes a small file of a large one. These are the limits beside the size of the file:
//!
//! | what | at most | memory for it |
//! | --- | --- | --- |
//! | IDX, compressed; an array of a `.npz` | 1 GiB decompressed, 1.3 million images | 3 times that |
//! | labels | one an image | 17 bytes each |
//! | CSV, plain or compressed | 16 GiB of text | none: it is read as a stream |
//! | a record of it | 1 MiB, 16,384 fields | that |
//! | its rows that are kept | 16,777,216 | 44 bytes each, 3 times that while it is read |
//! | a picture | 67,108,864 pixels | 10 bytes each |
//!
//! A plain IDX file or a text is as large as it likes: its size is the limit; a text is read into
//! twice that.

use tch::{Kind, Tensor};

pub mod ames;
mod bytes;
mod gather;
pub mod medmnist;
pub mod mnist;
mod npz;
pub mod picture;
mod records;
mod table;
pub mod text;

pub use gather::Gather;

/// The most bytes that an IDX file or an array is decompressed to.
const MOST_INFLATED: u64 = 1 << 30;

/// The most bytes of a CSV file's text.
const MOST_TEXT: u64 = 1 << 34;

/// The most rows that are kept of a CSV file.
const MOST_ROWS: usize = 1 << 24;

/// The most pixels of a picture, more than a camera with 61 megapixels takes.
const MOST_PIXELS: u64 = 1 << 26;

/// Features and targets, sample by sample, on the CPU.
#[derive(Debug)]
pub struct Samples {
    /// What the network's input is made of: `(N, …)` of any shape and dtype, such as uint8 pixels
    /// `(N, 784)`, float32 numbers `(N, 10)` or int64 tokens `(N, T)`.
    pub features: Tensor,
    /// What it has to answer: `(N, …)`, such as int64 classes `(N,)` or float32 `(N, 1)`.
    pub targets: Tensor,
}

impl Samples {
    /// How many samples there are.
    pub fn len(&self) -> i64 {
        self.features.size()[0]
    }

    /// Whether there are none.
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

/// The samples of a data set, by what they are for.
#[derive(Debug)]
pub struct Splits {
    /// For the training steps.
    pub train: Samples,
    /// For a look in between, where the data set sets some apart.
    pub validation: Option<Samples>,
    /// For the final verdict.
    pub test: Samples,
    /// What the user has to know of the reading, one line for stderr.
    pub note: Option<String>,
}

impl Splits {
    /// All samples, by what they are for.
    pub fn all(&self) -> impl Iterator<Item = &Samples> {
        [
            Some(&self.train),
            self.validation.as_ref(),
            Some(&self.test),
        ]
        .into_iter()
        .flatten()
    }

    /// The samples for a look in between, and what they are called: those for validation or, where
    /// there are none, the test samples.
    pub fn held_back(&self) -> (&'static str, &Samples) {
        match &self.validation {
            Some(samples) => ("validation", samples),
            None => ("test", &self.test),
        }
    }
}

/// Pixels as a network takes them: from uint8 to float32 from 0 to 1, as by
/// `torchvision.transforms.ToTensor`.
pub fn pixels_to_float(pixels: &Tensor) -> Tensor {
    pixels.to_kind(Kind::Float) / 255.
}

/// The pixels along one side of a picture that the networks take.
const SIDE: usize = 28;

/// The pixels of such a picture.
pub(crate) const PIXELS: usize = SIDE * SIDE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_what_the_file_had() {
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
