//! The random generator, and the order of batches that is drawn from it.

mod data_loader;
mod generator;
