//! The scripts that a user of a checkout runs.

mod bench;
mod compare;
mod doctor;
mod download;
mod dropped_arguments;
mod instructions;
mod port;
mod port_crate;
mod port_proof;
mod port_your_own;
mod rust_version;
mod scripts;
mod setup;
