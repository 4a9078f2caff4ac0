use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::setting::{Setting, Settings};
use crate::serialization::NamedTensors;
use crate::{Error, Result};

/// `optimizer.state_dict()`: the state of each parameter, and the parameter groups.
///
/// In a file it has two parts, since `.safetensors` stores only tensors: [`StateDict::tensors`],
/// and [`StateDict::param_groups_json`] as text metadata.
#[derive(Debug, Default)]
pub struct StateDict {
    /// For each parameter, by its number over all groups: the tensors under Python's names. Empty
    /// before the first step, and without parameters that had no gradient yet.
    pub state: BTreeMap<usize, NamedTensors>,
    /// The groups, in order.
    pub param_groups: Vec<SavedGroup>,
}

/// One of `optimizer.state_dict()["param_groups"]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedGroup {
    /// The numbers of its parameters, as in [`StateDict::state`].
    pub params: Vec<usize>,
    /// All other entries.
    pub settings: Settings,
}

const PARAMS: &str = "params";

impl StateDict {
    /// The state of parameter `i` under `<i>.<name>`: handles, not copies.
    pub fn tensors(&self) -> NamedTensors {
        let mut tensors = NamedTensors::new();
        for (i, state) in &self.state {
            let named = state.iter();
            tensors.extend(
                named.map(|(name, tensor)| (format!("{i}.{name}"), tensor.shallow_clone())),
            );
        }
        tensors
    }

    /// `json.dumps(optimizer.state_dict()["param_groups"])`.
    ///
    /// # Errors
    /// If a setting is infinite or NaN, which JSON does not support.
    pub fn param_groups_json(&self) -> Result<String> {
        let group = |group: &SavedGroup| -> Result<Value> {
            let mut entries = Map::new();
            for (name, setting) in &group.settings {
                entries.insert(name.clone(), setting.to_json()?);
            }
            entries.insert(PARAMS.to_owned(), Value::from(group.params.clone()));
            Ok(Value::Object(entries))
        };
        let groups = self.param_groups.iter().map(group);
        Ok(Value::Array(groups.collect::<Result<_>>()?).to_string())
    }

    /// The state dict from [`StateDict::tensors`] and [`StateDict::param_groups_json`], or from
    /// Python.
    ///
    /// # Errors
    /// If a name is not `<i>.<name>`, or if `param_groups` is not a JSON list of groups.
    pub fn from_parts(tensors: NamedTensors, param_groups: &str) -> Result<Self> {
        let mut state = BTreeMap::<usize, NamedTensors>::new();
        for (key, tensor) in tensors {
            let parts = key.split_once('.');
            let Some((Ok(i), name)) = parts.map(|(i, name)| (i.parse(), name)) else {
                return Err(Error::StateDict(vec![format!("unexpected key \"{key}\"")]));
            };
            state.entry(i).or_default().insert(name.to_owned(), tensor);
        }
        let no_groups = |problem: String| Error::Argument(format!("param_groups: {problem}"));
        let groups: Vec<Map<String, Value>> =
            serde_json::from_str(param_groups).map_err(|error| no_groups(error.to_string()))?;
        let param_groups = groups
            .into_iter()
            .map(SavedGroup::from_json)
            .collect::<Result<_>>()?;
        Ok(Self {
            state,
            param_groups,
        })
    }
}

impl SavedGroup {
    fn from_json(mut entries: Map<String, Value>) -> Result<Self> {
        let params = match entries.remove(PARAMS) {
            Some(Value::Array(numbers)) => numbers.iter().map(index).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let params = params.ok_or_else(|| {
            Error::Argument(format!(
                "param_groups: expected a list of numbers as \"{PARAMS}\""
            ))
        })?;
        let entries = entries.iter();
        let settings = entries.map(|(name, value)| Ok((name.clone(), Setting::from_json(value)?)));
        Ok(Self {
            params,
            settings: settings.collect::<Result<_>>()?,
        })
    }
}

fn index(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}
