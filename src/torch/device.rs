//! `torch.device`: where tensors live.

use std::error::Error as _;
use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use libloading::Library;
use tch::{Cuda, Device, Tensor};

use super::error::{Error, Result};

/// A device as `torch.device` spells it: `cpu`, `cuda` (the first GPU) or `cuda:N`.
///
/// ```
/// use final_layer::torch::device::DeviceName;
/// assert_eq!("cuda:1".parse::<DeviceName>().unwrap().to_string(), "cuda:1");
/// assert!("tpu".parse::<DeviceName>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceName(Device);

impl DeviceName {
    /// The device, if this machine has it.
    ///
    /// Loads libtorch's part for CUDA if that is what is asked for. This has to come before the
    /// process's first `manual_seed` and its first backward pass: these make libtorch look for
    /// that part, once for all.
    ///
    /// # Errors
    /// If this libtorch has no CUDA, or if there is no such GPU.
    pub fn find(self) -> Result<Device> {
        if let Device::Cuda(index) = self.0 {
            find_gpu(index).map_err(|reason| Error::Device {
                device: self.to_string(),
                reason,
            })?;
        }
        Ok(self.0)
    }
}

/// The reason why there is no such GPU, if there is none.
fn find_gpu(index: usize) -> Result<(), String> {
    load_cuda()?;
    if !Cuda::is_available() {
        return Err(format!(
            "libtorch has CUDA but sees no GPU ({}); check that nvidia-smi lists one and that \
             CUDA_VISIBLE_DEVICES does not hide it, or use --device cpu",
            why_no_gpu()
        ));
    }
    let count = Cuda::device_count();
    if index as i64 >= count {
        return Err(format!(
            "libtorch sees {count} CUDA devices, numbered from 0"
        ));
    }
    Ok(())
}

/// What libtorch says when it is to use the GPU that it does not see: its first sentence.
fn why_no_gpu() -> String {
    let moved = Tensor::from(0f32).f_to_device(Device::Cuda(0));
    let reason = moved.map_or_else(|error| error.to_string(), |_| String::new());
    let sentence = reason.split(['\n', '.']).next().unwrap_or_default();
    sentence
        .trim_start_matches("Internal torch error: ")
        .to_owned()
}

/// Loads `libtorch_cuda`, found as the rest of libtorch is. No executable is linked with it, as the
/// linker drops what nothing refers to; so a run on the CPU starts without it.
fn load_cuda() -> Result<(), String> {
    let name = libloading::library_filename("torch_cuda");
    // SAFETY: loading runs the library's initialisers. They are libtorch's own, which register its
    // CUDA part with the `libtorch_cpu` that this process was linked with, as on `import torch`;
    // they rely on nothing that our code could have left undone. No symbol is taken from it.
    let library = unsafe { Library::new(&name) }.map_err(|error| not_loaded(&name, error))?;
    // Never unloaded: libtorch keeps pointers into it.
    std::mem::forget(library);
    Ok(())
}

/// Tells a libtorch without CUDA from one whose CUDA part does not load.
fn not_loaded(name: &OsStr, error: libloading::Error) -> String {
    let name = name.to_string_lossy();
    // What the system says, which names the missing file.
    let reason = error
        .source()
        .map_or(error.to_string(), ToString::to_string);
    if reason.starts_with(&format!("{name}: cannot open shared object file")) || !cfg!(unix) {
        return format!(
            "this libtorch has no CUDA ({name} is not there); install a torch that has, as \
             scripts/setup does on Linux, or use --device cpu"
        );
    }
    format!(
        "libtorch's {name} does not load ({reason}); install torch again with all that it \
         depends on (remove .venv, then scripts/setup), or use --device cpu"
    )
}

impl Default for DeviceName {
    fn default() -> Self {
        Self(Device::Cpu)
    }
}

impl FromStr for DeviceName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let index = match text {
            "cpu" => return Ok(Self(Device::Cpu)),
            "cuda" => Some(0),
            _ => text.strip_prefix("cuda:").and_then(|n| n.parse().ok()),
        };
        let index = index.ok_or("expected cpu, cuda or cuda:N")?;
        Ok(Self(Device::Cuda(index)))
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Device::Cuda(index) => write!(f, "cuda:{index}"),
            _ => f.write_str("cpu"),
        }
    }
}
