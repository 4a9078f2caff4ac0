//! Tests from outside: the real executables beside the real Python.

mod common;
mod compare;
mod damage;
mod data_parity;
mod data_pictures;
mod data_refusals;
mod demonstration;
mod files;
mod mirror;
mod mutations;
mod optim;
mod order;
mod print;
mod real_digits;
mod refusals;
mod setup;
mod weights;
