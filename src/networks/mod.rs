//! The document's three networks: Rust on the left, the Python that it mirrors on the right.
//!
//! They differ in their last layer alone: logits that a softmax turns into probabilities, a number
//! as it is, a probability from a sigmoid. They know nothing of data, training or the command line.

mod binary_classifier;
mod digit_classifier;
mod house_price_predictor;

pub use binary_classifier::BinaryClassifier;
pub use digit_classifier::DigitClassifier;
pub use house_price_predictor::HousePricePredictor;
