use std::fmt;

use tch::Tensor;

use super::param_group::ParamGroup;
use super::setting::Setting;
use super::state_dict::StateDict;
use crate::Result;

/// The interface of an optimizer, as in Python. Parameter groups are selected by index; an index
/// out of range panics.
pub trait Optimizer: fmt::Debug {
    /// Sets the gradients to `None` or, without `set_to_none`, fills them with zeros.
    ///
    /// [`Optimizer::step`] skips parameters without a gradient, but updates those with a gradient
    /// of zero, for example by their momentum.
    ///
    /// # Errors
    /// If libtorch cannot fill a gradient: a ZeroTensor has no memory to write to.
    fn zero_grad(&mut self, set_to_none: bool) -> Result<()>;

    /// Updates every parameter that has a gradient.
    ///
    /// # Errors
    /// If Python's `step` raises an error for the gradient or the settings. Errors that can be
    /// detected beforehand (a sparse gradient) are, and then no parameter has changed.
    fn step(&mut self) -> Result<()>;

    /// The number of parameter groups.
    fn group_count(&self) -> usize;

    /// The parameters of a group.
    fn params(&self, group: usize) -> &[Tensor];

    /// `param_groups[group]["lr"]`
    fn lr(&self, group: usize) -> f64;

    /// `param_groups[group]["lr"] = lr`
    fn set_lr(&mut self, group: usize, lr: f64);

    /// `param_groups[group]["momentum"]`, or with Adam `["betas"][0]`, which `OneCycleLR` and
    /// `CyclicLR` cycle. `None` if the optimizer has neither.
    fn momentum(&self, group: usize) -> Option<f64>;

    /// Sets the value that [`Optimizer::momentum`] reads; a no-op if the optimizer has neither.
    fn set_momentum(&mut self, group: usize, momentum: f64);

    /// `param_groups[group].get(name)`: a setting of the optimizer, or an entry that a scheduler
    /// stores there (`initial_lr`, `max_lr`, …).
    fn setting(&self, group: usize, name: &str) -> Option<Setting>;

    /// `param_groups[group][name] = value`
    ///
    /// # Errors
    /// If the optimizer has a setting of that name and `value` is invalid for it.
    fn set_setting(&mut self, group: usize, name: &str, value: Setting) -> Result<()>;

    /// Adds a group of parameters, with the optimizer's defaults for settings that the group does
    /// not have.
    ///
    /// # Errors
    /// If a parameter is in the optimizer already, is in the group twice, is undefined or is not a
    /// leaf, or if a setting is invalid. Nothing is added then.
    fn add_param_group(&mut self, group: ParamGroup) -> Result<()>;

    /// `param_groups[group]["params"].extend(params)`
    ///
    /// # Errors
    /// See [`Optimizer::add_param_group`].
    fn add_params(&mut self, group: usize, params: Vec<Tensor>) -> Result<()>;

    /// `optimizer.state_dict()`. The tensors, except `step`, share the optimizer's memory.
    fn state_dict(&self) -> StateDict;

    /// Restores state and settings from [`Optimizer::state_dict`] or Python. The tensors are
    /// copied.
    ///
    /// # Errors
    /// If the number or the sizes of the groups differ, if a setting is missing or invalid, or if a
    /// tensor of a parameter's state is missing, unexpected or has another shape or dtype (Python
    /// would convert it). Nothing is loaded then.
    fn load_state_dict(&mut self, dict: &StateDict) -> Result<()>;
}
