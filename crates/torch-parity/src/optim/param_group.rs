use tch::Tensor;
use tch::nn::VarStore;

use super::setting::{Setting, Settings};
use crate::nn::parameters;

/// Parameters that share their settings: Python's `{"params": [...], "lr": 1e-3}`.
#[derive(Debug, Default)]
pub struct ParamGroup {
    /// The parameters.
    pub params: Vec<Tensor>,
    /// The settings that override the optimizer's defaults. Unknown names are kept, as in Python.
    pub settings: Settings,
}

impl ParamGroup {
    /// Parameters with the optimizer's defaults.
    pub fn new(params: Vec<Tensor>) -> Self {
        Self {
            params,
            settings: Settings::new(),
        }
    }

    /// Adds a setting under Python's name.
    pub fn with(mut self, name: &str, value: impl Into<Setting>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }
}

/// The parameters of an optimizer: Python's argument `params`.
///
/// Created from a `VarStore`, whose [`parameters`] form one group, from tensors, or from groups.
#[derive(Debug)]
pub struct ParamGroups(pub(super) Vec<ParamGroup>);

impl From<&VarStore> for ParamGroups {
    fn from(vs: &VarStore) -> Self {
        parameters(vs).into()
    }
}

impl From<Vec<Tensor>> for ParamGroups {
    fn from(params: Vec<Tensor>) -> Self {
        match params.is_empty() {
            true => Self(Vec::new()),
            false => Self(vec![ParamGroup::new(params)]),
        }
    }
}

impl From<Vec<ParamGroup>> for ParamGroups {
    fn from(groups: Vec<ParamGroup>) -> Self {
        Self(groups)
    }
}

impl<const N: usize> From<[ParamGroup; N]> for ParamGroups {
    fn from(groups: [ParamGroup; N]) -> Self {
        Self(groups.into())
    }
}
