//! The errors of the data readers, with the real executables, which write nothing in that case.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use final_layer::networks::{DigitClassifier, HousePricePredictor};
use final_layer::tasks::{Model, Network};
use final_layer::torch::serialization::OutputFile;
use final_layer::torch::serialization::save_state_dict;
use image::{GrayImage, ImageFormat, RgbImage};
use tch::Device;
use tempfile::TempDir;
use zip::CompressionMethod;

use testing::files::{
    HOUSE, HOUSE_COLUMNS, encode, gzip, houses, idx, idx_images, idx_labels, medmnist as arrays,
    mnist as files, npy, npy_with_header, npz,
};
use testing::{example, lock_generator};

fn train_digits(data: &Path) -> Command {
    train("digit_classifier", data)
}

fn train_pneumonia(data: &Path) -> Command {
    train("binary_classifier", data)
}

fn train_houses(data: &Path) -> Command {
    train("house_price_predictor", data)
}

/// A training command that would write two files beside the data.
fn train(network: &str, data: &Path) -> Command {
    let mut command = example(network);
    command.args(["train", "--epochs=1", "--data"]).arg(data);
    for (option, ending) in [("--output", "safetensors"), ("--checkpoint", "checkpoint")] {
        command.arg(option).arg(data.with_extension(ending));
    }
    command
}

fn predict_houses(input: &Path) -> Command {
    predict::<HousePricePredictor>(input)
}

fn predict_picture(input: &Path) -> Command {
    predict::<DigitClassifier>(input)
}

fn predict<N: Network>(input: &Path) -> Command {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
    let weights = FOLDER.path().join(format!("{}.safetensors", N::NAME));
    {
        let _generator = lock_generator();
        if !weights.exists() {
            let file = OutputFile::create(&weights).unwrap();
            save_state_dict(&Model::<N>::new(Device::Cpu).vs, file).unwrap();
        }
    }
    let mut command = example(N::NAME);
    command
        .args(["predict", "--weights"])
        .arg(weights)
        .arg(input);
    command
}

/// The error in one line, with the test's folder written as `F`; checks that nothing is written
/// there.
fn refusal(command: fn(&Path) -> Command, path: &Path, folder: &Path) -> String {
    let before = names(folder);
    let line = testing::refusal(&mut command(path));
    assert_eq!(names(folder), before);
    let line = line.strip_prefix("error: ").unwrap();
    line.replace(folder.to_str().unwrap(), "F")
}

fn names(folder: &Path) -> HashSet<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

/// The error for a file with that name and content.
fn refuse(command: fn(&Path) -> Command, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    refusal(command, &path, folder.path())
}

/// The error for the files of MNIST with one of them changed or, if `None`, removed.
fn refuse_mnist(name: &str, bytes: Option<Vec<u8>>) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (file, good) in files(5, 2) {
        fs::write(folder.path().join(file), good).unwrap();
    }
    fs::remove_file(folder.path().join(name.trim_end_matches(".gz"))).unwrap();
    if let Some(bytes) = bytes {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    refusal(train_digits, folder.path(), folder.path())
}

#[test]
fn mnist_images() {
    const NAME: &str = "train-images-idx3-ubyte";
    let refuse = |bytes: &[u8]| refuse_mnist(NAME, Some(bytes.to_vec()));
    let good = idx_images(5);
    assert_eq!(
        refuse_mnist(NAME, None),
        format!(
            "F: neither {NAME} nor {NAME}.gz was found; scripts/download.py mnist downloads MNIST"
        )
    );
    assert_eq!(
        refuse(&[]),
        format!("F/{NAME}: cannot read its header: failed to fill whole buffer")
    );
    assert_eq!(
        refuse(&idx_labels(5)),
        format!("F/{NAME}: expected the magic number 0x00000803, found 0x00000801")
    );
    assert_eq!(
        refuse(&idx(&[0x803, 5, 32, 32], &[])),
        format!("F/{NAME}: expected images of 28×28, found 32×32")
    );
    assert_eq!(
        refuse(&idx(&[0x803, 0, 28, 28], &[])),
        format!("F/{NAME}: expected images, found 0")
    );
    assert_eq!(
        refuse(&idx(&[0x803, u32::MAX, 28, 28], &[0; 784])),
        format!(
            "F/{NAME}: its header announces 4294967295 images, 3367254359280 bytes, but a file of \
             its size holds at most 800"
        )
    );
    assert_eq!(
        refuse(&good[..good.len() - 1]),
        format!("F/{NAME}: expected 3920 bytes of data, found 3919")
    );
    assert_eq!(
        refuse(&[&good[..], &[0]].concat()),
        format!("F/{NAME}: expected 3920 bytes of data, found more")
    );
    assert_eq!(
        refuse(&idx_images(4)),
        format!("F/{NAME} has 4 images, but F/train-labels-idx1-ubyte has 5 labels")
    );
}

