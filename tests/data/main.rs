//! Readers of data sets, compared with Python's readers.

mod data_parity;
mod data_pictures;
mod data_refusals;
mod metrics;
mod sample_data;
