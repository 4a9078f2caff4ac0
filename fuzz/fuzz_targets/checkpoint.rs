#![no_main]

use final_layer::checkpoint::Checkpoint;
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    with_file("checkpoint.safetensors", bytes, |path| drop(Checkpoint::read(path)));
});
