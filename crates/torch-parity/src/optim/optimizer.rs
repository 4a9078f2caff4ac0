use std::collections::{BTreeMap, HashSet};
use std::fmt;

use tch::{Tensor, no_grad};

use super::param_group::{ParamGroup, ParamGroups};
use super::setting::{Setting, Settings, Taking};
use super::state_dict::{SavedGroup, StateDict};
use crate::native::{set_grad_to_none, tensor_id};
use crate::serialization::{NamedTensors, check_state_dict};
use crate::{Error, Result};

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

/// One algorithm of `torch.optim`. The value is its settings; [`OptimizerOf`] does the rest.
pub trait Rule: Clone + fmt::Debug {
    /// What is kept of a parameter from step to step.
    type State: fmt::Debug;

    /// Python's checks of the arguments.
    ///
    /// # Errors
    /// In Python's words.
    fn check(&self) -> Result<()>;

    /// The settings under Python's names.
    fn settings(&self) -> Settings;

    /// The settings that may be missing in a state dict, with the values that Python puts in their
    /// place (`__setstate__`); and those that it overrides.
    fn set_state(&self, saved: &mut Settings);

    /// Takes the settings out of a parameter group; the inverse of [`Rule::settings`].
    ///
    /// # Errors
    /// If one is missing or has another type.
    fn take(group: &mut Taking<'_>) -> Result<Self>;

    /// The learning rate.
    fn lr(&mut self) -> &mut f64;

    /// What schedulers call momentum.
    fn momentum(&mut self) -> Option<&mut f64>;

    /// Refuses a gradient that the algorithm does not take, before anything moves.
    ///
    /// # Errors
    /// In Python's words.
    fn check_grad(&self, grad: &Tensor) -> Result<()>;

    /// The state that a parameter has before it is first moved, from the optimizer's construction on,
    /// where there is one. `self` is the defaults, not the settings of the parameter's group.
    ///
    /// # Errors
    /// If there is not enough memory.
    fn initial(&self, _param: &Tensor) -> Result<Option<Self::State>> {
        Ok(None)
    }

    /// Moves one parameter along its gradient. Gradients are off. The state comes into being here,
    /// when Python's does.
    ///
    /// # Errors
    /// What libtorch refuses.
    fn update(
        &self,
        param: &mut Tensor,
        grad: &Tensor,
        state: &mut Option<Self::State>,
    ) -> Result<()>;

    /// The state under Python's names.
    fn save(state: &Self::State) -> NamedTensors;

    /// Tensors of the names, shapes and dtypes that the state of `param` has. A name that need not be
    /// there is, if it is among `saved`.
    ///
    /// # Errors
    /// If there is not enough memory.
    fn expected(&self, param: &Tensor, saved: &NamedTensors) -> Result<NamedTensors>;

    /// The state that was saved, in copies. The names are those of [`Rule::expected`].
    ///
    /// # Errors
    /// If there is not enough memory.
    fn load(param: &Tensor, saved: &NamedTensors) -> Result<Self::State>;
}

/// An optimizer that moves parameters by the rule `R`, with settings for each group of them.
#[derive(Debug)]
pub struct OptimizerOf<R: Rule> {
    defaults: R,
    groups: Vec<Group<R>>,
}

#[derive(Debug)]
struct Group<R: Rule> {
    rule: R,
    /// The entries that the rule does not know.
    others: Settings,
    params: Vec<Tensor>,
    /// Of each parameter; mostly `None` until it first has a gradient.
    state: Vec<Option<R::State>>,
}

impl<R: Rule> OptimizerOf<R> {
    /// An optimizer for the parameters of a `VarStore`, for tensors, or for groups of them
    /// ([`ParamGroups`]), with the settings `defaults` where a group does not say otherwise.
    ///
    /// # Errors
    /// In Python's words, if an argument is out of range, if there is no parameter, or as
    /// [`Optimizer::add_param_group`].
    pub fn new(params: impl Into<ParamGroups>, defaults: R) -> Result<Self> {
        defaults.check()?;
        let ParamGroups(groups) = params.into();
        if groups.is_empty() {
            return Err(Error::Argument(
                "optimizer got an empty parameter list".into(),
            ));
        }
        let mut optimizer = Self {
            defaults,
            groups: Vec::with_capacity(groups.len()),
        };
        for group in groups {
            optimizer.add_param_group(group)?;
        }
        let Self { defaults, groups } = &mut optimizer;
        for group in groups {
            for (param, state) in group.params.iter().zip(&mut group.state) {
                *state = no_grad(|| defaults.initial(param))?;
            }
        }
        Ok(optimizer)
    }

