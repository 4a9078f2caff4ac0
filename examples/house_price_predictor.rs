//! A price: no activation after the last layer.
//!
//! ```sh
//! cargo run --example house_price_predictor -- --seed 0
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    final_layer::cli::run::<final_layer::networks::HousePricePredictor>()
}