#[test]
fn mnist_compressed() {
    const NAME: &str = "t10k-images-idx3-ubyte.gz";
    let mut cut = gzip(&idx_images(2));
    cut.truncate(cut.len() - 9);
    let refused = refuse_mnist(NAME, Some(cut));
    assert!(
        refused.starts_with(&format!("F/{NAME}: damaged or cut short: ")),
        "{refused}"
    );
    let mut damaged = gzip(&idx_images(2));
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    assert_eq!(
        refuse_mnist(NAME, Some(damaged)),
        format!(
            "F/{NAME}: damaged or cut short: corrupt gzip stream does not have a matching checksum"
        )
    );
}

#[test]
fn mnist_labels_and_paths() {
    const NAME: &str = "t10k-labels-idx1-ubyte";
    assert_eq!(
        refuse_mnist(NAME, Some(idx(&[0x801, 2], &[9, 10]))),
        format!("F/{NAME}: expected labels 0 to 9, found 10 at index 1")
    );
    assert_eq!(
        refuse(train_digits, "digits.gz", ""),
        "F/digits.gz: expected the folder of the MNIST files or one of them, such as \
         train-images-idx3-ubyte"
    );
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        refusal(train_digits, &folder.path().join("missing"), folder.path()),
        "cannot read F/missing; scripts/download.py mnist downloads MNIST: No such file or directory (os error 2)"
    );
}

/// A file that exists but cannot be opened is not reported as missing.
#[cfg(unix)]
#[test]
fn mnist_files_that_cannot_be_opened() {
    const NAME: &str = "train-images-idx3-ubyte";
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(NAME, folder.path().join(NAME)).unwrap();
    let refused = refusal(train_digits, folder.path(), folder.path());
    assert_eq!(
        refused,
        format!("cannot read F/{NAME}: Too many levels of symbolic links (os error 40)")
    );
}

/// Labels, each of which becomes eight bytes, are not read if there are more than images.
#[test]
fn more_labels_than_images() {
    const NAME: &str = "t10k-labels-idx1-ubyte.gz";
    let labels = gzip(&idx(&[0x801, 50_000_000], &vec![0; 50_000_000]));
    assert_eq!(
        refuse_mnist(NAME, Some(labels)),
        format!("F/t10k-images-idx3-ubyte has 2 images, but F/{NAME} has 50000000 labels")
    );
    assert_eq!(
        refuse_array(
            "val_labels",
            Some(npy("|u1", "(50000000, 1)", &vec![0; 50_000_000]))
        ),
        "val_images has 1 images, but val_labels has 50000000 labels"
    );
}

/// The error for the small data set with one of its arrays changed or, if `None`, removed.
fn refuse_array(name: &str, array: Option<Vec<u8>>) -> String {
    let mut arrays = arrays();
    let place = arrays.iter().position(|(found, _)| *found == name).unwrap();
    match array {
        Some(array) => arrays[place].1 = array,
        None => drop(arrays.remove(place)),
    }
    let bytes = npz(&arrays, CompressionMethod::Deflated);
    let line = refuse(train_pneumonia, "x.npz", bytes);
    line.strip_prefix("F/x.npz: ").unwrap().to_owned()
}

