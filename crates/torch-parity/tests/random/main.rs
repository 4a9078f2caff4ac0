//! The random generator, and the order of batches drawn from it.

mod data_loader;
mod generator;
