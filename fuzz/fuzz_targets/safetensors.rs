#![no_main]

use final_layer::torch::serialization::read_safetensors;
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    with_file("weights.safetensors", bytes, |path| drop(read_safetensors(path)));
});
