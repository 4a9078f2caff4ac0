//! The scripts that a user of a checkout runs.

mod bench;
mod compare;
mod doctor;
mod download;
mod dropped_arguments;
mod instructions;
mod rust_version;
mod setup;
