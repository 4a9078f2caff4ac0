#![no_main]

use std::io::Write;

use final_layer::data::mnist;
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

/// A file with two labels, to go with a file of images.
const LABELS: &[u8] = &[0, 0, 8, 1, 0, 0, 0, 2, 3, 9];

/// A file with two images, to go with a file of labels.
fn images() -> Vec<u8> {
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28];
    images.write_all(&[7; 2 * 784]).unwrap();
    images
}

// Each input once as images and once as labels, beside valid files.
fuzz_target!(|bytes: &[u8]| {
    with_file("t10k-images-idx3-ubyte", &images(), |_| {});
    with_file("t10k-labels-idx1-ubyte", LABELS, |_| {});
    with_file("train-labels-idx1-ubyte", LABELS, |_| {});
    with_file("train-images-idx3-ubyte", bytes, |path| drop(mnist::read(path)));
    with_file("train-images-idx3-ubyte", &images(), |_| {});
    with_file("train-labels-idx1-ubyte", bytes, |path| drop(mnist::read(path)));
});
