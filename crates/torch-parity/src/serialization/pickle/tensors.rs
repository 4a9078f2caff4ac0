//! The functions that make tensors from storages.
//!
//! Source: `torch/_utils.py`, `torch/_tensor.py`.

use std::collections::HashMap;
use std::rc::Rc;

use tch::Kind;

use super::super::leaf::{Leaf, MOST_DIMENSIONS, Storage, Stored, too_many};
use super::super::value::Value;
use super::meaning::Meaning;
use super::{Found, Machine, Node};
use crate::print::dtype_name;

impl Meaning<'_> {
    /// The result of a function of `torch._utils`.
    pub(super) fn tensor(&mut self, function: &str, arguments: &[Node]) -> Found<Value<Stored>> {
        let what = match (function, arguments) {
            ("_rebuild_parameter" | "_rebuild_parameter_with_state", &[data, ..])
            | ("_rebuild_device_tensor_from_numpy", &[data, ..])
            | ("_rebuild_device_tensor_from_cpu_tensor", &[data, ..]) => return self.value(data),
            // A subclass, or a tensor with attributes.
            ("_rebuild_from_type_v2", &[function, _, arguments, _]) => {
                let machine = self.machine;
                let (Some((_, function)), arguments) =
                    (self.class(function), machine.elements(arguments))
                else {
                    return Ok(Value::Other("a tensor subclass".to_owned()));
                };
                return match function.starts_with("_rebuild_from") {
                    true => Ok(Value::Other("a tensor subclass".to_owned())),
                    false => self.tensor(function, arguments),
                };
            }
            ("_rebuild_tensor", &[storage, offset, size, stride, ..]) => {
                return self.view(storage, None, [offset, size, stride], &[]);
            }
            ("_rebuild_tensor_v2", &[storage, offset, size, stride, _, _, ref metadata @ ..]) => {
                return self.view(storage, None, [offset, size, stride], metadata);
            }
            (
                "_rebuild_tensor_v3",
                &[
                    storage,
                    offset,
                    size,
                    stride,
                    _,
                    _,
                    dtype,
                    ref metadata @ ..,
                ],
            ) => return self.view(storage, Some(dtype), [offset, size, stride], metadata),
            ("_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor", _) => "a sparse tensor",
            ("_rebuild_qtensor", _) => "a quantized tensor",
            ("_rebuild_nested_tensor", _) => "a nested tensor",
            ("_rebuild_meta_tensor_no_storage", _) => "a tensor without data, on the meta device",
            ("_rebuild_wrapper_subclass", _) => "a tensor subclass",
            _ => "a tensor that torch.save does not write",
        };
        Ok(Value::Other(what.to_owned()))
    }

    /// A view of a storage; a tensor that cannot be read is named by what it is.
    fn view(
        &mut self,
        storage: Node,
        dtype: Option<Node>,
        place: [Node; 3],
        metadata: &[Node],
    ) -> Found<Value<Stored>> {
        let left = self.tensors_left.checked_sub(1);
        self.tensors_left = left.ok_or_else(too_many)?;
        let leaf = self.leaf(storage, dtype, place, metadata);
        Ok(match leaf {
            Ok(leaf) => {
                self.charge(size_of::<Leaf>() + size_of::<Storage>() + 16 * leaf.size.len())?;
                Value::Tensor(Box::new(leaf))
            }
            Err(what) => Value::Other(what),
        })
    }

    fn leaf(
        &mut self,
        storage: Node,
        dtype: Option<Node>,
        [offset, size, stride]: [Node; 3],
        metadata: &[Node],
    ) -> Found<Leaf> {
        let (storage, own) = self.storage(storage)?;
        let kind = match dtype {
            None => own,
            Some(dtype) => {
                let name = self.class(dtype).map_or("another dtype", |(_, name)| name);
                let unsupported = || format!("a tensor of torch.{name}, which is not supported");
                kind_named(name).ok_or_else(unsupported)?
            }
        };
        let Node::Int(offset) = offset else {
            return Err("a tensor with an invalid offset".to_owned());
        };
        let mut leaf = Leaf {
            storage,
            kind,
            offset,
            size: self.integers(size)?,
            stride: self.integers(stride)?,
            is_negative: false,
            is_conjugate: false,
        };
        leaf.check()
            .map_err(|problem| format!("a tensor that {problem}"))?;
        // The bits of a view such as `x.conj().imag`.
        for &metadata in metadata {
            for &(key, value) in self.machine.entries(metadata) {
                match (self.machine.text(key), value) {
                    (Some("neg"), Node::Bool(value)) => leaf.is_negative = value,
                    (Some("conj"), Node::Bool(value)) => leaf.is_conjugate = value,
                    (key, _) => {
                        let key = crate::shown(key.unwrap_or_default());
                        return Err(format!("a tensor marked as {key}"));
                    }
                }
            }
        }
        Ok(leaf)
    }

    fn integers(&self, node: Node) -> Found<Vec<i64>> {
        // A torch.Size stands for its argument.
        let node = match node {
            Node::Object(index) => {
                let arguments = self.machine.objects[index as usize].arguments;
                *self.machine.elements(arguments).first().unwrap_or(&node)
            }
            node => node,
        };
        let items = self.machine.elements(node);
        if items.len() > MOST_DIMENSIONS {
            return Err(format!(
                "a tensor that has more than {MOST_DIMENSIONS} dimensions"
            ));
        }
        let integer = |node: &Node| match node {
            Node::Int(number) => Ok(*number),
            _ => Err("a tensor with an invalid shape".to_owned()),
        };
        items.iter().map(integer).collect()
    }

    /// The storage `("storage", torch.FloatStorage, key, device, length)` and its dtype.
    fn storage(&mut self, node: Node) -> Found<(Rc<Storage>, Kind)> {
        let machine = self.machine;
        let odd = || "a tensor whose storage torch.save does not write".to_owned();
        let Node::Outside(index) = node else {
            return Err("a tensor that pickle wrote, not torch.save".to_owned());
        };
        let description = machine.elements(machine.outside[index as usize]);
        let &[_, class, key, _, Node::Int(length), ref view @ ..] = description else {
            return Err(odd());
        };
        if view.iter().any(|view| *view != Node::None) {
            return Err("a tensor that views another storage".to_owned());
        }
        let (Some((_, class)), Some(key)) = (self.class(class), machine.text(key)) else {
            return Err(odd());
        };
        let unsupported = || format!("a tensor over a {class}, which is not supported");
        let kind = storage_kind(class).ok_or_else(unsupported)?;
        let each = kind.elt_size_in_bytes() as u64;
        let bytes = u64::try_from(length)
            .ok()
            .and_then(|length| length.checked_mul(each));
        let bytes = bytes.ok_or_else(odd)?;
        let storage = self.storages.storage(key);
        let storage = storage.map_err(|problem| format!("a tensor that {problem}"))?;
        match storage.length == bytes {
            true => Ok((storage, kind)),
            false => Err(format!(
                "a tensor that has {length} elements of {each} bytes in its storage, but the file \
                 has {} bytes",
                storage.length
            )),
        }
    }
}

