#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod calibration;
pub mod checkpoint;
pub mod cli;
pub mod comparison;
pub mod data;
pub mod device;
pub mod evaluation;
pub mod guide;
pub mod metrics;
pub mod networks;
pub mod storage;
pub mod tasks;
pub mod torch;
pub mod trace;
pub mod training;
