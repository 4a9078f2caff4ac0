use tch::Tensor;

use super::refused;
use super::rule::Rule;
use crate::Result;
use crate::native::clone;
use crate::serialization::NamedTensors;

/// The name of the count of steps.
pub(super) const STEP: &str = "step";

/// The state of one parameter: numbers and tensors under Python's names.
#[derive(Debug)]
pub struct State {
    numbers: Vec<(&'static str, f32)>,
    tensors: Vec<(&'static str, Tensor)>,
    /// A buffer for the intermediate results of an update; allocated on first use.
    pub(super) scratch: Option<Tensor>,
}

impl State {
    /// The state of a parameter before its first step.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn new<R: Rule>(rule: &R, param: &Tensor) -> Result<Self> {
        let names = R::TENSORS.iter().filter(|name| rule.keeps(name));
        let tensors = names.map(|&name| Ok((name, param.f_zeros_like()?)));
        Ok(Self {
            numbers: R::NUMBERS.to_vec(),
            tensors: tensors.collect::<Result<_>>()?,
            scratch: None,
        })
    }

    /// The number `name`.
    ///
    /// # Panics
    /// If the rule has no such number.
    pub fn number(&self, name: &str) -> f64 {
        f64::from(self.numbers[self.position(name)].1)
    }

    /// Changes the number `name` and returns its new value.
    ///
    /// # Panics
    /// If the rule has no such number.
    pub fn change(&mut self, name: &str, change: impl FnOnce(f32) -> f32) -> f64 {
        let position = self.position(name);
        let (_, number) = &mut self.numbers[position];
        *number = change(*number);
        f64::from(*number)
    }

    fn position(&self, name: &str) -> usize {
        let position = self.numbers.iter().position(|(other, _)| *other == name);
        position.unwrap_or_else(|| panic!("the rule keeps no number \"{name}\""))
    }

    /// `step_t += 1`; returns the new value.
    pub fn next_step(&mut self) -> f64 {
        self.change(STEP, |step| step + 1.)
    }

    /// The tensor `name`, if the state has one.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        let found = self.tensors.iter().find(|(other, _)| *other == name);
        found.map(|(_, tensor)| tensor)
    }

    /// The tensor `name`.
    ///
    /// # Errors
    /// If the state was created under settings that do not need this tensor.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        match self.get(name) {
            Some(tensor) => Ok(tensor),
            None => refused(format!("the state of a parameter has no \"{name}\"")),
        }
    }

    /// Adds a tensor under a name that the state does not have yet.
    pub fn insert(&mut self, name: &'static str, tensor: Tensor) {
        self.tensors.push((name, tensor));
    }

    /// All tensors.
    pub(super) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter().map(|(_, tensor)| tensor)
    }

    /// Allocates the buffer for intermediate results, with the shape of the tensor `name`, unless
    /// it exists.
    pub(super) fn prepare_scratch(&mut self, name: &str) -> Result<()> {
        if self.scratch.is_none() {
            self.scratch = Some(self.tensor(name)?.f_empty_like()?);
        }
        Ok(())
    }

    /// Handles to the tensors, and the numbers as new tensors.
    pub(super) fn save(&self) -> NamedTensors {
        let numbers = self.numbers.iter();
        let numbers = numbers.map(|&(name, number)| (name.to_owned(), Tensor::from(number)));
        let tensors = self.tensors.iter();
        let tensors = tensors.map(|(name, tensor)| ((*name).to_owned(), tensor.shallow_clone()));
        numbers.chain(tensors).collect()
    }

    /// Tensors with the names, shapes and dtypes that the saved state of `param` must have. They
    /// may include a tensor that `rule` does not need.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub(super) fn expected<R: Rule>(
        rule: &R,
        param: &Tensor,
        saved: &NamedTensors,
    ) -> Result<NamedTensors> {
        let numbers = R::NUMBERS.iter();
        let numbers = numbers.map(|&(name, number)| Ok((name.to_owned(), Tensor::from(number))));
        let tensors = R::TENSORS.iter();
        let tensors = tensors.filter(|&&name| rule.keeps(name) || saved.contains_key(name));
        let tensors = tensors.map(|&name| Ok((name.to_owned(), param.f_detach()?)));
        numbers.chain(tensors).collect()
    }

    /// A copy of the saved state on the device of `param`. The names are those of
    /// [`State::expected`].
    ///
    /// # Errors
    /// If there is not enough memory.
    pub(super) fn load<R: Rule>(param: &Tensor, saved: &NamedTensors) -> Result<Self> {
        let numbers = R::NUMBERS.iter();
        let numbers = numbers.map(|&(name, _)| Ok((name, f32::try_from(&saved[name])?)));
        let tensors = R::TENSORS.iter();
        let tensors = tensors.filter_map(|&name| Some((name, saved.get(name)?)));
        let tensors = tensors.map(|(name, tensor)| {
            let tensor = tensor.f_detach()?.f_to_device(param.device())?;
            Ok((name, clone(&tensor)?))
        });
        Ok(Self {
            numbers: numbers.collect::<Result<_>>()?,
            tensors: tensors.collect::<Result<_>>()?,
            scratch: None,
        })
    }
}