#[test]
fn invalid_picture_arrays() {
    const NAME: &str = "train_images";
    let refuse = |dtype, shape, bytes: &[u8]| refuse_array(NAME, Some(npy(dtype, shape, bytes)));
    assert_eq!(
        refuse_array("val_labels", None),
        "the array val_labels is missing; expected train_images, train_labels, val_images, \
         val_labels, test_images, test_labels; found \"train_images, val_images, test_images, \
         train_labels, test_labels\""
    );
    let expected = "train_images: expected |u1 of shape (N, 28, 28), found";
    for (dtype, shape) in [
        ("<f4", "(4, 28, 28)"),
        ("|i1", "(4, 28, 28)"),
        ("|u1", "(4, 64, 64)"),
        ("|u1", "(4, 28, 28, 3)"),
        ("|u1", "(4,)"),
        ("|u1", "()"),
    ] {
        assert_eq!(
            refuse(dtype, shape, &[]),
            format!("{expected} {dtype} of shape {shape}")
        );
    }
    assert_eq!(
        refuse("|u1", "(0, 28, 28)", &[]),
        "train_images: expected images, found 0"
    );
    for shape in ["(4, 28, 28)", "(18446744073709551615, 28, 28)"] {
        assert_eq!(
            refuse("|u1", shape, &[0; 7]),
            format!("train_images: its shape {shape} does not match 7 bytes of data")
        );
    }
    assert_eq!(
        refuse("|u1", "(3, 28, 28)", &[0; 3 * 784]),
        "train_images has 3 images, but train_labels has 4 labels"
    );
}

#[test]
fn invalid_label_arrays() {
    const NAME: &str = "test_labels";
    let refuse = |dtype, shape, bytes: &[u8]| refuse_array(NAME, Some(npy(dtype, shape, bytes)));
    assert_eq!(
        refuse("|u1", "(2, 1)", &[0, 8]),
        "test_labels: expected two classes, 0 and 1, found the label 8 at index 1"
    );
    assert_eq!(
        refuse(">i2", "(2,)", &[0, 1, 0xff, 0xfe]),
        "test_labels: expected two classes, 0 and 1, found the label -2 at index 1"
    );
    assert_eq!(
        refuse("<u8", "(2,)", &[0xff; 16]),
        "test_labels: expected two classes, 0 and 1, found the label 18446744073709551615 at \
         index 0"
    );
    let expected = "test_labels: expected integers of shape (N, 1) or (N,), found";
    for (dtype, shape) in [
        ("<f8", "(2, 1)"),
        ("|b1", "(2, 1)"),
        ("|u3", "(2, 1)"),
        ("|O", "(2, 1)"),
        ("|u1", "(2, 2)"),
        ("|u1", "(1, 2)"),
        ("|u1", "()"),
    ] {
        assert_eq!(
            refuse(dtype, shape, &[0; 4]),
            format!("{expected} {dtype} of shape {shape}")
        );
    }
    assert_eq!(
        refuse("<i8", "(2, 1)", &[0; 15]),
        "test_labels: its shape (2, 1) does not match 15 bytes of data"
    );
}

#[test]
fn invalid_headers() {
    let refuse = |bytes| refuse_array("val_images", Some(bytes));
    for bytes in [
        &b""[..],
        b"no array",
        b"\x93NUMPY\x04\x00\x00\x00",
        b"\x93NUMPY\x01\x00\xff\xff{}",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
        b"\x93NUMPY\x01\x00\x01\x00\xff",
    ] {
        assert_eq!(
            refuse(bytes.to_vec()),
            "val_images: expected a .npy file of version 1 to 3"
        );
    }
    // With this nesting, the parser's time would be unacceptable.
    let nested = format!("{{'shape': {}", "[".repeat(80));
    for header in [
        "",
        "nothing",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1.5, 28, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 28)}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (1, 28, 28)}",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,)}",
        &nested,
    ] {
        let refused = refuse(npy_with_header(header, &[0; 784]));
        let expected = "val_images: expected the header of an array, found \"";
        assert!(refused.starts_with(expected), "{header}: {refused}");
    }
    let fortran = "{'descr': '|u1', 'fortran_order': True, 'shape': (1, 28, 28)}";
    assert_eq!(
        refuse(npy_with_header(fortran, &[0; 784])),
        "val_images: expected C order, found Fortran order: save numpy.ascontiguousarray of it"
    );
}

