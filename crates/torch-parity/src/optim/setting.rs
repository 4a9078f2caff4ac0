use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Error, Result};

/// A value in a parameter group, with the types that Python's have.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
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
    /// `tuple` or `list`; JSON does not tell them apart.
    List(Vec<Setting>),
}

/// The entries of a parameter group but for `params`, under Python's names.
pub type Settings = BTreeMap<String, Setting>;

impl From<bool> for Setting {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Option<bool>> for Setting {
    fn from(value: Option<bool>) -> Self {
        value.map_or(Self::None, Self::Bool)
    }
}

impl From<i64> for Setting {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Setting {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Setting {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// Two numbers, such as `betas`.
impl From<(f64, f64)> for Setting {
    fn from((first, second): (f64, f64)) -> Self {
        Self::List(vec![first.into(), second.into()])
    }
}

impl Setting {
    /// The number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            _ => None,
        }
    }

    /// As Python's `json` writes it.
    ///
    /// # Errors
    /// For an infinite number and for NaN, which JSON does not have.
    pub(super) fn to_json(&self) -> Result<Value> {
        Ok(match self {
            Self::None => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::from(*value),
            Self::Float(value) if value.is_finite() => Value::from(*value),
            Self::Float(value) => {
                return Err(Error::Argument(format!("JSON has no number {value}")));
            }
            Self::Text(value) => Value::from(value.as_str()),
            Self::List(values) => {
                Value::Array(values.iter().map(Self::to_json).collect::<Result<_>>()?)
            }
        })
    }

    /// What Python's `json` wrote.
    ///
    /// # Errors
    /// For a dict, and for an integer that takes more than 64 bits.
    pub(super) fn from_json(value: &Value) -> Result<Self> {
        Ok(match value {
            Value::Null => Self::None,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) if number.is_f64() => {
                Self::Float(number.as_f64().unwrap_or(f64::NAN))
            }
            Value::Number(number) => Self::Int(number.as_i64().ok_or_else(|| {
                Error::Argument(format!(
                    "expected a number of at most 64 bits, found {number}"
                ))
            })?),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(values) => {
                Self::List(values.iter().map(Self::from_json).collect::<Result<_>>()?)
            }
            Value::Object(_) => {
                return Err(Error::Argument(format!(
                    "expected a setting, found {value}"
                )));
            }
        })
    }

    /// What it is, for a message.
    fn described(&self) -> String {
        match self {
            Self::None => "None".to_owned(),
            Self::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Text(text) => format!("{text:?}"),
            Self::List(values) => format!("{} values", values.len()),
        }
    }
}

/// Takes the entries that an algorithm knows out of a group; what is left are those that schedulers
/// keep there.
#[derive(Debug)]
pub struct Taking<'a>(pub(super) &'a mut Settings);

impl Taking<'_> {
    /// A number.
    ///
    /// # Errors
    /// If there is no such entry, or if it is no number.
    pub fn float(&mut self, name: &str) -> Result<f64> {
        let value = self.take(name)?;
        value
            .as_f64()
            .ok_or_else(|| unexpected(name, "a number", &value))
    }

    /// Two numbers.
    ///
    /// # Errors
    /// As [`Taking::float`].
    pub fn two_floats(&mut self, name: &str) -> Result<(f64, f64)> {
        let value = self.take(name)?;
        let numbers = match &value {
            Setting::List(values) => values.iter().map(Setting::as_f64).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        match numbers[..] {
            [Some(first), Some(second)] => Ok((first, second)),
            _ => Err(unexpected(name, "two numbers", &value)),
        }
    }

    /// `True` or `False`.
    ///
    /// # Errors
    /// As [`Taking::float`].
    pub fn bool(&mut self, name: &str) -> Result<bool> {
        match self.take(name)? {
            Setting::Bool(value) => Ok(value),
            value => Err(unexpected(name, "True or False", &value)),
        }
    }

    /// `True`, `False` or `None`.
    ///
    /// # Errors
    /// As [`Taking::float`].
    pub fn optional_bool(&mut self, name: &str) -> Result<Option<bool>> {
        match self.take(name)? {
            Setting::None => Ok(None),
            Setting::Bool(value) => Ok(Some(value)),
            value => Err(unexpected(name, "True, False or None", &value)),
        }
    }

    fn take(&mut self, name: &str) -> Result<Setting> {
        self.0
            .remove(name)
            .ok_or_else(|| Error::Argument(format!("a parameter group has no entry \"{name}\"")))
    }
}

fn unexpected(name: &str, expected: &str, found: &Setting) -> Error {
    let found = found.described();
    Error::Argument(format!(
        "\"{name}\" of a parameter group: expected {expected}, found {found}"
    ))
}
