//! Medical pictures in two classes: PneumoniaMNIST and the other binary data sets of MedMNIST.
//!
//! Source of the layout: <https://medmnist.com>.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::Tensor;

use crate::torch::shown;

use super::bytes::only_file;
use super::npz::{Archive, Array};
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
    let mut archive = Archive::open(&path)?;
    read_sets(&mut archive).with_context(|| path.display().to_string())
}

fn read_sets(archive: &mut Archive) -> Result<Splits> {
    check_names(archive)?;
    let [train, validation, test] = SETS.map(|set| read_set(archive, set));
    Ok(Splits {
        train: train?,
        validation: Some(validation?),
        test: test?,
        note: None,
    })
}

/// Returns an error unless all six arrays exist.
fn check_names(archive: &Archive) -> Result<()> {
    let wanted = SETS.map(|set| [images_name(set), labels_name(set)]);
    let wanted: Vec<String> = wanted.into_iter().flatten().collect();
    let found: Vec<String> = archive.names().collect();
    if let Some(missing) = wanted.iter().find(|name| !found.contains(name)) {
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

fn read_set(archive: &mut Archive, set: &str) -> Result<Samples> {
    let features = read_images(archive, &images_name(set))?;
    let targets = read_labels(archive, &labels_name(set), features.size()[0])?;
    let samples = Samples { features, targets };
    let (images, labels) = (samples.len(), samples.targets.size()[0]);
    ensure!(
        images == labels,
        "{} has {images} images, but {} has {labels} labels",
        images_name(set),
        labels_name(set)
    );
    Ok(samples)
}

/// Pixels, uint8 `(N, 784)`.
fn read_images(archive: &mut Archive, name: &str) -> Result<Tensor> {
    let array = archive.array(name, MOST_INFLATED)?;
    let images = |array: &Array| {
        let is_fit = array.dtype == "|u1" && array.shape.get(1..) == Some(&[SIDE as u64; 2]);
        ensure!(
            is_fit,
            "expected |u1 of shape (N, {SIDE}, {SIDE}), found {}",
            description(array)
        );
        array.check_length(1)?;
        ensure!(array.shape[0] > 0, "expected images, found 0");
        Ok(Tensor::f_from_slice(&array.elements)?.f_view([-1, PIXELS as i64])?)
    };
    images(&array).with_context(|| name.to_owned())
}

/// The labels of `count` images, float32 `(N, 1)`.
fn read_labels(archive: &mut Archive, name: &str, count: i64) -> Result<Tensor> {
    // At most eight bytes for each label. A few too many are detected later.
    let array = archive.array(name, 8 * count as u64)?;
    let labels = |array: &Array| {
        let integers = match array.shape[..] {
            [_] | [_, 1] => array.integers()?,
            _ => None,
        };
        let integers = integers.with_context(|| {
            let found = description(array);
            format!("expected integers of shape (N, 1) or (N,), found {found}")
        })?;
        let mut labels = Vec::new();
        for (index, label) in integers.enumerate() {
            ensure!(
                label == 0 || label == 1,
                "expected two classes, 0 and 1, found the label {label} at index {index}"
            );
            labels.push(label as f32);
        }
        Ok(Tensor::f_from_slice(&labels)?.f_view([-1, 1])?)
    };
    labels(&array).with_context(|| name.to_owned())
}

/// The dtype and the shape of an array.
fn description(array: &Array) -> String {
    format!("{} of shape {}", array.dtype, array.shape_text())
}
