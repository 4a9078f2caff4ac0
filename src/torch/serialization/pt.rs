//! `torch.load` of what `torch.save(model.state_dict(), "model.pt")` writes.

use std::fs;
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader};
use tch::{Kind, Tensor};

use super::{NamedTensors, check_regular};
use crate::torch::error::{Error, Result, one_line};

/// Reads the dict of tensors that `torch.save` wrote, without running any of its pickle.
pub(super) fn read_pt(path: &Path) -> Result<NamedTensors> {
    let not_a_state_dict = |found: &str| {
        let expected = "expected a dict of tensors, as torch.save(model.state_dict(), ...) writes";
        Error::file(path, format!("{expected}; {found}"))
    };
    let unreadable = |error| not_a_state_dict(&format!("cannot read it: {}", one_line(&error)));
    check_regular(path)?;
    let PickleValue::Dict(entries) =
        PytorchReader::read_pickle_data(path, None).map_err(unreadable)?
    else {
        return Err(not_a_state_dict("found something else"));
    };
    let reader = PytorchReader::new(path).map_err(unreadable)?;
    let about = fs::metadata(path).map_err(|error| Error::read(path, error))?;
    let file_size = about.len();
    // `_metadata` is an attribute of the OrderedDict that state_dict() returns, not an entry.
    let is_other = |name: &&String| reader.get(name).is_none() && *name != "_metadata";
    if let Some(name) = entries.keys().find(is_other) {
        return Err(not_a_state_dict(&format!("\"{name}\" is no tensor")));
    }
    reader
        .tensors()
        .iter()
        .map(|(name, tensor)| {
            let kind = pt_kind(tensor.dtype())
                .ok_or_else(|| not_a_state_dict(&format!("\"{name}\" has an unknown dtype")))?;
            // A view with stride 0 claims more elements than the file holds.
            if tensor.byte_len() as u64 > file_size {
                return Err(not_a_state_dict(&format!(
                    "\"{name}\" is larger than the file"
                )));
            }
            let size: Vec<i64> = tensor.shape().iter().map(|&n| n as i64).collect();
            let bytes = tensor
                .read()
                .map_err(|error| not_a_state_dict(&format!("cannot read it: {error}")))?;
            Ok((name.clone(), Tensor::f_from_data_size(&bytes, &size, kind)?))
        })
        .collect()
}

fn pt_kind(dtype: DType) -> Option<Kind> {
    Some(match dtype {
        DType::F64 => Kind::Double,
        DType::F32 => Kind::Float,
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::I64 => Kind::Int64,
        DType::I32 => Kind::Int,
        DType::I16 => Kind::Int16,
        DType::I8 => Kind::Int8,
        DType::U8 => Kind::Uint8,
        DType::Bool => Kind::Bool,
        _ => return None,
    })
}
