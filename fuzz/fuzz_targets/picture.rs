#![no_main]

use final_layer::data::picture;
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    with_file("picture", bytes, |path| drop(picture::read(path, true)));
});
