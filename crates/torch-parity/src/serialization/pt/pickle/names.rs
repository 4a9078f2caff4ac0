//! The names that a pickle may use, and the result of calling them.

use tch::Kind;

use super::{Found, Function, Machine, StorageParts, Value, ViewParts, no_value};
use crate::shown;

impl Machine<'_> {
    pub(super) fn global(&mut self, module: &str, name: &str) -> Found<()> {
        let value = match (module, name) {
            ("collections", "OrderedDict") => Value::Function(Function::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Value::Function(Function::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Value::Function(Function::RebuildParameter),
            ("torch", name) if storage_kind(name).is_some() => {
                Value::StorageType(storage_kind(name).ok_or_else(no_value)?)
            }
            _ => {
                let name = shown(&format!("{module}.{name}"));
                return Err(format!("found {name}, which is not supported"));
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// Pushes a storage: `("storage", torch.FloatStorage, key, device, length)`.
    pub(super) fn storage(&mut self) -> Found<()> {
        let description = self.pop()?;
        let [
            Value::Text(_),
            Value::StorageType(kind),
            Value::Text(key),
            Value::Text(_),
            Value::Int(length),
        ] = *self.as_tuple(description)
        else {
            return Err("found a storage that torch.save does not write".to_owned());
        };
        self.stack.push(Value::Storage(self.storages.len() as u32));
        self.storages.push(StorageParts { kind, key, length });
        Ok(())
    }

    pub(super) fn call(&mut self) -> Found<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Function(function) = function else {
            return Err("found a call of something that is not a function".to_owned());
        };
        match (function, self.as_tuple(arguments)) {
            (Function::OrderedDict, []) => self.dict(),
            // The data, `requires_grad` and the hooks.
            (Function::RebuildParameter, &[data @ Value::Tensor(_), Value::Bool(_), _]) => {
                self.stack.push(data);
            }
            (
                Function::RebuildTensor,
                &[
                    Value::Storage(storage),
                    Value::Int(offset),
                    Value::Tuple(size),
                    Value::Tuple(stride),
                    // `requires_grad` and the hooks.
                    Value::Bool(_),
                    _,
                    ref metadata @ ..,
                ],
            ) => {
                let is_negative = self.is_negative(metadata)?;
                self.stack.push(Value::Tensor(self.tensors.len() as u32));
                self.tensors.push(ViewParts {
                    storage,
                    offset,
                    size,
                    stride,
                    is_negative,
                });
            }
            _ => return Err("found a tensor that torch.save does not write".to_owned()),
        }
        Ok(())
    }

    /// The negative bit in a tensor's metadata, which most tensors do not have.
    fn is_negative(&self, metadata: &[Value]) -> Found<bool> {
        let entries = match *metadata {
            [] | [Value::Other] => return Ok(false),
            [Value::Dict(dict)] => &self.dicts[dict as usize],
            _ => return Err("found a tensor that torch.save does not write".to_owned()),
        };
        let mut is_negative = false;
        for &(key, value) in entries {
            match (self.as_text(key), value) {
                (Some("neg"), Value::Bool(value)) => is_negative = value,
                (key, _) => {
                    let key = shown(key.unwrap_or_default());
                    return Err(format!("found a tensor marked as {key}"));
                }
            }
        }
        Ok(is_negative)
    }
}

/// The dtype of a storage class such as `torch.FloatStorage`.
fn storage_kind(name: &str) -> Option<Kind> {
    Some(match name {
        "BoolStorage" => Kind::Bool,
        "ByteStorage" => Kind::Uint8,
        "CharStorage" => Kind::Int8,
        "ShortStorage" => Kind::Int16,
        "IntStorage" => Kind::Int,
        "LongStorage" => Kind::Int64,
        "HalfStorage" => Kind::Half,
        "BFloat16Storage" => Kind::BFloat16,
        "FloatStorage" => Kind::Float,
        "DoubleStorage" => Kind::Double,
        _ => return None,
    })
}
