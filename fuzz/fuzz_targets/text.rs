#![no_main]

use final_layer::data::text;
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

// For training, and as a prompt.
fuzz_target!(|bytes: &[u8]| {
    with_file("tales.txt", bytes, |path| {
        let _ = text::read(path);
        let _ = text::read_prompt(path);
    });
    let _ = text::prompt(bytes);
});
