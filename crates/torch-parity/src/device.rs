//! `torch.device`: the device on which tensors live.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use libloading::Library;
use tch::{Cuda, Device, Tensor};

use super::error::{Error, Result};

/// A device as `torch.device` spells it: `cpu`, `cuda` (the first GPU) or `cuda:N`.
///
/// ```
/// use torch_parity::device::DeviceName;
/// assert_eq!("cuda:1".parse::<DeviceName>().unwrap().to_string(), "cuda:1");
/// assert!("tpu".parse::<DeviceName>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceName(Device);

impl DeviceName {
    /// Returns the device, if this machine has it.
    ///
    /// Loads libtorch's CUDA library if a GPU is asked for. Call this before the process's first
    /// `manual_seed` and first backward pass: both make libtorch look for that library, and it
    /// looks only once.
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

/// Returns an error with the reason if there is no such GPU.
fn find_gpu(index: usize) -> Result<(), String> {
    load_cuda()?;
    if !Cuda::is_available() {
        return Err(format!(
            "libtorch has CUDA but sees no GPU ({}); check that nvidia-smi lists one and that \
             CUDA_VISIBLE_DEVICES does not hide it, or use the CPU",
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

/// libtorch's reason for not seeing a GPU: the first sentence of its error.
fn why_no_gpu() -> String {
    let moved = Tensor::from(0f32).f_to_device(Device::Cuda(0));
    let reason = moved.map_or_else(|error| error.to_string(), |_| String::new());
    let sentence = reason.split(['\n', '.']).next().unwrap_or_default();
    sentence
        .trim_start_matches("Internal torch error: ")
        .to_owned()
}

/// Loads `libtorch_cuda`. Executables are not linked with it, since the linker drops libraries that
/// nothing refers to; a run on the CPU therefore starts without it.
fn load_cuda() -> Result<(), String> {
    let path = cuda_library();
    // SAFETY: loading runs the library's initialisers. They are libtorch's own: they register its
    // CUDA part with the `libtorch_cpu` that this process is linked with, as `import torch` does,
    // and depend on no state of our code. No symbol is taken from the library.
    let library = unsafe { Library::new(&path) }.map_err(|error| not_loaded(&path, error))?;
    // Never unloaded, because libtorch keeps pointers into it.
    std::mem::forget(library);
    Ok(())
}

/// The path of `libtorch_cuda`: beside this process's `libtorch_cpu`, since both must come from one
/// build. If that path is unknown, the bare file name, for which the system searches.
fn cuda_library() -> PathBuf {
    let cpu = libloading::library_filename("torch_cpu");
    let is_cpu = |path: &PathBuf| path.file_name() == Some(&cpu);
    let loaded = loaded_libraries().into_iter().find(is_cpu);
    let beside = loaded.unwrap_or_default();
    beside.with_file_name(libloading::library_filename("torch_cuda"))
}

/// The paths of the libraries that this process has loaded, as reported by the dynamic loader.
#[cfg(target_os = "linux")]
fn loaded_libraries() -> Vec<PathBuf> {
    use std::ffi::{CStr, OsStr, c_int, c_void};
    use std::os::unix::ffi::OsStrExt;

    unsafe extern "C" fn note(
        library: *mut libc::dl_phdr_info,
        _size: usize,
        paths: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader passes a description that is valid during this call, and passes on
        // `paths` as it was given below; nothing else uses `paths` during the call.
        let (library, paths) = unsafe { (&*library, &mut *paths.cast::<Vec<PathBuf>>()) };
        if !library.dlpi_name.is_null() {
            // SAFETY: the loader's names end in a null byte and are valid during this call.
            let name = unsafe { CStr::from_ptr(library.dlpi_name) };
            paths.push(OsStr::from_bytes(name.to_bytes()).into());
        }
        0
    }

    let mut paths: Vec<PathBuf> = Vec::new();
    // SAFETY: `note` has the expected type, does not unwind, and is called only during this call,
    // in which `paths` is alive and otherwise unused.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut paths).cast()) };
    paths
}

#[cfg(not(target_os = "linux"))]
fn loaded_libraries() -> Vec<PathBuf> {
    Vec::new()
}

/// Distinguishes a libtorch without CUDA from one whose CUDA library does not load.
fn not_loaded(path: &Path, error: libloading::Error) -> String {
    let name = path.display();
    // The system's message, which names the missing file.
    let reason = error
        .source()
        .map_or(error.to_string(), ToString::to_string);
    if reason.starts_with(&format!("{name}: cannot open shared object file")) || !cfg!(unix) {
        return format!(
            "this libtorch has no CUDA ({name} is missing); use a PyTorch built with CUDA, or the CPU"
        );
    }
    format!(
        "libtorch's {name} does not load ({reason}); install the packages that torch depends on, or \
         use the CPU"
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
