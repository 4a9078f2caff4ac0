use std::fmt;

use tch::Tensor;

use super::param_group::ParamGroup;
use super::setting::Setting;
use super::state_dict::StateDict;
use crate::Result;

/// What training asks of an optimizer, as in Python. A parameter group is named by its number; one
/// that is not there is a panic, as an index out of range is.
pub trait Optimizer: fmt::Debug {
    /// Forgets the gradients of the last step, or, without `set_to_none`, fills them with zeros.
    ///
    /// A parameter without a gradient is skipped by [`Optimizer::step`]; one whose gradient is zero
    /// is not, and its momentum moves it on.
    ///
    /// # Errors
    /// If libtorch cannot fill a gradient: a ZeroTensor has no memory to write to.
    fn zero_grad(&mut self, set_to_none: bool) -> Result<()>;

    /// Moves every parameter that has a gradient.
    ///
    /// # Errors
    /// If the gradient or the settings are such that Python's `step` raises an error. What can be
    /// found out beforehand (a sparse gradient) is, and then nothing has moved.
    fn step(&mut self) -> Result<()>;

    /// How many parameter groups there are.
    fn group_count(&self) -> usize;

    /// The parameters of a group.
    fn params(&self, group: usize) -> &[Tensor];

    /// `param_groups[group]["lr"]`
    fn lr(&self, group: usize) -> f64;

    /// `param_groups[group]["lr"] = lr`
    fn set_lr(&mut self, group: usize, lr: f64);

    /// `param_groups[group]["momentum"]`, or with Adam `["betas"][0]`: what `OneCycleLR` and
    /// `CyclicLR` cycle. `None` if the optimizer has neither.
    fn momentum(&self, group: usize) -> Option<f64>;

    /// Sets what [`Optimizer::momentum`] reads; without effect if the optimizer has neither.
    fn set_momentum(&mut self, group: usize, momentum: f64);

    /// `param_groups[group].get(name)`: a setting of the optimizer, or an entry that a scheduler
    /// keeps there (`initial_lr`, `max_lr`, …).
    fn setting(&self, group: usize, name: &str) -> Option<Setting>;

    /// `param_groups[group][name] = value`
    ///
    /// # Errors
    /// If the optimizer has a setting of that name and `value` is none for it.
    fn set_setting(&mut self, group: usize, name: &str, value: Setting) -> Result<()>;

    /// Adds parameters, with the optimizer's defaults where the group does not say otherwise.
    ///
    /// # Errors
    /// If one of them is in the optimizer already or in the group twice, is undefined or is computed
    /// from others, or if a setting is none. Nothing is added then.
    fn add_param_group(&mut self, group: ParamGroup) -> Result<()>;

    /// `param_groups[group]["params"].extend(params)`
    ///
    /// # Errors
    /// As [`Optimizer::add_param_group`].
    fn add_params(&mut self, group: usize, params: Vec<Tensor>) -> Result<()>;

    /// `optimizer.state_dict()`. The tensors are the optimizer's own, not copies, but for `step`.
    fn state_dict(&self) -> StateDict;

    /// Goes on from a state that [`Optimizer::state_dict`] or Python gave: state and settings. The
    /// tensors are copied.
    ///
    /// # Errors
    /// If the groups are not as many or not as large, if a setting is missing or none, or if of a
    /// parameter's state a tensor is missing or unexpected or has another shape or dtype (Python
    /// would convert it). Nothing is loaded then.
    fn load_state_dict(&mut self, dict: &StateDict) -> Result<()>;
}
