use std::collections::{BTreeMap, HashSet};

use tch::{Tensor, no_grad};

use super::optimizer::Optimizer;
use super::param_group::{ParamGroup, ParamGroups};
use super::refused;
use super::rule::{self, Rule};
use super::setting::{Setting, Settings};
use super::state::State;
use super::state_dict::{SavedGroup, StateDict};
use crate::native::{set_grad_to_none, tensor_id};
use crate::serialization::{NamedTensors, check_state_dict};
use crate::{Error, Result};

/// An optimizer that updates parameters by the rule `R`, with settings for each parameter group.
#[derive(Debug)]
pub struct OptimizerOf<R: Rule> {
    defaults: R,
    groups: Vec<Group<R>>,
}

#[derive(Debug)]
struct Group<R: Rule> {
    rule: R,
    /// The entries that are not arguments of the rule.
    others: Settings,
    params: Vec<Tensor>,
    /// The state of each parameter, usually `None` until it first has a gradient.
    state: Vec<Option<State>>,
}

impl<R: Rule> OptimizerOf<R> {
    /// An optimizer for the parameters of a `VarStore`, for tensors, or for groups of them
    /// ([`ParamGroups`]), with `defaults` for settings that a group does not have.
    ///
    /// # Errors
    /// With Python's message, if an argument is out of range or there is no parameter; also as
    /// [`Optimizer::add_param_group`].
    pub fn new(params: impl Into<ParamGroups>, defaults: R) -> Result<Self> {
        rule::check(&defaults)?;
        let ParamGroups(groups) = params.into();
        if groups.is_empty() {
            return refused("optimizer got an empty parameter list");
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
            // Python warns about this and announces that it will be an error.
            if !ours.insert(tensor_id(param)) {
                return refused("optimizer contains a parameter group with duplicate parameters");
            }
        }
        Ok(())
    }

    /// The groups described by a state dict. `self` is unchanged.
    fn groups_from(&self, dict: &StateDict) -> Result<Vec<Group<R>>> {
        self.check_counts(dict)?;
        let mut left: BTreeMap<usize, &NamedTensors> =
            dict.state.iter().map(|(&i, state)| (i, state)).collect();
        let mut problems = Vec::new();
        let mut groups = Vec::new();
        for (group, saved) in self.groups.iter().zip(&dict.param_groups) {
            let mut settings = saved.settings.clone();
            rule::set_state(&self.defaults, &mut settings);
            let (rule, others) = rule::parse::<R>(settings)?;
            let mut states = Vec::new();
            for (param, i) in group.params.iter().zip(&saved.params) {
                let saved = left.remove(i).filter(|saved| !saved.is_empty());
                if let Some(saved) = saved {
                    let expected = numbered(*i, &State::expected(&rule, param, saved)?);
                    if let Err(Error::StateDict(more)) =
                        check_state_dict(&expected, &numbered(*i, saved))
                    {
                        problems.extend(more);
                    }
                }
                states.push(saved);
            }
            groups.push((rule, others, states));
        }
        let left = left.keys();
        problems.extend(left.map(|i| format!("unexpected state of parameter {i}")));
        if !problems.is_empty() {
            return Err(Error::StateDict(problems));
        }
        let groups = self.groups.iter().zip(groups);
        let loaded = groups.map(|(group, (rule, others, saved))| {
            let states = group.params.iter().zip(saved);
            let states = states.map(|(param, saved)| {
                let state = saved.map(|saved| State::load::<R>(param, saved));
                state.transpose()
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

    /// Returns an error unless the state dict has the same parameter groups.
    fn check_counts(&self, dict: &StateDict) -> Result<()> {
        if self.groups.len() != dict.param_groups.len() {
            return refused("loaded state dict has a different number of parameter groups");
        }
        let mut pairs = self.groups.iter().zip(&dict.param_groups);
        match pairs.any(|(group, saved)| group.params.len() != saved.params.len()) {
            true => refused(
                "loaded state dict contains a parameter group that doesn't match the size of \
                 optimizer's group",
            ),
            false => Ok(()),
        }
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
                // Detached from the graph that computed it, if any.
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
                        if grad.is_sparse() {
                            group.rule.check_sparse()?;
                        }
                        updates.push((&group.rule, param, grad, state));
                    }
                }
            }
            for (rule, param, grad, state) in updates {
                if state.is_none() {
                    *state = self.defaults.initial(param)?;
                }
                rule::update(rule, param, &grad, state)?;
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
        other.or_else(|| group.rule.entries().remove(name))
    }

    fn set_setting(&mut self, group: usize, name: &str, value: Setting) -> Result<()> {
        let group = &mut self.groups[group];
        let mut settings = group.rule.entries();
        settings.insert(name.to_owned(), value);
        let (rule, others) = rule::parse::<R>(settings)?;
        group.rule = rule;
        group.others.extend(others);
        Ok(())
    }

    fn add_param_group(&mut self, group: ParamGroup) -> Result<()> {
        let ParamGroup { params, settings } = group;
        self.check_params(&params)?;
        let mut all = self.defaults.entries();
        all.extend(settings);
        let (rule, others) = rule::parse::<R>(all)?;
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
            let states = states.filter_map(|(i, state)| Some((i, state.as_ref()?.save())));
            dict.state
                .extend(states.filter(|(_, saved)| !saved.is_empty()));
            let mut settings = group.rule.entries();
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
