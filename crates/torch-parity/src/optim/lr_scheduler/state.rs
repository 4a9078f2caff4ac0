//! The entries of a scheduler's state, and their JSON.

use serde_json::{Map, Value};

use crate::Result;
use crate::optim::refused;
use crate::optim::setting::{self, Setting, Settings, Typed};

pub(super) fn entry(name: &str, value: impl Into<Setting>) -> (String, Setting) {
    (name.to_owned(), value.into())
}

/// Reads an entry of a scheduler's state.
pub(super) fn get<T: Typed>(state: &Settings, name: &str) -> Result<T> {
    setting::get(state, "the state of the scheduler", name)
}

/// The arguments of a schedule, as entries of its state under the names of Python's attributes.
pub trait Saved: Sized {
    /// The arguments.
    fn save(&self) -> Settings;

    /// A copy with the arguments from [`Saved::save`] or Python.
    ///
    /// # Errors
    /// If one is missing or has another type.
    fn load(&self, state: &Settings) -> Result<Self>;
}

/// Defines the arguments of a schedule, with fields named like Python's attributes.
macro_rules! saved {
    ($(#[$attribute:meta])* pub struct $name:ident {
        $($(#[$doc:meta])* $visibility:vis $field:ident: $type:ty,)+
    }) => {
        $(#[$attribute])*
        pub struct $name {
            $($(#[$doc])* $visibility $field: $type,)+
        }

        impl Saved for $name {
            fn save(&self) -> Settings {
                Settings::from([$(entry(stringify!($field), self.$field.clone()),)+])
            }

            fn load(&self, state: &Settings) -> Result<Self> {
                Ok(Self { $($field: get(state, stringify!($field))?,)+ })
            }
        }
    };
}
pub(super) use saved;

/// Defines the string values of an argument with a fixed set of values.
macro_rules! choice {
    ($name:ident { $($variant:ident = $text:literal),+ } $expected:literal) => {
        impl From<$name> for Setting {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => $text.into(),)+
                }
            }
        }

        impl Typed for $name {
            const EXPECTED: &'static str = $expected;

            fn read(setting: &Setting) -> Option<Self> {
                match setting {
                    $(Setting::Text(text) if text == $text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(super) use choice;

/// A scheduler's state as JSON, for a file. Infinite numbers, which JSON does not support, are
/// written as strings.
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

/// The state of a scheduler written by [`to_json`].
///
/// # Errors
/// If the text is not such a state.
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
