//! Ten digits: logits, turned into probabilities by softmax.
//!
//! ```sh
//! cargo run --example digit_classifier -- --seed 0
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    final_layer::cli::run::<final_layer::networks::DigitClassifier>()
}
