//! The data readers give the same bits as Python's own readers.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;
use final_layer::data::{Splits, ames, medmnist, mnist};
use final_layer::torch::serialization::{NamedTensors, read_safetensors};
use tch::Tensor;
use tempfile::TempDir;

use testing::files::{HOUSE, houses};
use testing::{python_code, same_bits};

/// Small data sets written by Python.
fn written_by_python() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    python_code("tests/python/write_data.py", &[folder.path().as_os_str()]);
    folder
}

/// The data sets as read by Python.
fn read_by_python(kind: &str, paths: &[PathBuf]) -> Vec<NamedTensors> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<&OsStr> = paths.iter().map(|path| path.as_os_str()).collect();
    let args = [&[kind.as_ref(), folder.path().as_os_str()], &paths[..]].concat();
    python_code("tests/python/read_data.py", &args);
    let files = (0..paths.len()).map(|index| folder.path().join(format!("{index}.safetensors")));
    files.map(|file| read_safetensors(&file).unwrap()).collect()
}

/// The tensors of a data set by name.
fn named(splits: &Splits) -> NamedTensors {
    let sets = [
        ("train", Some(&splits.train)),
        ("validation", splits.validation.as_ref()),
        ("test", Some(&splits.test)),
    ];
    let mut tensors = NamedTensors::new();
    for (name, samples) in sets {
        if let Some(samples) = samples {
            tensors.insert(format!("{name}.features"), samples.features.shallow_clone());
            tensors.insert(format!("{name}.targets"), samples.targets.shallow_clone());
        }
    }
    tensors
}

/// Checks that Rust and Python read the same from each of `paths`; returns Rust's.
fn check(kind: &str, read: fn(&Path) -> Result<Splits>, paths: &[PathBuf]) -> Vec<Splits> {
    let compare = |(path, expected): (&PathBuf, NamedTensors)| {
        let splits = read(path).unwrap();
        let found = named(&splits);
        assert!(found.keys().eq(expected.keys()), "{kind}: other tensors");
        for (name, tensor) in &found {
            let same = same_bits(tensor, &expected[name]);
            assert!(same, "{}: {name} differs", path.display());
            assert!(tensor.is_contiguous(), "{name} does not lie in order");
        }
        splits
    };
    let expected = read_by_python(kind, paths);
    paths.iter().zip(expected).map(compare).collect()
}

#[test]
fn pictures_of_two_classes() {
    let folder = written_by_python();
    let files = fs::read_dir(folder.path()).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let is_npz = |path: &PathBuf| path.extension() == Some("npz".as_ref());
    let paths: Vec<PathBuf> = paths.filter(is_npz).collect();
    assert_eq!(paths.len(), 14);
    for splits in check("medmnist", medmnist::read, &paths) {
        assert_eq!(splits.validation.unwrap().features.size(), [3, 784]);
    }
}

#[test]
fn digits() {
    let folder = written_by_python();
    let paths = ["plain", "gzip"].map(|name| folder.path().join(name));
    let read = check("mnist", mnist::read, &paths);
    for (path, splits) in paths.iter().zip(read) {
        assert_eq!(splits.train.features.size(), [7, 784]);
        // In torchvision's folder layout, and by any of the files.
        let root = path.with_extension("root");
        fs::create_dir_all(root.join("MNIST")).unwrap();
        symlink(path, root.join("MNIST/raw")).unwrap();
        let file = fs::read_dir(path).unwrap().next().unwrap().unwrap();
        for other in [&root, &root.join("MNIST"), &file.path()] {
            let again = named(&mnist::read(other).unwrap());
            assert_eq!(again, named(&splits), "{}", other.display());
        }
    }
}

#[test]
fn prices_of_houses() {
    let folder = written_by_python();
    let names = ["published.csv", "published.csv.gz", "competition.csv"];
    let paths = names.map(|name| folder.path().join(name));
    for splits in check("ames", ames::read, &paths) {
        let note = splits.note.unwrap();
        assert_eq!(note, "2 of 57 rows lack a value and are left out");
        assert_eq!(splits.train.features.size(), [44, 10]);
        assert_eq!(splits.test.targets.size(), [11, 1]);
    }
}

#[test]
fn houses_without_a_price() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("houses.csv");
    let unsold = HOUSE.replace("215000", "NA");
    fs::write(&path, houses(&[HOUSE, &unsold])).unwrap();
    let (features, lines, note) = ames::read_features(&path).unwrap();
    assert_eq!(features.size(), [2, 10]);
    assert_eq!((lines, note), (vec![2, 3], None));

    let (without_price, _) = HOUSE.rsplit_once(',').unwrap();
    let rows = [&without_price.replace("1656", ""), "", without_price];
    fs::write(&path, houses(&rows).replace(",SalePrice", "")).unwrap();
    let (features, lines, note) = ames::read_features(&path).unwrap();
    let expected = [0.6f32, 1.656, 0.2, 0.528, 1.08, 1.656, 0.1, 0.7, 0.2, 0.22];
    let expected = Tensor::from_slice(&expected).view([1, 10]);
    assert!(same_bits(&features, &expected), "{features}");
    assert_eq!(lines, [4]);
    let note = note.unwrap();
    assert_eq!(note, "1 of 2 rows lacks a value and is left out");
}

/// The real data set in that folder.
fn real(name: &str) -> PathBuf {
    let data = std::env::var_os("FINAL_LAYER_DATA").expect("FINAL_LAYER_DATA is not set");
    PathBuf::from(data).join(name)
}

#[test]
#[ignore = "needs real digits: FINAL_LAYER_DATA=<folder with mnist/> cargo test -- --ignored"]
fn real_digits() {
    let splits = check("mnist", mnist::read, &[real("mnist")]);
    assert!(!splits[0].train.is_empty());
}

#[test]
#[ignore = "needs real X-rays: FINAL_LAYER_DATA=<folder with pneumonia/> cargo test -- --ignored"]
fn real_xrays() {
    let folder = real("pneumonia");
    let splits = check(
        "medmnist",
        medmnist::read,
        &[folder.join("pneumoniamnist.npz")],
    );
    assert_eq!(named(&medmnist::read(&folder).unwrap()), named(&splits[0]));
    assert!(!splits[0].train.is_empty());
}

#[test]
#[ignore = "needs real houses: FINAL_LAYER_DATA=<folder with ames/> cargo test -- --ignored"]
fn real_houses() {
    let splits = check("ames", ames::read, &[real("ames/AmesHousing.csv")]);
    let note = splits[0].note.as_deref();
    assert_eq!(note, Some("2 of 2,930 rows lack a value and are left out"));
    assert_eq!([splits[0].train.len(), splits[0].test.len()], [2343, 585]);
}
