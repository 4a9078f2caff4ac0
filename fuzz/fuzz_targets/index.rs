#![no_main]

use final_layer::torch::serialization::{LoadOptions, read_state_dict};
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

// The index of weights in several files.
fuzz_target!(|bytes: &[u8]| {
    with_file("model.safetensors.index.json", bytes, |path| {
        drop(read_state_dict(path, &LoadOptions::default()));
    });
});
