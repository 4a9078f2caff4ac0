//! The part of Python's pickle format that `torch.save(state_dict)` writes, without running any
//! code.
//!
//! A pickle is a program for a stack machine. Python's machine imports and calls whatever the
//! program names. This one knows only the names that a state dict needs, computes only the place of
//! each tensor, and stops at the first instruction that a state dict does not need. Its memory is
//! bounded by a small multiple of the pickle's size: values have 16 bytes and are kept in flat
//! lists, so nothing is nested or duplicated.
//!
//! Pickles of protocol 4 and later are not supported; `torch.load`, too, refuses them unless it may
//! run code.
//!
//! Source: Python's `pickletools.py` for the instructions; `torch/_utils.py` and `torch/_tensor.py`
//! for the names; `torch/_weights_only_unpickler.py` for the subset that suffices.

mod instructions;
mod names;

use std::collections::BTreeMap;

use tch::Kind;

use crate::shown;

/// The most values on the stack. Python writes a dict's items in batches of a thousand.
const MOST_VALUES: usize = 1 << 13;

/// The most tensors of a state dict.
const MOST_TENSORS: usize = 1 << 16;

/// The most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 8;

/// A tensor as a view of a storage, by offset and stride.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub storage: Storage,
    /// In elements, as the strides.
    pub offset: i64,
    pub size: Vec<i64>,
    pub stride: Vec<i64>,
    /// True if the elements are to be negated: a view such as `x.conj().imag`.
    pub is_negative: bool,
}

/// The memory of one or more tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// The name of its file in the archive.
    pub key: String,
    pub kind: Kind,
    /// The number of elements.
    pub length: i64,
}

/// The tensors of a pickled state dict, by name.
///
/// # Errors
/// A phrase that says what was found instead.
pub(super) fn read_state_dict(pickle: &[u8]) -> Result<BTreeMap<&str, View>, String> {
    Machine::new(pickle).run()
}

/// A range of indices.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    /// A value that a state dict may contain and that does not describe a tensor.
    Other,
    Bool(bool),
    Int(i64),
    /// A range of the pickle's bytes.
    Text(Range),
    /// A range of `Machine::items`.
    Tuple(Range),
    /// An index of `Machine::dicts`.
    Dict(u32),
    Function(Function),
    StorageType(Kind),
    /// An index of `Machine::storages`.
    Storage(u32),
    /// An index of `Machine::tensors`.
    Tensor(u32),
}

/// The functions that may be called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
}

/// A [`Storage`] as described in the pickle.
#[derive(Clone, Copy, Debug)]
struct StorageParts {
    kind: Kind,
    key: Range,
    length: i64,
}

/// A [`View`] as described in the pickle.
#[derive(Clone, Copy, Debug)]
struct ViewParts {
    storage: u32,
    offset: i64,
    size: Range,
    stride: Range,
    is_negative: bool,
}

struct Machine<'a> {
    pickle: &'a [u8],
    /// The position of the next instruction in the pickle.
    next: usize,
    stack: Vec<Value>,
    /// Stack lengths at which groups of values start.
    marks: Vec<usize>,
    /// Values stored for later use.
    memo: Vec<Value>,
    items: Vec<Value>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<StorageParts>,
    tensors: Vec<ViewParts>,
}

/// A result, or a phrase that says what was found instead of a state dict.
type Found<T> = Result<T, String>;

impl<'a> Machine<'a> {
    fn new(pickle: &'a [u8]) -> Self {
        Self {
            pickle,
            next: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            items: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
        }
    }

    fn run(mut self) -> Found<BTreeMap<&'a str, View>> {
        loop {
            let instruction = self.byte()?;
            if instruction == b'.' {
                let last = self.pop()?;
                return self.state_dict(last);
            }
            self.step(instruction)?;
            if self.stack.len().max(self.marks.len()) > MOST_VALUES {
                return Err(format!("found more than {MOST_VALUES} values in one group"));
            }
        }
    }

    fn as_text(&self, value: Value) -> Option<&'a str> {
        let Value::Text(Range { start, end }) = value else {
            return None;
        };
        str::from_utf8(&self.pickle[start as usize..end as usize]).ok()
    }

    /// The items of a tuple; empty for any other value.
    fn as_tuple(&self, value: Value) -> &[Value] {
        match value {
            Value::Tuple(Range { start, end }) => &self.items[start as usize..end as usize],
            _ => &[],
        }
    }

    fn state_dict(&self, value: Value) -> Found<BTreeMap<&'a str, View>> {
        let Value::Dict(dict) = value else {
            let found = match value {
                Value::Tensor(_) => "found a tensor",
                Value::Int(_) => "found a number",
                Value::Text(_) => "found text",
                _ => "found something else",
            };
            return Err(found.to_owned());
        };
        // As in Python, the last entry under a name counts.
        let mut entries = BTreeMap::new();
        for &(key, value) in &self.dicts[dict as usize] {
            let name = self.as_text(key).ok_or("found a key that is not text")?;
            entries.insert(name, value);
        }
        if entries.len() > MOST_TENSORS {
            return Err(format!("found more than {MOST_TENSORS} tensors"));
        }
        let view = |(name, value)| {
            let view = match value {
                Value::Tensor(tensor) => self.view(self.tensors[tensor as usize]),
                Value::Dict(_) => Err("is a dict; save that one alone".to_owned()),
                _ => Err("is not a tensor".to_owned()),
            };
            match view {
                Ok(view) => Ok((name, view)),
                Err(what) => Err(format!("{} {what}", shown(name))),
            }
        };
        entries.into_iter().map(view).collect()
    }

    fn view(&self, parts: ViewParts) -> Found<View> {
        let StorageParts { kind, key, length } = self.storages[parts.storage as usize];
        let integers = |range| -> Found<Vec<i64>> {
            let integer = |value: &Value| match value {
                Value::Int(number) => Ok(*number),
                _ => Err("has an invalid shape".to_owned()),
            };
            let items = self.as_tuple(Value::Tuple(range));
            if items.len() > MOST_DIMENSIONS {
                return Err(format!("has more than {MOST_DIMENSIONS} dimensions"));
            }
            items.iter().map(integer).collect()
        };
        Ok(View {
            storage: Storage {
                key: self
                    .as_text(Value::Text(key))
                    .unwrap_or_default()
                    .to_owned(),
                kind,
                length,
            },
            offset: parts.offset,
            size: integers(parts.size)?,
            stride: integers(parts.stride)?,
            is_negative: parts.is_negative,
        })
    }
}

/// The error of a pickle that Python cannot read either.
fn no_value() -> String {
    "the pickle is damaged".to_owned()
}
