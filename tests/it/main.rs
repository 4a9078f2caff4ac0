//! Tests from outside: the real executables beside the real Python.

mod bench;
mod checkpoints;
mod common;
mod compare;
mod damage;
mod data_loader;
mod data_parity;
mod data_pictures;
mod data_refusals;
mod demonstration;
mod device;
mod doctor;
mod download;
mod dropout;
mod experiment;
mod files;
mod generator;
mod instructions;
mod lr_scheduler;
mod metrics;
mod mirror;
mod mutations;
mod optim;

mod port_your_own;
mod predict;
mod print;
mod real_data;
mod refusals;
mod resume;
mod sample_data;
mod setup;
mod train;
mod traps;
mod weights;
