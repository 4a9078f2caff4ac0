//! The states of optimizers and schedulers as `torch.save` writes them.

use std::collections::BTreeMap;

use super::setting::{Setting, Settings};
use super::state_dict::{SavedGroup, StateDict};
use crate::serialization::{Dict, Key, NamedTensors, Value};
use crate::{Error, Result};

/// `MultiStepLR` counts its milestones in a `Counter`.
const MILESTONES: &str = "milestones";

const PARAMS: &str = "params";

fn refused<T>(what: &str, expected: &str, found: &Value) -> Result<T> {
    Err(Error::Argument(format!(
        "{what}: expected {expected}, found {}",
        found.kind()
    )))
}

impl Setting {
    /// The setting as a value of Python's. Lists are lists, except the betas of Adam and others,
    /// which are a tuple.
    fn to_value(&self, name: &str) -> Value {
        match self {
            Self::None => Value::None,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Text(text) => Value::Text(text.clone()),
            Self::List(values) if name == MILESTONES => {
                let mut counts = BTreeMap::<i64, i64>::new();
                for value in values {
                    if let Self::Int(value) = value {
                        *counts.entry(*value).or_default() += 1;
                    }
                }
                Value::Dict(counts.into_iter().collect())
            }
            Self::List(values) => {
                let values = values.iter().map(|value| value.to_value("")).collect();
                match name {
                    "betas" | "etas" | "step_sizes" => Value::Tuple(values),
                    _ => Value::List(values),
                }
            }
            Self::Dict(entries) => settings_to_value(entries),
        }
    }

    fn from_value(name: &str, value: &Value) -> Result<Self> {
        Ok(match value {
            Value::None => Self::None,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Float(value) => Self::Float(*value),
            Value::Text(text) => Self::Text(text.clone()),
            Value::List(values) | Value::Tuple(values) => {
                let values = values.iter().map(|value| Self::from_value(name, value));
                Self::List(values.collect::<Result<_>>()?)
            }
            Value::Dict(dict) if name == MILESTONES => Self::List(milestones(dict)?),
            Value::Dict(_) => Self::Dict(settings_from_value(value)?),
            // A learning rate or a step that is a tensor.
            Value::Tensor(tensor) if tensor.numel() == 1 => match tensor.is_floating_point() {
                true => Self::Float(tensor.f_double_value(&[])?),
                false => Self::Int(tensor.f_int64_value(&[])?),
            },
            other => return refused(&format!("\"{name}\""), "a number, a text or a list", other),
        })
    }
}

/// The milestones of a `Counter`, each as often as it counts.
fn milestones(dict: &Dict) -> Result<Vec<Setting>> {
    /// More than there are epochs.
    const MOST: i64 = 1 << 20;
    let mut all = Vec::new();
    for (key, count) in &dict.entries {
        let (Key::Int(milestone), Value::Int(count @ 0..MOST)) = (key, count) else {
            return refused("\"milestones\"", "a count for each milestone", count);
        };
        all.extend((0..*count).map(|_| Setting::Int(*milestone)));
    }
    all.sort_by_key(|setting| match setting {
        Setting::Int(milestone) => *milestone,
        _ => 0,
    });
    Ok(all)
}

/// The state of a scheduler, or the entries of a parameter group, as a dict of Python's.
pub fn settings_to_value(settings: &Settings) -> Value {
    let entries = settings.iter();
    let entries = entries.map(|(name, setting)| (name.clone(), setting.to_value(name)));
    Value::Dict(entries.collect())
}

/// The state of a scheduler from Python's `scheduler.state_dict()` or from
/// [`settings_to_value`].
///
/// # Errors
/// If it is no dict of numbers, texts and lists.
pub fn settings_from_value(value: &Value) -> Result<Settings> {
    let Value::Dict(dict) = value else {
        return refused("the state of a scheduler", "a dict", value);
    };
    let entries = dict.entries.iter().map(|(key, value)| match key {
        Key::Text(name) => Ok((name.clone(), Setting::from_value(name, value)?)),
        key => Err(Error::Argument(format!("expected a name, found {key}"))),
    });
    entries.collect()
}

