//! The command line of the networks, and its errors.

mod demonstration;
mod device;
mod mirror;
mod one_line;
mod refusals;
mod several_tensors;
mod weights;
