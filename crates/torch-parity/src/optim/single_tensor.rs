//! What the optimizers have in common that are written out from tensor operations alone, each as
//! Python's `_single_tensor_*`.

use std::collections::BTreeMap;
use std::fmt;

use tch::Tensor;

use super::optimizer::Rule;
use super::setting::{Setting, Settings, Taking};
use super::{check_shapes, copied, prepare_sqrt, refuse_other_forms, refused};
use crate::native::add;
use crate::serialization::NamedTensors;
use crate::{Error, Result};

/// An algorithm that keeps some numbers and some tensors of each parameter. The value is its
/// arguments, which [`arguments!`] writes down.
pub trait SingleTensor: Arguments {
    /// The numbers that are kept, with what they begin with: float32, as in Python.
    const NUMBERS: &'static [(&'static str, f32)] = &[(STEP, 0.)];

    /// The tensors that are kept, of the shape, dtype and device of the parameter. They begin with
    /// zeros.
    const TENSORS: &'static [&'static str];

    /// The entries of a parameter group that older versions of Python's class did not have.
    const ADDED: &'static [&'static str] = &[];

    /// Whether Python's `foreach=True` gives the same bits on a CPU.
    const FOREACH_IS_EQUAL: bool = true;

    /// Python's checks of the arguments.
    ///
    /// # Errors
    /// In Python's words.
    fn check_ranges(&self) -> Result<()>;

    /// Whether these arguments need the tensor `name` of [`SingleTensor::TENSORS`].
    fn keeps(&self, _name: &str) -> bool {
        true
    }

    /// What schedulers call momentum.
    fn momentum(&mut self) -> Option<&mut f64> {
        None
    }

    /// Refuses a sparse gradient, or takes it.
    ///
    /// # Errors
    /// In Python's words.
    fn check_sparse(&self) -> Result<()> {
        let class = Self::PYTHON;
        refused(format!("{class} does not support sparse gradients"))
    }

    /// As [`Rule::initial`].
    ///
    /// # Errors
    /// If there is not enough memory.
    fn initial(&self, _param: &Tensor) -> Result<Option<State>> {
        Ok(None)
    }

    /// One parameter's update, line by line as Python's. The gradient is negative where the
    /// optimizer goes up.
    ///
    /// # Errors
    /// What libtorch refuses.
    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()>;
}

/// The arguments of a [`SingleTensor`].
pub trait Arguments: Clone + fmt::Debug {
    /// The class in Python.
    const PYTHON: &'static str;

    /// Python's defaults.
    fn with_lr(lr: f64) -> Self;

    /// The arguments under Python's names.
    fn entries(&self) -> Settings;