impl StateDict {
    /// `optimizer.state_dict()` as Python has it, sharing the memory of the tensors.
    pub fn to_value(&self) -> Value {
        let state = self.state.iter().map(|(&i, state)| {
            let tensors = state.iter();
            let tensors: NamedTensors = tensors
                .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
                .collect();
            (i as i64, Value::from(tensors))
        });
        let groups = self.param_groups.iter().map(|group| {
            let mut dict = match settings_to_value(&group.settings) {
                Value::Dict(dict) => dict,
                _ => Dict::default(),
            };
            let params = group.params.iter().map(|&i| Value::Int(i as i64));
            dict.entries
                .push((PARAMS.into(), Value::List(params.collect())));
            Value::Dict(dict)
        });
        let groups = Value::List(groups.collect());
        let state: Dict = state.collect();
        Value::Dict(
            [("state", Value::Dict(state)), ("param_groups", groups)]
                .into_iter()
                .collect(),
        )
    }

    /// The state dict of an optimizer of Python's, or from [`StateDict::to_value`]. The tensors
    /// share their memory.
    ///
    /// # Errors
    /// If it has another layout.
    pub fn from_value(value: &Value) -> Result<Self> {
        let (state, groups) = match (value.get("state"), value.get("param_groups")) {
            (Some(Value::Dict(state)), Some(Value::List(groups))) => (state, groups),
            _ => return refused("an optimizer", "a dict of state and param_groups", value),
        };
        let state = state.entries.iter().map(|(key, value)| match key {
            Key::Int(i) if *i >= 0 => Ok((*i as usize, value.state_tensors(*i)?)),
            key => Err(Error::Argument(format!(
                "expected the number of a parameter, found {key}"
            ))),
        });
        let groups = groups.iter().map(SavedGroup::from_value);
        Ok(Self {
            state: state.collect::<Result<_>>()?,
            param_groups: groups.collect::<Result<_>>()?,
        })
    }
}

impl Value {
    /// The state of parameter `i`. A momentum that does not exist yet is `None` in Python, and a
    /// step was a number before PyTorch 1.12.
    fn state_tensors(&self, i: i64) -> Result<NamedTensors> {
        let Self::Dict(dict) = self else {
            return refused(&format!("the state of parameter {i}"), "a dict", self);
        };
        let mut tensors = NamedTensors::new();
        for (key, value) in &dict.entries {
            let Key::Text(name) = key else {
                return Err(Error::Argument(format!("expected a name, found {key}")));
            };
            let tensor = match value {
                Self::None => continue,
                Self::Tensor(tensor) => tensor.shallow_clone(),
                Self::Int(number) => (*number as f32).into(),
                Self::Float(number) => (*number as f32).into(),
                other => return refused(&format!("{i}.{name}"), "a tensor", other),
            };
            tensors.insert(name.clone(), tensor);
        }
        Ok(tensors)
    }
}

impl SavedGroup {
    fn from_value(value: &Value) -> Result<Self> {
        let Value::Dict(dict) = value else {
            return refused("a parameter group", "a dict", value);
        };
        let index = |value: &Value| match value {
            Value::Int(i) => usize::try_from(*i).ok(),
            _ => None,
        };
        let params = match dict.get(PARAMS) {
            Some(Value::List(params)) => params.iter().map(index).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let Some(params) = params else {
            return refused(
                "a parameter group",
                "a list of numbers as \"params\"",
                value,
            );
        };
        let mut settings = settings_from_group(dict)?;
        settings.remove(PARAMS);
        Ok(Self { params, settings })
    }
}

fn settings_from_group(dict: &Dict) -> Result<Settings> {
    let entries = dict.entries.iter().filter_map(|(key, value)| match key {
        Key::Text(name) => Some((name, value)),
        _ => None,
    });
    let entries =
        entries.map(|(name, value)| Ok((name.clone(), Setting::from_value(name, value)?)));
    entries.collect()
}
