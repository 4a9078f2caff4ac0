//! Small files in the formats of the data readers.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An IDX file: big-endian numbers, then bytes.
pub fn idx(header: &[u32], data: &[u8]) -> Vec<u8> {
    let header = header.iter().flat_map(|number| number.to_be_bytes());
    header.chain(data.iter().copied()).collect()
}

pub fn idx_images(count: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..count * 784).map(|n| (n % 251) as u8).collect();
    idx(&[0x803, count, 28, 28], &pixels)
}

pub fn idx_labels(count: u32) -> Vec<u8> {
    let labels: Vec<u8> = (0..count).map(|n| (n % 10) as u8).collect();
    idx(&[0x801, count], &labels)
}

/// The four files of MNIST by name, with these numbers of samples for training and testing.
pub fn mnist(train: u32, test: u32) -> [(&'static str, Vec<u8>); 4] {
    [
        ("train-images-idx3-ubyte", idx_images(train)),
        ("train-labels-idx1-ubyte", idx_labels(train)),
        ("t10k-images-idx3-ubyte", idx_images(test)),
        ("t10k-labels-idx1-ubyte", idx_labels(test)),
    ]
}

/// A `.npy` file of version 1 with the header that NumPy writes.
pub fn npy(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = "'fortran_order': False";
    npy_with_header(
        &format!("{{'descr': '{dtype}', {order}, 'shape': {shape}, }}"),
        data,
    )
}

pub fn npy_with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{header:<117}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

/// The arrays of a small binary data set of MedMNIST.
pub fn medmnist() -> Vec<(&'static str, Vec<u8>)> {
    let images = |count: usize| {
        let pixels: Vec<u8> = (0..count * 784).map(|n| (n % 255) as u8).collect();
        npy("|u1", &format!("({count}, 28, 28)"), &pixels)
    };
    let labels = |count: usize| {
        let labels: Vec<u8> = (0..count).map(|n| (n % 2) as u8).collect();
        npy("|u1", &format!("({count}, 1)"), &labels)
    };
    vec![
        ("train_images", images(4)),
        ("val_images", images(1)),
        ("test_images", images(2)),
        ("train_labels", labels(4)),
        ("val_labels", labels(1)),
        ("test_labels", labels(2)),
    ]
}

/// A `.npz` file with these arrays.
pub fn npz(arrays: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub const HOUSE_COLUMNS: &str = "Overall Qual,Gr Liv Area,Garage Cars,Garage Area,Total Bsmt SF,\
    1st Flr SF,Full Bath,TotRms AbvGrd,Year Built,Year Remod/Add,SalePrice";

pub const HOUSE: &str = "6,1656,2,528,1080,1656,1,7,1960,1961,215000";

/// A CSV file with the columns and these rows.
pub fn houses(rows: &[&str]) -> String {
    let lines = std::iter::once(&HOUSE_COLUMNS).chain(rows);
    lines.map(|line| format!("{line}\n")).collect()
}

pub fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