    /// The inverse of [`Arguments::entries`].
    ///
    /// # Errors
    /// If one is missing or has another type.
    fn take_entries(group: &mut Taking<'_>) -> Result<Self>;

    /// The learning rate.
    fn lr(&mut self) -> &mut f64;

    /// Whether to go up instead of down.
    fn maximize(&self) -> bool;
}

/// Writes down the arguments of an optimizer, each once with its type, its default and what it is.
/// Those that all have are here.
macro_rules! arguments {
    (
        $python:literal => $config:ident {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        #[doc = concat!("The arguments of `torch.optim.", $python, "`, under their names there.")]
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $config {
            /// Learning rate.
            pub lr: f64,
            $($(#[$doc])* pub $field: $type,)*
            /// Whether to go up instead of down.
            pub maximize: bool,
            /// In Python: whether to take all parameters at once. `true` is refused where that gives
            /// other bits on a CPU.
            pub foreach: Option<bool>,
            /// `true` is refused: a step is not recorded by autograd here.
            pub differentiable: bool,
        }

        impl $config {
            #[doc = concat!("`torch.optim.", $python, "(params, lr)`.")]
            pub fn new(lr: f64) -> Self {
                Self {
                    lr,
                    $($field: $default,)*
                    maximize: false,
                    foreach: None,
                    differentiable: false,
                }
            }
        }

        impl $crate::optim::single_tensor::Arguments for $config {
            const PYTHON: &'static str = $python;

            fn with_lr(lr: f64) -> Self {
                Self::new(lr)
            }

            fn entries(&self) -> $crate::optim::Settings {
                let mut entries = $crate::optim::Settings::new();
                entries.insert("lr".to_owned(), self.lr.into());
                $(entries.insert(stringify!($field).to_owned(), self.$field.into());)*
                entries.insert("maximize".to_owned(), self.maximize.into());
                entries.insert("foreach".to_owned(), self.foreach.into());
                entries.insert("differentiable".to_owned(), self.differentiable.into());
                entries
            }

            fn take_entries(
                group: &mut $crate::optim::Taking<'_>,
            ) -> $crate::Result<Self> {
                use $crate::optim::single_tensor::Entry;
                Ok(Self {
                    lr: group.float("lr")?,
                    $($field: Entry::take(group, stringify!($field))?,)*
                    maximize: group.bool("maximize")?,
                    foreach: group.optional_bool("foreach")?,
                    differentiable: group.bool("differentiable")?,
                })
            }

            fn lr(&mut self) -> &mut f64 {
                &mut self.lr
            }

            fn maximize(&self) -> bool {
                self.maximize
            }
        }
    };
}
pub(super) use arguments;

/// A type that an argument has.
pub(super) trait Entry: Sized {
    fn take(group: &mut Taking<'_>, name: &str) -> Result<Self>;
}

macro_rules! entry {
    ($type:ty, $take:ident) => {
        impl Entry for $type {
            fn take(group: &mut Taking<'_>, name: &str) -> Result<Self> {
                group.$take(name)
            }
        }
    };
}

entry!(f64, float);
entry!((f64, f64), two_floats);
entry!(bool, bool);
entry!(Option<bool>, optional_bool);

/// The name of the count of steps.
pub(super) const STEP: &str = "step";

/// What is kept for one parameter, under Python's names.
#[derive(Debug)]
pub struct State {
    numbers: BTreeMap<&'static str, f32>,
    tensors: BTreeMap<&'static str, Tensor>,
}

impl State {
    /// The state of a parameter before its first step.
    pub(super) fn new<R: SingleTensor>(rule: &R, param: &Tensor) -> Result<Self> {
        let names = R::TENSORS.iter().filter(|name| rule.keeps(name));
        let tensors = names.map(|&name| Ok((name, param.f_zeros_like()?)));
        Ok(Self {
            numbers: R::NUMBERS.iter().copied().collect(),
            tensors: tensors.collect::<Result<_>>()?,
        })
    }

    /// `step_t += 1`, and then its value.
    pub(super) fn next_step(&mut self) -> f64 {
        self.multiply_and_add(STEP, 1., 1.)
    }

    /// `number *= factor`, and then its value.
    pub(super) fn multiply(&mut self, name: &'static str, factor: f64) -> f64 {
        self.multiply_and_add(name, factor, 0.)
    }

    /// Tensors take a number of Python's in their own precision.
    fn multiply_and_add(&mut self, name: &'static str, factor: f64, summand: f64) -> f64 {
        let number = self.numbers.entry(name).or_default();
        *number = *number * factor as f32 + summand as f32;
        f64::from(*number)
    }

    /// A handle to a tensor.
    ///
    /// # Errors
    /// If the state began when the settings did not ask for it.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor> {
        match self.tensors.get(name) {
            Some(tensor) => Ok(tensor.shallow_clone()),
            None => refused(format!("the state of a parameter has no \"{name}\"")),
        }
    }
}

impl<R: SingleTensor> Rule for R {
    type State = State;

    fn check(&self) -> Result<()> {
        self.check_ranges()?;
        refuse_forms::<R>(&self.entries())
    }

    fn settings(&self) -> Settings {
        self.entries()
    }

    fn set_state(&self, saved: &mut Settings) {
        const ADDED: [&str; 5] = [
            "foreach",
            "maximize",
            "differentiable",
            "capturable",
            "fused",
        ];
        let mut defaults = R::with_lr(0.).entries();
        for &name in ADDED.iter().chain(R::ADDED) {
            if let Some(value) = defaults.remove(name) {
                saved.entry(name.to_owned()).or_insert(value);
            }
        }
    }

    fn take(group: &mut Taking<'_>) -> Result<Self> {
        let taken = R::take_entries(group)?;
        refuse_forms::<R>(&taken.entries())?;
        Ok(taken)
    }

    fn lr(&mut self) -> &mut f64 {
        Arguments::lr(self)
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        SingleTensor::momentum(self)
    }

    fn check_grad(&self, grad: &Tensor) -> Result<()> {
        match grad.is_sparse() {
            true => self.check_sparse(),
            false => Ok(()),
        }
    }

    fn initial(&self, param: &Tensor) -> Result<Option<State>> {
        SingleTensor::initial(self, param)
    }

    fn update(&self, param: &mut Tensor, grad: &Tensor, state: &mut Option<State>) -> Result<()> {
        prepare_sqrt();
        let state = match state {
            Some(state) => state,
            None => state.insert(State::new(self, param)?),
        };
        let others: Vec<&Tensor> = state.tensors.values().chain([grad]).collect();
        check_shapes(param, &others)?;
        match self.maximize() {
            true => self.single_tensor(param, &grad.f_neg()?, state),
            false => self.single_tensor(param, grad, state),
        }
    }

    fn save(state: &State) -> NamedTensors {
        let numbers = state.numbers.iter();
        let numbers = numbers.map(|(&name, &number)| (name.to_owned(), Tensor::from(number)));
        let tensors = state.tensors.iter();
        let tensors = tensors.map(|(&name, tensor)| (name.to_owned(), tensor.shallow_clone()));
        numbers.chain(tensors).collect()
    }

    fn expected(&self, param: &Tensor, saved: &NamedTensors) -> Result<NamedTensors> {
        let numbers = R::NUMBERS.iter();
        let numbers = numbers.map(|&(name, number)| Ok((name.to_owned(), Tensor::from(number))));
        let tensors = R::TENSORS.iter();
        let tensors = tensors.filter(|&&name| self.keeps(name) || saved.contains_key(name));
        let tensors = tensors.map(|&name| Ok((name.to_owned(), param.f_detach()?)));
        numbers.chain(tensors).collect()
    }

    fn load(param: &Tensor, saved: &NamedTensors) -> Result<State> {
        let numbers = R::NUMBERS.iter();
        let numbers = numbers.map(|&(name, _)| Ok((name, f32::try_from(&saved[name])?)));
        let tensors = R::TENSORS.iter();
        let tensors = tensors.filter_map(|&name| {
            let tensor = saved.get(name)?;
            Some(copied(tensor, param).map(|tensor| (name, tensor)))
        });
        Ok(State {
            numbers: numbers.collect::<Result<_, Error>>()?,
            tensors: tensors.collect::<Result<_>>()?,
        })
    }
}

fn refuse_forms<R: SingleTensor>(entries: &Settings) -> Result<()> {
    let is_true = |name| entries.get(name) == Some(&Setting::Bool(true));
    let foreach = is_true("foreach");
    refuse_other_forms(
        Some(foreach),
        Some(is_true("fused")),
        is_true("differentiable"),
        is_true("capturable"),
    )?;
    match foreach && !R::FOREACH_IS_EQUAL {
        true => refused("foreach=True is not supported: it rounds otherwise"),
        false => Ok(()),
    }
}

/// `grad.add(param, alpha=weight_decay)`, if there is a weight decay.
pub(super) fn with_decay(grad: &Tensor, param: &Tensor, weight_decay: f64) -> Result<Tensor> {
    match weight_decay != 0. {
        true => Ok(add(grad, param, weight_decay)?),
        false => Ok(grad.shallow_clone()),
    }
}

/// `torch.view_as_real(tensor)`, if the parameter is complex.
pub(super) fn real(is_complex: bool, tensor: &Tensor) -> Result<Tensor> {
    match is_complex {
        true => Ok(tensor.f_view_as_real()?),
        false => Ok(tensor.shallow_clone()),
    }
}
