//! Training on real data equals an ordinary Python script's, to the bit.

use std::path::PathBuf;

use crate::train::compare_training;

/// Three epochs with every optimizer: losses, weights, optimizer state and outputs of each.
fn check(data_set: &str) {
    let data = std::env::var_os("FINAL_LAYER_DATA").expect("FINAL_LAYER_DATA is not set");
    let data = PathBuf::from(data).join(data_set);
    let text = compare_training(&data, &["--epochs=3"]);
    assert!(text.contains(" tensors, all equal to the bit, "), "{text}");
    println!("{data_set}: {}", text.lines().last().unwrap());
}

#[test]
#[ignore = "needs real digits: FINAL_LAYER_DATA=<folder with mnist/> cargo test -- --ignored"]
fn digits() {
    check("mnist");
}

#[test]
#[ignore = "needs real X-rays: FINAL_LAYER_DATA=<folder with pneumonia/> cargo test -- --ignored"]
fn pneumonia() {
    check("pneumonia");
}

#[test]
#[ignore = "needs real houses: FINAL_LAYER_DATA=<folder with ames/> cargo test -- --ignored"]
fn houses() {
    check("ames");
}
