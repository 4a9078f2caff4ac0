//! `safetensors.torch`: named tensors in one `.safetensors` file, fully checked when read.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use ::safetensors::tensor::TensorView;
use ::safetensors::{Dtype, SafeTensorError, SafeTensors};
use tch::{Kind, Tensor};

use super::{NamedTensors, check_regular};
use crate::{Error, Result, one_line, shown};

/// The most dimensions of a tensor in a file.
const MOST_DIMENSIONS: usize = 64;

/// The text metadata in the header of a `.safetensors` file.
pub type Metadata = HashMap<String, String>;

/// Reads every tensor of a `.safetensors` file, onto the CPU.
///
/// # Errors
/// If the file cannot be read, is not a complete `.safetensors` file, or has a dtype that libtorch
/// does not support.
pub fn read_safetensors(path: &Path) -> Result<NamedTensors> {
    Ok(read_safetensors_and_metadata(path)?.0)
}

/// As [`read_safetensors`], together with the metadata in the header.
///
/// # Errors
/// See [`read_safetensors`].
pub fn read_safetensors_and_metadata(path: &Path) -> Result<(NamedTensors, Metadata)> {
    check_regular(path)?;
    let bytes = fs::read(path).map_err(|error| Error::read(path, error))?;
    let no_such_file = |error: SafeTensorError| {
        let problem = format!("not a .safetensors file: {}", one_line(&error));
        Error::file(path, problem)
    };
    let file = SafeTensors::deserialize(&bytes).map_err(no_such_file)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(no_such_file)?;
    let mut tensors = NamedTensors::new();
    for (name, view) in file.iter() {
        let tensor = to_tensor(&view);
        let tensor = tensor
            .map_err(|problem| Error::file(path, format!("tensor {}: {problem}", shown(name))))?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}

/// The tensor that a file describes, or a phrase that says what is wrong with it.
fn to_tensor(view: &TensorView) -> Result<Tensor, String> {
    let kind = to_kind(view.dtype());
    let kind = kind.ok_or_else(|| format!("unsupported dtype {:?}", view.dtype()))?;
    // libtorch computes strides, which are products that ignore dimensions of size 0.
    let product = |product: i64, &n: &usize| product.checked_mul(i64::try_from(n).ok()?.max(1));
    let shape = view.shape();
    if shape.len() > MOST_DIMENSIONS || shape.iter().try_fold(1, product).is_none() {
        let found = shown(&format!("{shape:?}"));
        return Err(format!(
            "expected a shape that a tensor can have, found {found}"
        ));
    }
    let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    let tensor = Tensor::f_from_data_size(view.data(), &size, kind);
    tensor.map_err(|error| one_line(&error))
}

/// The bytes of a `.safetensors` file.
pub(super) fn to_safetensors(tensors: &NamedTensors, metadata: Metadata) -> Result<Vec<u8>> {
    struct Raw {
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: Vec<u8>,
    }
    let mut raw = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let tensor = tensor.detach().f_contiguous()?;
        let length = tensor.numel() * tensor.kind().elt_size_in_bytes();
        let mut bytes = reserve(length)?;
        bytes.resize(length, 0);
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let dtype = to_dtype(tensor.kind()).ok_or_else(|| {
            Error::Tensor(format!("{name:?}: unsupported dtype {:?}", tensor.kind()))
        })?;
        let shape = tensor.size().iter().map(|&n| n as usize).collect();
        raw.push((
            name,
            Raw {
                dtype,
                shape,
                bytes,
            },
        ));
    }
    let views = raw
        .iter()
        .map(|(name, raw)| {
            let view = TensorView::new(raw.dtype, raw.shape.clone(), &raw.bytes)?;
            Ok((name.as_str(), view))
        })
        .collect::<std::result::Result<Vec<_>, SafeTensorError>>();
    // The crate allocates this much at once, and would abort the process if that failed.
    drop(reserve(raw.iter().map(|(_, raw)| raw.bytes.len()).sum())?);
    views
        .and_then(|views| ::safetensors::serialize(views, Some(metadata)))
        .map_err(|error| Error::Tensor(one_line(&error)))
}

/// A buffer with room for `length` bytes, or an error where allocation would abort the process.
fn reserve(length: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reserved = bytes.try_reserve_exact(length);
    reserved.map_err(|_| Error::OutOfMemory(length))?;
    Ok(bytes)
}

const DTYPES: [(Dtype, Kind); 10] = [
    (Dtype::BOOL, Kind::Bool),
    (Dtype::U8, Kind::Uint8),
    (Dtype::I8, Kind::Int8),
    (Dtype::I16, Kind::Int16),
    (Dtype::I32, Kind::Int),
    (Dtype::I64, Kind::Int64),
    (Dtype::F16, Kind::Half),
    (Dtype::BF16, Kind::BFloat16),
    (Dtype::F32, Kind::Float),
    (Dtype::F64, Kind::Double),
];

fn to_kind(dtype: Dtype) -> Option<Kind> {
    let known = DTYPES.iter().find(|(known, _)| *known == dtype);
    known.map(|&(_, kind)| kind)
}

fn to_dtype(kind: Kind) -> Option<Dtype> {
    let known = DTYPES.iter().find(|(_, known)| *known == kind);
    known.map(|&(dtype, _)| dtype)
}
