//! Binary classification: a sigmoid over one output.
//!
//! ```sh
//! cargo run --example binary_classifier -- --seed 0
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    final_layer::cli::run::<final_layer::networks::BinaryClassifier>()
}
