//! The three networks of the article "Is softmax essential for neural networks?" (January 2025):
//! Rust on the left, the Python class on the right. `docs/is-softmax-essential.md` examines its
//! claims.
//!
//! They differ only in their last layer: logits for a softmax, a number without activation, and a
//! probability from a sigmoid. They do not depend on data, training or the command line.

mod binary_classifier;
mod digit_classifier;
mod house_price_predictor;

pub use binary_classifier::BinaryClassifier;
pub use digit_classifier::DigitClassifier;
pub use house_price_predictor::HousePricePredictor;
