#![no_main]

use final_layer::torch::serialization::{LoadOptions, read_state_dict};
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

// The metadata of a folder of torch.distributed.checkpoint.
fuzz_target!(|bytes: &[u8]| {
    with_file(".metadata", bytes, |path| {
        let folder = path.parent().expect("with_file makes the file in a folder");
        drop(read_state_dict(folder, &LoadOptions::default()));
    });
});
