#![no_main]

use final_layer::data::ames;
use final_layer_fuzz::with_file;
use libfuzzer_sys::fuzz_target;

// As a file, plain or compressed (if it starts like gzip), and as a stream.
fuzz_target!(|bytes: &[u8]| {
    with_file("houses.csv", bytes, |path| {
        let _ = ames::read(path);
        let _ = ames::read_features(path);
    });
    let _ = ames::read_each(std::io::Cursor::new(bytes.to_vec()), "-", |_, _| Ok(()));
});
