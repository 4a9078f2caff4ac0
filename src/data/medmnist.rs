//! Medical pictures in two classes: PneumoniaMNIST and the other binary data sets of MedMNIST.
//!
//! Source of the layout: <https://medmnist.com>.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::Tensor;

use crate::torch::serialization::npy::Header;
use crate::torch::shown;

use super::bytes::only_file;
use super::npz::{Archive, Array, description};
use super::{MOST_INFLATED, PIXELS, SIDE, Samples, Splits};

const SETS: [&str; 3] = ["train", "val", "test"];

/// Reads the 28×28 grey pictures and the labels 0 and 1 of the three sets: features uint8
/// `(N, 784)`, targets float32 `(N, 1)`.
///
/// `path` is the `.npz` file, or a folder with a single one. It contains `train_images`,
/// `train_labels`, and the same for `val` and `test`: images uint8 `(N, 28, 28)`, labels integers
/// `(N, 1)` or `(N,)`.
///
/// # Errors
/// If the file is missing, damaged, or not an `.npz` file; if an array is missing, empty, or has
/// another dtype, shape or order; if a label is neither 0 nor 1; or if the numbers of images and
/// labels differ.
pub fn read(path: &Path) -> Result<Splits> {
    let path = only_file(path, &[".npz"])?;
    let archive = Archive::open(&path)?;
    read_sets(&archive).with_context(|| path.display().to_string())
}

fn read_sets(archive: &Archive) -> Result<Splits> {
    check_names(archive)?;
    // All counts are compared before a picture is inflated.
    let [train, validation, test] = SETS.map(|set| Set::check(archive, set));
    let (train, validation, test) = (train?, validation?, test?);
    Ok(Splits {
        train: train.read(archive)?,
        validation: Some(validation.read(archive)?),
        test: test.read(archive)?,
        note: None,
    })
}

/// Returns an error unless all six arrays exist.
fn check_names(archive: &Archive) -> Result<()> {
    let wanted = SETS.map(|set| [images_name(set), labels_name(set)]);
    let wanted: Vec<String> = wanted.into_iter().flatten().collect();
    let found: Vec<&str> = archive.names().collect();
    if let Some(missing) = wanted.iter().find(|name| !found.contains(&name.as_str())) {
        bail!(
            "the array {missing} is missing; expected {}; found {}",
            wanted.join(", "),
            shown(&found.join(", "))
        );
    }
    Ok(())
}

fn images_name(set: &str) -> String {
    format!("{set}_images")
}

fn labels_name(set: &str) -> String {
    format!("{set}_labels")
}

/// The headers of the two arrays of a set.
struct Set {
    name: &'static str,
    images: Header,
    labels: Header,
}

impl Set {
    /// Returns an error unless the headers are those of as many labels as images.
    fn check(archive: &Archive, name: &'static str) -> Result<Self> {
        let images = archive.header(&images_name(name))?;
        let is_fit = images.dtype == "|u1" && images.shape.get(1..) == Some(&[SIDE as u64; 2]);
        ensure!(
            is_fit,
            "{}: expected |u1 of shape (N, {SIDE}, {SIDE}), found {}",
            images_name(name),
            description(&images)
        );
        archive.check(&images_name(name), &images)?;
        let bytes = images.bytes().filter(|&bytes| bytes <= MOST_INFLATED);
        ensure!(
            bytes.is_some(),
            "{}: expected at most {MOST_INFLATED} bytes, found an array of shape {}",
            images_name(name),
            images.shape_text()
        );
        let labels = archive.header(&labels_name(name))?;
        ensure!(
            matches!(labels.shape[..], [_] | [_, 1]) && is_integer(&labels.dtype),
            "{}: expected integers of shape (N, 1) or (N,), found {}",
            labels_name(name),
            description(&labels)
        );
        archive.check(&labels_name(name), &labels)?;
        ensure!(
            images.shape[0] > 0,
            "{}: expected images, found 0",
            images_name(name)
        );
        ensure!(
            images.shape[0] == labels.shape[0],
            "{} has {} images, but {} has {} labels",
            images_name(name),
            images.shape[0],
            labels_name(name),
            labels.shape[0]
        );
        Ok(Self {
            name,
            images,
            labels,
        })
    }

    fn read(self, archive: &Archive) -> Result<Samples> {
        let array = archive.array(&images_name(self.name), self.images)?;
        let features = Tensor::f_from_slice(&array.elements)?.f_view([-1, PIXELS as i64])?;
        drop(array);
        let name = labels_name(self.name);
        let labels = archive.array(&name, self.labels)?;
        Ok(Samples {
            features,
            targets: targets(&labels).with_context(|| name)?,
        })
    }
}

fn is_integer(dtype: &str) -> bool {
    matches!(
        dtype.as_bytes(),
        [b'<' | b'>' | b'|', b'i' | b'u', b'1' | b'2' | b'4' | b'8']
    )
}

/// The labels as targets, float32 `(N, 1)`.
fn targets(array: &Array) -> Result<Tensor> {
    let mut labels = Vec::new();
    for (index, label) in array.integers().into_iter().flatten().enumerate() {
        ensure!(
            label == 0 || label == 1,
            "expected two classes, 0 and 1, found the label {label} at index {index}"
        );
        labels.push(label as f32);
    }
    Ok(Tensor::f_from_slice(&labels)?.f_view([-1, 1])?)
}
