//! The bytes of tensors, written a piece at a time.

use std::io::{self, Write};

use tch::{Device, Kind, Tensor, no_grad};

use crate::Error;

/// The bytes that are written at a time.
const CHUNK: i64 = 1 << 20;

/// An error of the tensors, or of the file.
#[derive(Debug)]
pub(super) enum WriteError {
    Tensor(Error),
    File(io::Error),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Tensor(error)
    }
}

impl From<tch::TchError> for WriteError {
    fn from(error: tch::TchError) -> Self {
        Self::Tensor(error.into())
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// The number of bytes of all elements.
pub(super) fn length(tensor: &Tensor) -> u64 {
    (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64
}

/// Writes all elements in C order, little-endian. Only a tensor that is not contiguous, or on
/// another device, is copied as a whole.
///
/// # Errors
/// If memory is short or writing fails.
pub(super) fn write(tensor: &Tensor, file: &mut dyn Write) -> Result<(), WriteError> {
    no_grad(|| {
        let tensor = tensor.f_detach()?.f_resolve_conj()?.f_resolve_neg()?;
        let tensor = tensor.f_to_device(Device::Cpu)?.f_contiguous()?;
        let bytes = tensor.f_view([-1])?.f_view_dtype(Kind::Uint8)?;
        let count = bytes.numel() as i64;
        let mut chunk = vec![0; CHUNK.min(count) as usize];
        let mut start = 0;
        while start < count {
            let length = CHUNK.min(count - start);
            let part = &mut chunk[..length as usize];
            bytes
                .f_narrow(0, start, length)?
                .f_copy_data_u8(part, length as usize)?;
            file.write_all(part)?;
            start += length;
        }
        Ok(())
    })
}
