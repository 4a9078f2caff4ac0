//! Readers of data sets, beside the readers that Python has.

mod data_parity;
mod data_pictures;
mod data_refusals;
mod metrics;
mod sample_data;
