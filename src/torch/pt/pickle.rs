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

use std::collections::BTreeMap;

use tch::Kind;

use crate::torch::messages::shown;

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

    fn step(&mut self, instruction: u8) -> Found<()> {
        match instruction {
            // PROTO: nothing to do.
            0x80 => drop(self.take(1)?),
            // MARK, POP, POP_MARK
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_group()?),
            // NONE, NEWTRUE, NEWFALSE, BININT1, BININT2, BININT, LONG1, BINFLOAT
            b'N' => self.stack.push(Value::Other),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'K' => self.integer(1, false)?,
            b'M' => self.integer(2, false)?,
            b'J' => self.integer(4, true)?,
            0x8a => {
                let length = self.byte()?.into();
                self.integer(length, true)?;
            }
            b'G' => {
                self.take(8)?;
                self.stack.push(Value::Other);
            }
            // BINUNICODE
            b'X' => self.text()?,
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.tuple(self.stack.len())?,
            0x85..=0x87 => {
                let count = usize::from(instruction - 0x84);
                let start = self.stack.len().checked_sub(count);
                self.tuple(start.ok_or_else(no_value)?)?;
            }
            b't' => {
                let start = self.marks.pop().ok_or_else(no_value)?;
                self.tuple(start)?;
            }
            // EMPTY_LIST, APPEND, APPENDS: no list is of interest.
            b']' => self.stack.push(Value::Other),
            b'a' => drop(self.pop()?),
            b'e' => drop(self.pop_group()?),
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.dict(),
            b's' => {
                let start = self.stack.len().checked_sub(2);
                self.set_items(start.ok_or_else(no_value)?)?;
            }
            b'u' => {
                let start = self.marks.pop().ok_or_else(no_value)?;
                self.set_items(start)?;
            }
            // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
            b'q' => self.put(1)?,
            b'r' => self.put(4)?,
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            // GLOBAL
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.global(module, name)?;
            }
            // BINPERSID, REDUCE, BUILD
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            // The attributes of the OrderedDict, which are `_metadata`: versions of the modules.
            b'b' => match (self.pop()?, self.top()?) {
                (_, Value::Dict(_)) => {}
                _ => return Err("found an object with a state".to_owned()),
            },
            other => return Err(format!("found the pickle instruction {other:#04x}")),
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Found<&'a [u8]> {
        let rest = &self.pickle[self.next..];
        let taken = rest.get(..count).ok_or("the pickle is cut short")?;
        self.next += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Found<u8> {
        Ok(self.take(1)?[0])
    }

    /// A number of `count` bytes, little-endian.
    fn number(&mut self, count: usize, is_signed: bool) -> Found<i64> {
        let bytes = self.take(count)?;
        let is_negative = is_signed && bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        let low = wide.get_mut(..count).ok_or("found a number over 64 bits")?;
        low.copy_from_slice(bytes);
        Ok(i64::from_le_bytes(wide))
    }

    fn integer(&mut self, count: usize, is_signed: bool) -> Found<()> {
        let number = self.number(count, is_signed)?;
        self.stack.push(Value::Int(number));
        Ok(())
    }

    /// Text behind its length.
    fn text(&mut self) -> Found<()> {
        let length = self.number(4, false)? as usize;
        let text = self.take(length)?;
        if str::from_utf8(text).is_err() {
            return Err("found text that is not UTF-8".to_owned());
        }
        let range = Range {
            start: (self.next - length) as u32,
            end: self.next as u32,
        };
        self.stack.push(Value::Text(range));
        Ok(())
    }

    /// Text up to the end of a line.
    fn line(&mut self) -> Found<&'a str> {
        let rest = &self.pickle[self.next..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(length.ok_or("the pickle is cut short")?)?;
        self.next += 1;
        str::from_utf8(line).map_err(|_| "found a name that is not UTF-8".to_owned())
    }

    fn top(&self) -> Found<Value> {
        self.stack.last().copied().ok_or_else(no_value)
    }

    fn pop(&mut self) -> Found<Value> {
        self.stack.pop().ok_or_else(no_value)
    }

    /// Drops the values since the last mark.
    fn pop_group(&mut self) -> Found<()> {
        let start = self.marks.pop().ok_or_else(no_value)?;
        self.stack.truncate(start);
        Ok(())
    }

    /// Makes a tuple of the values from `start` on.
    fn tuple(&mut self, start: usize) -> Found<()> {
        let values = self.stack.get(start..).ok_or_else(no_value)?;
        let first = self.items.len() as u32;
        self.items.extend(values);
        let range = Range {
            start: first,
            end: self.items.len() as u32,
        };
        self.stack.truncate(start);
        self.stack.push(Value::Tuple(range));
        Ok(())
    }

    fn dict(&mut self) {
        self.stack.push(Value::Dict(self.dicts.len() as u32));
        self.dicts.push(Vec::new());
    }

    /// Puts pairs of key and value, from `start` on, into the dict before them.
    fn set_items(&mut self, start: usize) -> Found<()> {
        let pairs = self.stack.get(start..).ok_or_else(no_value)?;
        let dict = start.checked_sub(1).map(|place| self.stack[place]);
        let Some(Value::Dict(dict)) = dict else {
            return Err("found items of no dict".to_owned());
        };
        let pairs = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        self.dicts[dict as usize].extend(pairs);
        self.stack.truncate(start);
        Ok(())
    }

    fn put(&mut self, count: usize) -> Found<()> {
        let place = self.number(count, false)? as usize;
        let value = self.top()?;
        // Python numbers them from 0 on.
        if place == self.memo.len() {
            self.memo.push(value);
        } else {
            *self.memo.get_mut(place).ok_or_else(no_value)? = value;
        }
        Ok(())
    }

    fn get(&mut self, count: usize) -> Found<()> {
        let place = self.number(count, false)? as usize;
        let value = self.memo.get(place).copied().ok_or_else(no_value)?;
        self.stack.push(value);
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Found<()> {
        let value = match (module, name) {
            ("collections", "OrderedDict") => Value::Function(Function::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Value::Function(Function::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Value::Function(Function::RebuildParameter),
            ("torch", name) if storage_kind(name).is_some() => {
                Value::StorageType(storage_kind(name).ok_or_else(no_value)?)
            }
            _ => {
                let name = shown(&format!("{module}.{name}"));
                return Err(format!("found {name}, which is not read here"));
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// Names a storage: `("storage", torch.FloatStorage, key, device, length)`.
    fn storage(&mut self) -> Found<()> {
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

    fn call(&mut self) -> Found<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Function(function) = function else {
            return Err("found a call of no function".to_owned());
        };
        match (function, self.as_tuple(arguments)) {
            (Function::OrderedDict, []) => self.dict(),
            // Data, whether it requires a gradient, hooks.
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
                    // Whether it requires a gradient, and hooks.
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

    /// What a tensor's metadata says of its sign; there is none of most tensors.
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

/// The dtype of a storage, `torch.FloatStorage`.
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
