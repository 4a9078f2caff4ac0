#![no_main]

use final_layer::torch::serialization::{LoadOptions, read_state_dict};
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    with_file("weights.pt", bytes, |path| {
        // Every element that a tensor claims must be readable.
        let read = read_state_dict(path, &LoadOptions::default());
        for tensor in read.into_iter().flatten().map(|(_, tensor)| tensor) {
            if tensor.numel() < 1 << 20 {
                let _ = tensor.isfinite().all();
            }
        }
    });
});