impl Machine {
    /// The bytes of an element of each storage, by its key.
    pub fn element_sizes(&self) -> HashMap<&str, u64> {
        let sizes = self.outside.iter().filter_map(|&description| {
            let &[_, class, key, ..] = self.elements(description) else {
                return None;
            };
            let kind = storage_kind(self.global(class)?.1)?;
            Some((self.text(key)?, kind.elt_size_in_bytes() as u64))
        });
        sizes.collect()
    }
}

/// The dtype of a storage class such as `torch.FloatStorage`.
fn storage_kind(name: &str) -> Option<Kind> {
    Some(match name {
        "BoolStorage" => Kind::Bool,
        "ByteStorage" | "UntypedStorage" => Kind::Uint8,
        "CharStorage" => Kind::Int8,
        "ShortStorage" => Kind::Int16,
        "IntStorage" => Kind::Int,
        "LongStorage" => Kind::Int64,
        "HalfStorage" => Kind::Half,
        "BFloat16Storage" => Kind::BFloat16,
        "FloatStorage" => Kind::Float,
        "DoubleStorage" => Kind::Double,
        "ComplexFloatStorage" => Kind::ComplexFloat,
        "ComplexDoubleStorage" => Kind::ComplexDouble,
        _ => return None,
    })
}

/// The dtypes that a file may have.
pub(super) const KINDS: [Kind; 17] = [
    Kind::Bool,
    Kind::Uint8,
    Kind::Int8,
    Kind::Int16,
    Kind::Int,
    Kind::Int64,
    Kind::Half,
    Kind::BFloat16,
    Kind::Float,
    Kind::Double,
    Kind::ComplexHalf,
    Kind::ComplexFloat,
    Kind::ComplexDouble,
    Kind::Float8e5m2,
    Kind::Float8e4m3fn,
    Kind::Float8e5m2fnuz,
    Kind::Float8e4m3fnuz,
];

/// The dtype of a name such as `float8_e4m3fn`.
fn kind_named(name: &str) -> Option<Kind> {
    let is_named = |kind: &Kind| dtype_name(*kind).strip_prefix("torch.") == Some(name);
    KINDS.into_iter().find(is_named)
}