#[test]
fn damaged_archives() {
    for bytes in [
        &b""[..],
        b"text",
        &npz(&arrays(), CompressionMethod::Stored)[..5000],
    ] {
        let refused = refuse(train_pneumonia, "x.npz", bytes);
        let expected = "F/x.npz: expected an .npz file; found no complete zip archive: ";
        assert!(refused.starts_with(expected), "{refused}");
    }
    // A pixel, which the archive's checksum covers.
    let mut bytes = npz(&arrays(), CompressionMethod::Stored);
    bytes[3000] ^= 1;
    let refused = refuse(train_pneumonia, "x.npz", &bytes);
    let expected = "F/x.npz: train_images: its data is damaged: its bytes have the CRC-32 ";
    assert!(refused.starts_with(expected), "{refused}");
    // The sizes in the first entry of the central directory, 20 and 24 bytes after its start.
    let mut bytes = npz(&arrays(), CompressionMethod::Deflated);
    let entry = bytes
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    bytes[entry + 24..entry + 28].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    let refused = refuse(train_pneumonia, "x.npz", &bytes);
    assert!(
        refused.starts_with("F/x.npz: train_images: the archive announces 2147483647 bytes, but "),
        "{refused}"
    );
}

#[test]
fn folders_without_just_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let refused = [
        refusal(train_pneumonia, path, path),
        refusal(train_houses, path, path),
    ];
    assert_eq!(
        refused,
        [
            "F: expected one file *.npz in this folder, found 0",
            "F: expected one file *.csv or *.csv.gz in this folder, found 0"
        ]
    );
    for name in ["a.npz", "b.npz", "a.csv", "b.csv.gz"] {
        fs::write(path.join(name), "").unwrap();
    }
    assert_eq!(
        refusal(train_houses, path, path),
        "F: expected one file *.csv or *.csv.gz in this folder, found 2"
    );
    assert_eq!(
        refusal(train_pneumonia, &path.join("c.npz"), path),
        "cannot read F/c.npz: No such file or directory (os error 2)"
    );
    assert_eq!(
        refusal(predict_picture, path, path),
        "cannot read F: not a regular file"
    );
}

fn refuse_houses(text: impl AsRef<[u8]>) -> String {
    refuse(train_houses, "x.csv", text)
}

#[test]
fn houses_without_a_column() {
    let expected = HOUSE_COLUMNS.replace(',', ", ");
    assert_eq!(
        refuse_houses(houses(&[HOUSE]).replace("Full Bath", "Full Bathroom")),
        format!(
            "F/x.csv: the column Full Bath is missing; expected {expected}; found {:?}…",
            &expected.replace("Full Bath", "Full Bathroom")[..100]
        )
    );
    assert_eq!(
        refuse_houses("Overall\x1b[31m Qual,\n"),
        format!(
            "F/x.csv: the column Overall Qual is missing; expected {expected}; found \
             \"Overall\\u{{1b}}[31m Qual, \""
        )
    );
    assert_eq!(
        refuse_houses(""),
        format!("F/x.csv: the column Overall Qual is missing; expected {expected}; found \"\"")
    );
    for again in ["Gr Liv Area", "GrLivArea"] {
        let columns = HOUSE_COLUMNS.replace("Garage Area", again);
        assert_eq!(
            refuse_houses(format!("{columns}\n{HOUSE}\n")),
            "F/x.csv: the column Gr Liv Area is duplicated"
        );
    }
    let no_price = houses(&[]).replace(",SalePrice", "");
    assert_eq!(
        refuse(predict_houses, "x.csv", no_price),
        "F/x.csv: expected a row with all values, found none"
    );
}

