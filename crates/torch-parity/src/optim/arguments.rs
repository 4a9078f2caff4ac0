//! The arguments of an optimizer. [`arguments!`] defines each in one place, with its type, default,
//! range and documentation.

use std::fmt;

use super::refused;
use super::setting::{Setting, Settings};
use crate::Result;

/// The arguments of an optimizer, under Python's names.
pub trait Arguments: Clone + fmt::Debug {
    /// The class in Python.
    const PYTHON: &'static str;

    /// Python's defaults.
    fn defaults(lr: f64) -> Self;

    /// The arguments as entries of a parameter group.
    fn entries(&self) -> Settings;

    /// Reads the arguments from the entries of a parameter group, which may include further
    /// entries.
    ///
    /// # Errors
    /// If one is missing or has another type.
    fn from_entries(entries: &Settings) -> Result<Self>;

    /// The same arguments with `name` replaced.
    ///
    /// # Errors
    /// If the optimizer has no such argument, or if it has another type.
    fn with(&self, name: &str, value: impl Into<Setting>) -> Result<Self> {
        let mut entries = self.entries();
        match entries.insert(name.to_owned(), value.into()) {
            Some(_) => Self::from_entries(&entries),
            None => refused(format!("{} does not support {name}", Self::PYTHON)),
        }
    }

    /// Python's checks of single arguments, in Python's order.
    ///
    /// # Errors
    /// With Python's message, for the first argument that is out of range.
    fn check_ranges(&self) -> Result<()>;

    /// The learning rate.
    fn lr(&mut self) -> &mut f64;

    /// True if the optimizer maximizes.
    fn maximize(&self) -> bool;
}

/// Defines the arguments of an optimizer in the order of Python's checks, each with its default
/// and, after `=>`, its check.
macro_rules! arguments {
    // Adds the arguments that every optimizer has.
    (
        $python:literal => $config:ident::$new:ident(lr => $lr_check:path) {
            $($arguments:tt)*
        }
    ) => {
        $crate::optim::arguments::arguments! {
            all $python => $config::$new(lr => $lr_check) {
                $($arguments)*
                /// If true, maximizes the loss instead of minimizing it.
                maximize: bool = false,
                /// In Python, updates all parameters at once. `Some(true)` is not supported for
                /// optimizers in which this changes bits on a CPU.
                foreach: Option<bool> = None,
                /// Must be false: autograd cannot record a step here.
                differentiable: bool = false,
            }
        }
    };
    (
        all $python:literal => $config:ident::$new:ident(lr => $lr_check:path) {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr $(=> $check:path)?,)*
        }
    ) => {
        #[doc = concat!("The arguments of `torch.optim.", $python, "`, under their names there.")]
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $config {
            /// Learning rate.
            pub lr: f64,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $config {
            #[doc = concat!("`torch.optim.", $python, "(params, lr)`.")]
            pub fn $new(lr: f64) -> Self {
                Self { lr, $($field: $default,)* }
            }
        }

        impl $crate::optim::Arguments for $config {
            const PYTHON: &'static str = $python;

            fn defaults(lr: f64) -> Self {
                Self::$new(lr)
            }

            fn entries(&self) -> $crate::optim::Settings {
                $crate::optim::Settings::from([
                    ("lr".to_owned(), self.lr.into()),
                    $((stringify!($field).to_owned(), self.$field.into()),)*
                ])
            }

            fn from_entries(entries: &$crate::optim::Settings) -> $crate::Result<Self> {
                use $crate::optim::setting::get;
                const OWNER: &str = "a parameter group";
                Ok(Self {
                    lr: get(entries, OWNER, "lr")?,
                    $($field: get(entries, OWNER, stringify!($field))?,)*
                })
            }

            fn check_ranges(&self) -> $crate::Result<()> {
                $lr_check("lr", self.lr)?;
                $($($check(stringify!($field), self.$field)?;)?)*
                Ok(())
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

/// Python's message for a number that is out of range.
fn invalid(name: &str, number: f64) -> Result<()> {
    let what = match name {
        "lr" => "learning rate".to_owned(),
        "eps" => "epsilon value".to_owned(),
        _ => format!("{name} value"),
    };
    refused(format!("Invalid {what}: {}", repr(number)))
}

/// A number in the format of Python's `repr`.
fn repr(number: f64) -> String {
    // In Python an exponent has a sign and two digits, and nan is lower case.
    let number = format!("{number:?}").to_lowercase();
    match number.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => number,
    }
}

/// Refuses a number that is negative or NaN.
pub(super) fn non_negative(name: &str, number: f64) -> Result<()> {
    match number >= 0. {
        true => Ok(()),
        false => invalid(name, number),
    }
}

/// Refuses a negative number; NaN passes.
pub(super) fn not_below_zero(name: &str, number: f64) -> Result<()> {
    match number < 0. {
        true => invalid(name, number),
        false => Ok(()),
    }
}

/// Refuses a number that is not between 0 and 1.
pub(super) fn share(name: &str, number: f64) -> Result<()> {
    match (0. ..=1.).contains(&number) {
        true => Ok(()),
        false => invalid(name, number),
    }
}

/// Refuses decay rates outside [0, 1).
pub(super) fn decays(_name: &str, (beta1, beta2): (f64, f64)) -> Result<()> {
    for (i, beta) in [beta1, beta2].into_iter().enumerate() {
        if !(0. ..1.).contains(&beta) {
            let beta = repr(beta);
            return refused(format!("Invalid beta parameter at index {i}: {beta}"));
        }
    }
    Ok(())
}

/// Refuses arguments with which Python would run another implementation of the optimizer, whose
/// bits are not known to be equal.
pub(super) fn refuse_other_forms(entries: &Settings, foreach_is_equal: bool) -> Result<()> {
    let is_true = |name| entries.get(name) == Some(&Setting::Bool(true));
    let (foreach, fused) = (is_true("foreach"), is_true("fused"));
    let differentiable = is_true("differentiable");
    match () {
        () if fused && differentiable => refused("`fused` does not support `differentiable`"),
        () if fused && foreach => refused("`fused` and `foreach` cannot be `True` together."),
        () if fused => refused("fused=True is not supported: its kernel rounds differently"),
        () if differentiable => {
            refused("differentiable=True is not supported: autograd cannot record a step")
        }
        () if is_true("capturable") => {
            refused("capturable=True is not supported: steps cannot be captured in a CUDA graph")
        }
        () if foreach && !foreach_is_equal => {
            refused("foreach=True is not supported: it rounds differently")
        }
        () => Ok(()),
    }
}
