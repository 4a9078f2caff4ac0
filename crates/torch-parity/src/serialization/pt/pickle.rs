//! The part of Python's pickle that `torch.save(state_dict)` writes: read, never run.
//!
//! A pickle is a program for a machine with a stack. Python's machine imports and calls whatever
//! the program names. This one knows the few names of a state dict, computes nothing but where the
//! tensors lie, and stops at the first instruction that has no business there. What it keeps is a
//! small multiple of the pickle's size, whatever the pickle says: values are of 16 bytes and lie in
//! flat lists, so that nothing nests and nothing is counted twice.
//!
//! Pickles of protocol 4 and later, which `torch.load` refuses too unless it may run them, are not
//! read.
//!
//! Source: `pickletools.py` of Python for the instructions; `torch/_utils.py` and
//! `torch/_tensor.py` for the names; `torch/_weights_only_unpickler.py` for what is enough.

mod instructions;
mod names;

use std::collections::BTreeMap;

use tch::Kind;

use crate::shown;

/// The most values on the stack. Python writes a dict's items in portions of a thousand.
const MOST_VALUES: usize = 1 << 13;

/// The most tensors of a state dict.
const MOST_TENSORS: usize = 1 << 16;

/// The most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 8;

/// A tensor's place: elements of a storage, by offset and stride.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub storage: Storage,
    /// In elements, as are the strides.
    pub offset: i64,
    pub size: Vec<i64>,
    pub stride: Vec<i64>,
    /// Whether each element is to be read with the other sign: a view such as `x.conj().imag`.
    pub is_negative: bool,
}

/// A piece of memory that tensors may share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// The name of its file in the archive.
    pub key: String,
    pub kind: Kind,
    /// How many elements it has.
    pub length: i64,
}

/// The tensors of a pickled state dict, by name.
///
/// # Errors
/// What was found instead, as a phrase.
pub(super) fn read_state_dict(pickle: &[u8]) -> Result<BTreeMap<&str, View>, String> {
    Machine::new(pickle).run()
}

/// A range of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    /// Something that a state dict may carry and that says nothing about its tensors.
    Other,
    Bool(bool),
    Int(i64),
    /// Of the pickle's bytes.
    Text(Range),
    /// Of `Machine::items`.
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

/// What may be called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
}

/// A [`Storage`] as the pickle has it.
#[derive(Clone, Copy, Debug)]
struct StorageParts {
    kind: Kind,
    key: Range,
    length: i64,
}

/// A [`View`] as the pickle has it.
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
    /// Where in the pickle the next instruction is.
    next: usize,
    stack: Vec<Value>,
    /// Lengths of the stack, where a group of values starts.
    marks: Vec<usize>,
    /// Values that the pickle comes back to.
    memo: Vec<Value>,
    items: Vec<Value>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<StorageParts>,
    tensors: Vec<ViewParts>,
}

/// What was found instead of a state dict.
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

    /// The items of a tuple; of anything else, none.
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
        // As in Python, what was put in last under a name is what is there.
        let mut entries = BTreeMap::new();
        for &(key, value) in &self.dicts[dict as usize] {
            let name = self.as_text(key).ok_or("found a key that is no text")?;
            entries.insert(name, value);
        }
        if entries.len() > MOST_TENSORS {
            return Err(format!("found more than {MOST_TENSORS} tensors"));
        }
        let view = |(name, value)| {
            let view = match value {
                Value::Tensor(tensor) => self.view(self.tensors[tensor as usize]),
                Value::Dict(_) => Err("is a dict; save that one alone".to_owned()),
                _ => Err("is no tensor".to_owned()),
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
                _ => Err("has a shape that is none".to_owned()),
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

/// What a pickle ends with that Python would not read either.
fn no_value() -> String {
    "the pickle is damaged".to_owned()
}
