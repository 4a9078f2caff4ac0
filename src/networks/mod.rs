//! The three networks of the article "Is softmax essential for neural networks?" (January 2025):
//! Rust on the left, the Python class on the right. `docs/is-softmax-essential.md` examines its
//! claims.
//!
//! They differ only in their last layer: logits for a softmax, a number without activation, and a
//! probability from a sigmoid. A file beside each has its task: its training data, and its chain of
//! layers for a [plan](crate::plan).

mod binary_classifier;
mod digit_classifier;
mod digits;
mod house_price_predictor;
mod houses;
mod pictures;
mod x_rays;

pub use binary_classifier::BinaryClassifier;
pub use digit_classifier::DigitClassifier;
pub use digits::{DigitClassification, Digits};
pub use house_price_predictor::HousePricePredictor;
pub use houses::{HousePricing, Houses};
pub use pictures::Pictures;
pub use x_rays::{BinaryClassification, XRays};