    /// The settings of a group.
    pub fn rule(&self, group: usize) -> &R {
        &self.groups[group].rule
    }

    fn check_params(&self, params: &[Tensor]) -> Result<()> {
        let refused = |text: &str| Err(Error::Argument(text.into()));
        let theirs = self.groups.iter().flat_map(|group| &group.params);
        let theirs: HashSet<usize> = theirs.map(tensor_id).collect();
        let mut ours = HashSet::new();
        for param in params {
            if !param.defined() {
                return refused(
                    "optimizer can only optimize Tensors, but one of the params is undefined",
                );
            }
            if !param.f_is_leaf()? && !param.f_retains_grad()? {
                return refused("can't optimize a non-leaf Tensor");
            }
            if theirs.contains(&tensor_id(param)) {
                return refused("some parameters appear in more than one parameter group");
            }
            // Python warns of it, and says that it will be an error.
            if !ours.insert(tensor_id(param)) {
                return refused("optimizer contains a parameter group with duplicate parameters");
            }
        }
        Ok(())
    }

    /// The rule and the other entries that settings come to.
    fn parse(mut settings: Settings) -> Result<(R, Settings)> {
        let rule = R::take(&mut Taking(&mut settings))?;
        Ok((rule, settings))
    }

    /// The new groups that a state dict comes to. `self` is left as it is.
    fn groups_from(&self, dict: &StateDict) -> Result<Vec<Group<R>>> {
        let refused = |text: &str| Err(Error::Argument(text.into()));
        if self.groups.len() != dict.param_groups.len() {
            return refused("loaded state dict has a different number of parameter groups");
        }
        let mut pairs = self.groups.iter().zip(&dict.param_groups);
        if pairs.any(|(group, saved)| group.params.len() != saved.params.len()) {
            return refused(
                "loaded state dict contains a parameter group that doesn't match the size of \
                 optimizer's group",
            );
        }
        let mut left: BTreeMap<usize, &NamedTensors> =
            dict.state.iter().map(|(&i, state)| (i, state)).collect();
        let mut problems = Vec::new();
        let mut groups = Vec::new();
        for (group, saved) in self.groups.iter().zip(&dict.param_groups) {
            let mut settings = saved.settings.clone();
            self.defaults.set_state(&mut settings);
            let (rule, others) = Self::parse(settings)?;
            let mut states = Vec::new();
            for (param, i) in group.params.iter().zip(&saved.params) {
                let Some(saved) = left.remove(i).filter(|saved| !saved.is_empty()) else {
                    states.push(None);
                    continue;
                };
                states.push(Some(saved));
                let expected = numbered(*i, &rule.expected(param, saved)?);
                if let Err(Error::StateDict(more)) =
                    check_state_dict(&expected, &numbered(*i, saved))
                {
                    problems.extend(more);
                }
            }
            groups.push((rule, others, states));
        }
        problems.extend(
            left.keys()
                .map(|i| format!("unexpected state of parameter {i}")),
        );
        if !problems.is_empty() {
            return Err(Error::StateDict(problems));
        }
        let loaded =
            self.groups
                .iter()
                .zip(groups)
                .map(|(group, (rule, others, states))| {
                    let states =
                        group.params.iter().zip(states).map(|(param, saved)| {
                            saved.map(|saved| R::load(param, saved)).transpose()
                        });
                    Ok(Group {
                        rule,
                        others,
                        params: group.params.iter().map(Tensor::shallow_clone).collect(),
                        state: states.collect::<Result<_>>()?,
                    })
                });
        no_grad(|| loaded.collect())
    }
}

/// The tensors of parameter `i` under `<i>.<name>`.
fn numbered(i: usize, state: &NamedTensors) -> NamedTensors {
    let named = state.iter();
    named
        .map(|(name, tensor)| (format!("{i}.{name}"), tensor.shallow_clone()))
        .collect()
}

impl<R: Rule> Optimizer for OptimizerOf<R> {
    fn zero_grad(&mut self, set_to_none: bool) -> Result<()> {
        for param in self.groups.iter_mut().flat_map(|group| &mut group.params) {
            if set_to_none {
                set_grad_to_none(param)?;
                continue;
            }
            let mut grad = param.f_grad()?;
            if grad.defined() {
                // Cut off from a graph that computed it, if one did.
                let _ = grad.f_detach_()?.f_zero_()?;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        no_grad(|| {
            let mut updates = Vec::new();
            for group in &mut self.groups {
                for (param, state) in group.params.iter_mut().zip(&mut group.state) {
                    let grad = param.f_grad()?;
                    if grad.defined() {
                        group.rule.check_grad(&grad)?;
                        updates.push((&group.rule, param, grad, state));
                    }
                }
            }
            for (rule, param, grad, state) in updates {
                if state.is_none() {
                    *state = self.defaults.initial(param)?;
                }
                rule.update(param, &grad, state)?;
            }
            Ok(())
        })
    }

    fn group_count(&self) -> usize {
        self.groups.len()
    }

    fn params(&self, group: usize) -> &[Tensor] {
        &self.groups[group].params
    }

    fn lr(&self, group: usize) -> f64 {
        *self.groups[group].rule.clone().lr()
    }

    fn set_lr(&mut self, group: usize, lr: f64) {
        *self.groups[group].rule.lr() = lr;
    }

    fn momentum(&self, group: usize) -> Option<f64> {
        self.groups[group].rule.clone().momentum().copied()
    }

    fn set_momentum(&mut self, group: usize, momentum: f64) {
        if let Some(place) = self.groups[group].rule.momentum() {
            *place = momentum;
        }
    }

    fn setting(&self, group: usize, name: &str) -> Option<Setting> {
        let group = &self.groups[group];
        let other = group.others.get(name).cloned();
        other.or_else(|| group.rule.settings().remove(name))
    }

    fn set_setting(&mut self, group: usize, name: &str, value: Setting) -> Result<()> {
        let group = &mut self.groups[group];
        let mut settings = group.rule.settings();
        settings.insert(name.to_owned(), value);
        let (rule, others) = Self::parse(settings)?;
        group.rule = rule;
        group.others.extend(others);
        Ok(())
    }

    fn add_param_group(&mut self, group: ParamGroup) -> Result<()> {
        let ParamGroup { params, settings } = group;
        self.check_params(&params)?;
        let mut all = self.defaults.settings();
        all.extend(settings);
        let (rule, others) = Self::parse(all)?;
        self.groups.push(Group {
            rule,
            others,
            state: params.iter().map(|_| None).collect(),
            params,
        });
        Ok(())
    }

    fn add_params(&mut self, group: usize, params: Vec<Tensor>) -> Result<()> {
        self.check_params(&params)?;
        let group = &mut self.groups[group];
        group.state.extend(params.iter().map(|_| None));
        group.params.extend(params);
        Ok(())
    }

    fn state_dict(&self) -> StateDict {
        let mut dict = StateDict::default();
        let mut next = 0;
        for group in &self.groups {
            let first = next;
            next += group.params.len();
            let states = (first..).zip(&group.state);
            let states = states.filter_map(|(i, state)| Some((i, R::save(state.as_ref()?))));
            dict.state.extend(states);
            let mut settings = group.rule.settings();
            settings.extend(group.others.clone());
            dict.param_groups.push(SavedGroup {
                params: (first..next).collect(),
                settings,
            });
        }
        dict
    }

    fn load_state_dict(&mut self, dict: &StateDict) -> Result<()> {
        self.groups = self.groups_from(dict)?;
        Ok(())
    }
}
