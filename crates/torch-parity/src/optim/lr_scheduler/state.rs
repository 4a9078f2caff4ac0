//! Entries of a scheduler's state, and their text.

use serde_json::{Map, Value};

use crate::optim::{Setting, Settings, refused};
use crate::{Error, Result};

pub(super) fn entry(name: &str, value: impl Into<Setting>) -> (String, Setting) {
    (name.to_owned(), value.into())
}

pub(super) fn list(numbers: &[f64]) -> Setting {
    Setting::List(numbers.iter().map(|&number| number.into()).collect())
}

pub(super) fn int_list(numbers: &[i64]) -> Setting {
    Setting::List(numbers.iter().map(|&number| number.into()).collect())
}

fn get<'a>(state: &'a Settings, name: &str) -> Result<&'a Setting> {
    let missing = || Error::Argument(format!("the state of the scheduler has no \"{name}\""));
    state.get(name).ok_or_else(missing)
}

fn unexpected(name: &str, expected: &str) -> Error {
    Error::Argument(format!(
        "\"{name}\" in the state of the scheduler: expected {expected}"
    ))
}

pub(super) fn float(state: &Settings, name: &str) -> Result<f64> {
    let number = get(state, name)?.as_f64();
    number.ok_or_else(|| unexpected(name, "a number"))
}

pub(super) fn int(state: &Settings, name: &str) -> Result<i64> {
    match get(state, name)? {
        Setting::Int(number) => Ok(*number),
        _ => Err(unexpected(name, "an integer")),
    }
}

pub(super) fn bool(state: &Settings, name: &str) -> Result<bool> {
    match get(state, name)? {
        Setting::Bool(value) => Ok(*value),
        _ => Err(unexpected(name, "True or False")),
    }
}

pub(super) fn text<'a>(state: &'a Settings, name: &str) -> Result<&'a str> {
    match get(state, name)? {
        Setting::Text(text) => Ok(text),
        _ => Err(unexpected(name, "a text")),
    }
}

fn items<T>(state: &Settings, name: &str, item: fn(&Setting) -> Option<T>) -> Result<Vec<T>> {
    let items = match get(state, name)? {
        Setting::List(items) => items.iter().map(item).collect(),
        _ => None,
    };
    items.ok_or_else(|| unexpected(name, "a list of numbers"))
}

pub(super) fn floats(state: &Settings, name: &str) -> Result<Vec<f64>> {
    items(state, name, Setting::as_f64)
}

pub(super) fn ints(state: &Settings, name: &str) -> Result<Vec<i64>> {
    items(state, name, |item| match item {
        Setting::Int(number) => Some(*number),
        _ => None,
    })
}

/// A scheduler's state as JSON, to be kept in a file; infinite numbers, which JSON does not have, are texts there.
///
/// # Errors
/// If a number is NaN.
pub fn to_json(state: &Settings) -> Result<String> {
    let mut object = Map::new();
    for (name, setting) in state {
        let value = match setting {
            Setting::Float(number) if number.is_infinite() => Value::from(number.to_string()),
            other => other.to_json()?,
        };
        object.insert(name.clone(), value);
    }
    Ok(Value::Object(object).to_string())
}

/// The state of a scheduler that [`to_json`] wrote.
///
/// # Errors
/// If the text is another.
pub fn from_json(text: &str) -> Result<Settings> {
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(text) else {
        return refused("expected the state of a scheduler");
    };
    let setting = |(name, value): (String, Value)| {
        let setting = match &value {
            Value::String(text) if text == "inf" => Setting::Float(f64::INFINITY),
            Value::String(text) if text == "-inf" => Setting::Float(f64::NEG_INFINITY),
            value => Setting::from_json(value)?,
        };
        Ok((name, setting))
    };
    object.into_iter().map(setting).collect()
}
