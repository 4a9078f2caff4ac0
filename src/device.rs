//! `torch.device`: where tensors live.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
use tch::{Cuda, Device};

/// A device as `torch.device` spells it: `cpu`, `cuda` (the first GPU) or `cuda:N`.
///
/// ```
/// use final_layer::device::DeviceName;
/// assert_eq!("cuda:1".parse::<DeviceName>().unwrap().to_string(), "cuda:1");
/// assert!("tpu".parse::<DeviceName>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceName(Device);

impl DeviceName {
    /// The device, if this machine has it.
    pub fn find(self) -> Result<Device> {
        if let Device::Cuda(index) = self.0 {
            if !Cuda::is_available() {
                bail!("--device {self}: this libtorch sees no CUDA device; use --device cpu");
            }
            let count = Cuda::device_count();
            ensure!(
                (index as i64) < count,
                "--device {self}: there are {count} CUDA devices, numbered from 0"
            );
        }
        Ok(self.0)
    }
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
