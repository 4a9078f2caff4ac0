//! The values that `torch.save` writes beside tensors.

use std::collections::BTreeMap;

use tch::Tensor;

use super::NamedTensors;
use crate::{Error, Result, shown};

/// A value of Python's, as data: [`load`](super::load) reads it, [`save`](super::save) writes it.
///
/// `T` is the type of its tensors.
#[derive(Debug)]
pub enum Value<T = Tensor> {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `float`
    Float(f64),
    /// `str`
    Text(String),
    /// `list`, or a set.
    List(Vec<Value<T>>),
    /// `tuple`
    Tuple(Vec<Value<T>>),
    /// `dict`, or one of its kinds: `OrderedDict`, `defaultdict`, `Counter`.
    Dict(Dict<T>),
    /// A tensor, or a NumPy array of numbers.
    Tensor(T),
    /// Anything else, by a phrase that says what it is, such as `an object of class "a.B"`. It
    /// cannot be saved.
    Other(String),
}

/// A `dict`, in its order.
#[derive(Debug)]
pub struct Dict<T = Tensor> {
    /// The keys and values. No key occurs twice.
    pub entries: Vec<(Key, Value<T>)>,
    /// `state_dict._metadata`: the version of each module, by its name. Empty for any other dict.
    pub versions: BTreeMap<String, i64>,
}

/// A key of a [`Dict`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `int`
    Int(i64),
    /// `str`
    Text(String),
    /// Anything else, by a phrase that says what it is. It cannot be saved.
    Other(String),
}

impl<T> Default for Dict<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            versions: BTreeMap::new(),
        }
    }
}

impl<T> Dict<T> {
    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&Value<T>> {
        let mut entries = self.entries.iter();
        let found = entries.find(|(key, _)| matches!(key, Key::Text(text) if text == name));
        found.map(|(_, value)| value)
    }
}

impl<T, K: Into<Key>, V: Into<Value<T>>> FromIterator<(K, V)> for Dict<T> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        Self {
            entries: entries
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            versions: BTreeMap::new(),
        }
    }
}

impl<T> Value<T> {
    /// The value under a name, if this is a dict that has it.
    pub fn get(&self, name: &str) -> Option<&Value<T>> {
        match self {
            Self::Dict(dict) => dict.get(name),
            _ => None,
        }
    }

    /// A phrase that says what kind of value this is.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "True or False",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
            Self::Tensor(_) => "a tensor",
            Self::Other(what) => what,
        }
    }

    /// The value with other tensors.
    pub(super) fn map<U>(self, read: &mut impl FnMut(T) -> Result<U>) -> Result<Value<U>> {
        let mut all = |values: Vec<Self>| -> Result<Vec<Value<U>>> {
            values.into_iter().map(|value| value.map(read)).collect()
        };
        Ok(match self {
            Self::None => Value::None,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Text(value) => Value::Text(value),
            Self::Other(what) => Value::Other(what),
            Self::List(values) => Value::List(all(values)?),
            Self::Tuple(values) => Value::Tuple(all(values)?),
            Self::Tensor(tensor) => Value::Tensor(read(tensor)?),
            Self::Dict(Dict { entries, versions }) => {
                let entries = entries.into_iter();
                let entries = entries.map(|(key, value)| Ok((key, value.map(read)?)));
                Value::Dict(Dict {
                    entries: entries.collect::<Result<_>>()?,
                    versions,
                })
            }
        })
    }
}

impl Value {
    /// The tensors of a state dict by name, sharing their memory.
    ///
    /// # Errors
    /// If this is not a dict of tensors by name.
    pub fn named_tensors(&self) -> Result<NamedTensors> {
        let Self::Dict(dict) = self else {
            let found = self.kind();
            return Err(Error::Argument(format!(
                "expected a dict of tensors, found {found}"
            )));
        };
        let named = dict.entries.iter().map(|(key, value)| match (key, value) {
            (Key::Text(name), Self::Tensor(tensor)) => Ok((name.clone(), tensor.shallow_clone())),
            (key, value) => Err(Error::Argument(format!(
                "expected a dict of tensors, found {} under {key}",
                value.kind()
            ))),
        });
        named.collect()
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(&shown(text)),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Key {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),+) => {$(
        impl<T> From<$type> for Value<T> {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

from!(bool => Bool, i64 => Int, f64 => Float, &str => Text, String => Text, Dict<T> => Dict);

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

/// A state dict: handles to the tensors.
impl From<NamedTensors> for Value {
    fn from(tensors: NamedTensors) -> Self {
        Self::Dict(tensors.into_iter().collect())
    }
}
