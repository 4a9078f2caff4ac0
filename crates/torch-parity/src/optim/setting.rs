use std::collections::BTreeMap;

use serde_json::Value;

use super::refused;
use crate::{Error, Result};

/// A value in a parameter group or in the state of a scheduler, with Python's types.
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
    /// `tuple` or `list`, which JSON does not distinguish.
    List(Vec<Setting>),
    /// `dict` with names as keys: the state of a scheduler in another.
    Dict(Settings),
}

/// Settings under Python's names: the entries of a parameter group except `params`, or the state of
/// a scheduler.
pub type Settings = BTreeMap<String, Setting>;

impl Setting {
    /// The value as a number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The value as JSON, as written by Python's `json`.
    ///
    /// # Errors
    /// If the number is infinite or NaN, which JSON does not support.
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
            Self::Dict(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(name, value)| Ok((name.clone(), value.to_json()?)));
                Value::Object(entries.collect::<Result<_>>()?)
            }
        })
    }

    /// The setting in JSON written by Python's `json`.
    ///
    /// # Errors
    /// If it is an integer of more than 64 bits.
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
            Value::Object(entries) => {
                let entries = entries.iter();
                let entries =
                    entries.map(|(name, value)| Ok((name.clone(), Self::from_json(value)?)));
                Self::Dict(entries.collect::<Result<_>>()?)
            }
        })
    }

    /// The value in an error message.
    fn described(&self) -> String {
        match self {
            Self::None => "None".to_owned(),
            Self::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Text(text) => format!("{text:?}"),
            Self::List(values) => format!("{} values", values.len()),
            Self::Dict(entries) => format!("a dict of {}", entries.len()),
        }
    }
}

/// A type as which a [`Setting`] can be read.
pub trait Typed: Sized {
    /// The name of the type in an error message.
    const EXPECTED: &'static str;

    /// The value, if the setting has this type.
    fn read(setting: &Setting) -> Option<Self>;
}

/// Implements the conversions between types and settings.
macro_rules! typed {
    ($($type:ty, $expected:literal: |$value:ident| $setting:expr, |$found:ident| $read:expr;)+) => {$(
        impl From<$type> for Setting {
            fn from($value: $type) -> Self {
                $setting
            }
        }

        impl Typed for $type {
            const EXPECTED: &'static str = $expected;

            fn read($found: &Setting) -> Option<Self> {
                $read
            }
        }
    )+};
}

typed! {
    bool, "True or False": |value| Setting::Bool(value), |setting| match setting {
        Setting::Bool(value) => Some(*value),
        _ => None,
    };
    Option<bool>, "True, False or None": |value| value.map_or(Setting::None, Setting::Bool),
    |setting| match setting {
        Setting::None => Some(None),
        setting => bool::read(setting).map(Some),
    };
    i64, "an integer": |value| Setting::Int(value), |setting| match setting {
        Setting::Int(value) => Some(*value),
        _ => None,
    };
    f64, "a number": |value| Setting::Float(value), |setting| setting.as_f64();
    (f64, f64), "two numbers": |value| vec![value.0, value.1].into(),
    |setting| match Vec::<f64>::read(setting)?[..] {
        [first, second] => Some((first, second)),
        _ => None,
    };
    Vec<f64>, "a list of numbers": |values| list(values), |setting| items(setting);
    Vec<i64>, "a list of integers": |values| list(values), |setting| items(setting);
    String, "a text": |text| Setting::Text(text), |setting| match setting {
        Setting::Text(text) => Some(text.clone()),
        _ => None,
    };
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

fn list(values: Vec<impl Into<Setting>>) -> Setting {
    Setting::List(values.into_iter().map(Into::into).collect())
}

fn items<T: Typed>(setting: &Setting) -> Option<Vec<T>> {
    match setting {
        Setting::List(items) => items.iter().map(T::read).collect(),
        _ => None,
    }
}

/// Reads the entry `name` of `settings`, which are called `owner` in error messages.
///
/// # Errors
/// If it is missing or has another type.
pub(super) fn get<T: Typed>(settings: &Settings, owner: &str, name: &str) -> Result<T> {
    let Some(setting) = settings.get(name) else {
        return refused(format!("{owner} has no entry \"{name}\""));
    };
    T::read(setting).map_or_else(
        || {
            refused(format!(
                "\"{name}\" of {owner}: expected {}, found {}",
                T::EXPECTED,
                setting.described()
            ))
        },
        Ok,
    )
}
