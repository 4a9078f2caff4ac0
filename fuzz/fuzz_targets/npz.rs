#![no_main]

use final_layer::data::medmnist;
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    with_file("set.npz", bytes, |path| drop(medmnist::read(path)));
});