#[test]
fn houses_with_invalid_values() {
    for odd in ["abc", "1e39", "-inf", "nan", "1,5", "0x10", "1 2"] {
        let row = HOUSE.replace("1080", &format!("\"{odd}\""));
        assert_eq!(
            refuse_houses(houses(&[HOUSE, "", &row])),
            format!("F/x.csv:4: Total Bsmt SF: expected a finite number, found \"{odd}\"")
        );
    }
    let long = HOUSE.replace("1960", &format!("\"{}\"", "a\n".repeat(100)));
    assert_eq!(
        refuse_houses(houses(&[&long])),
        format!(
            "F/x.csv:2: Year Built: expected a finite number, found \"{}\"…",
            "a\\n".repeat(50)
        )
    );
}

#[test]
fn houses_in_invalid_files() {
    assert_eq!(
        refuse_houses(houses(&[HOUSE, "6,1656"])),
        "F/x.csv:3: expected 11 fields, found 2"
    );
    assert_eq!(
        refuse_houses([houses(&[HOUSE]).as_bytes(), b"\xff"].concat()),
        "F/x.csv:3: expected UTF-8, found other bytes"
    );
    assert_eq!(
        refuse_houses([houses(&[]).as_bytes(), &[b','; 20_000]].concat()),
        "F/x.csv:2: found a record of more than 16384 fields"
    );
    assert_eq!(
        refuse_houses([houses(&[HOUSE]).as_bytes(), &[b' '; 2_000_000]].concat()),
        "F/x.csv:3: found a record of more than 1048576 bytes"
    );
    let missing = HOUSE.replace("1656", "NA");
    assert_eq!(
        refuse_houses(houses(&[HOUSE, HOUSE, &missing, HOUSE, HOUSE])),
        "F/x.csv: expected at least 5 rows with all values, found 4"
    );
    let mut cut = gzip(houses(&[HOUSE]).as_bytes());
    cut.pop();
    let refused = refuse(train_houses, "x.csv.gz", cut);
    let expected = "F/x.csv.gz: damaged or cut short: ";
    assert!(refused.starts_with(expected), "{refused}");
}

fn refuse_picture(name: &str, bytes: impl AsRef<[u8]>) -> String {
    refuse(predict_picture, name, bytes)
}

/// A PNG with another width and height in its header, and the matching checksum.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encode(GrayImage::new(28, 28), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32fast::hash(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn pictures_of_another_kind() {
    for bytes in [&b""[..], b"text", b"GIF89a", b"\x89PNG"] {
        assert_eq!(
            refuse_picture("x.png", bytes),
            "F/x.png: expected a PNG or JPEG picture, found something else"
        );
    }
}

#[test]
fn pictures_that_are_damaged() {
    let good = encode(RgbImage::new(40, 30), ImageFormat::Png);
    for length in [8, 20, 33, 40, good.len() / 2] {
        let refused = refuse_picture("x.png", &good[..length]);
        let expected = "F/x.png: cannot be read as a picture: ";
        assert!(refused.starts_with(expected), "{length}: {refused}");
    }
    let good = encode(RgbImage::new(40, 30), ImageFormat::Jpeg);
    for length in [3, 20, 200, good.len() / 2, good.len() - 1] {
        assert_eq!(
            refuse_picture("x.jpg", &good[..length]),
            "F/x.jpg: cut short: the JPEG has no end marker"
        );
    }
    let mut more = good;
    more.extend(b"after the end\xff\xda\xff\xd8");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.jpg"), more).unwrap();
    testing::stdout(&mut predict_picture(&folder.path().join("x.jpg")));
    for (width, height) in [(0, 28), (28, 0), (u32::MAX, 28)] {
        let refused = refuse_picture("x.png", png_that_claims(width, height));
        let expected = "F/x.png: cannot be read as a picture: ";
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn pictures_larger_than_their_file() {
    let bytes = png_that_claims(30_000, 30_000);
    assert_eq!(
        refuse_picture("x.png", &bytes),
        format!(
            "F/x.png: found 30000×30000 pixels, expected 1 to {} in a file of its size",
            bytes.len() * 1032
        )
    );
    let mut bytes = encode(GrayImage::new(8, 8), ImageFormat::Jpeg);
    let frame = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert_eq!(
        refuse_picture("x.jpg", &bytes),
        format!(
            "F/x.jpg: found 65535×65535 pixels, expected 1 to {} in a file of its size",
            bytes.len() * 512
        )
    );
}
