//! Facts about libtorch as Rust finds it, one per line, for `scripts/doctor`.
//!
//! ```sh
//! cargo run --example doctor
//! ```

use final_layer::torch::device::DeviceName;
use final_layer::torch::{Error, LIBTORCH_VERSION};

fn main() {
    println!("version {LIBTORCH_VERSION}");
    println!("threads {}", tch::get_num_threads());
    match "cuda".parse::<DeviceName>().map(DeviceName::find) {
        Ok(Ok(_)) => println!("gpus {}", tch::Cuda::device_count()),
        Ok(Err(Error::Device { reason, .. })) => println!("gpus 0, {reason}"),
        Ok(Err(error)) => println!("gpus 0, {error}"),
        Err(expected) => println!("gpus 0, {expected}"),
    }
}
