//! The activations of `torch.nn` as layers. `tch` has them only as methods, many of them without
//! their arguments.
//!
//! Source: `torch/nn/modules/activation.py`.

use std::borrow::Borrow;

use tch::nn::{Init, Path};
use tch::{Kind, Tensor};

use super::functional as F;
use super::{arguments, modules, modules_t, new_parameter, or_panic, refuse};
use crate::Result;

/// Defines layers without parameters: fields with Python's names and defaults, and the body of
/// `forward`.
macro_rules! activations {
    ($($(#[$doc:meta])*
    $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }
    |$self:ident, $xs:ident| $forward:expr;)+) => {$(
        arguments! {
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq)]
            pub struct $name { $($(#[$field_doc])* $field: $type = $default,)* }
        }

        impl $name {
            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If Python refuses an argument, or the input has an unsupported shape or dtype.
            pub fn f_forward(&self, $xs: &Tensor) -> Result<Tensor> {
                let $self = self;
                Ok($forward?)
            }
        }

        modules!($name);
    )+};
}

activations! {
    /// `nn.Hardtanh(min_val=-1.0, max_val=1.0)`: x clamped to the range.
    Hardtanh {
        /// The lower bound.
        min_val: f64 = -1.,
        /// The upper bound.
        max_val: f64 = 1.,
    } |this, xs| if this.max_val <= this.min_val {
        refuse(format!(
            "max_val ({:?}) must be greater than min_val ({:?})", this.max_val, this.min_val
        ))
    } else {
        F::f_hardtanh(xs, this.min_val, this.max_val)
    };
    /// `nn.ELU(alpha=1.0)`: x where x > 0, else α · (eˣ − 1).
    ELU {
        /// α.
        alpha: f64 = 1.,
    } |this, xs| F::f_elu(xs, this.alpha);
    /// `nn.CELU(alpha=1.0)`: x where x > 0, else α · (e^(x/α) − 1).
    CELU {
        /// α.
        alpha: f64 = 1.,
    } |this, xs| F::f_celu(xs, this.alpha);
    /// `nn.GLU(dim=-1)`: the first half along a dimension times the sigmoid of the second half.
    GLU {
        /// The dimension that is split in half.
        dim: i64 = -1,
    } |this, xs| F::f_glu(xs, this.dim);
    /// `nn.GELU(approximate="none")`: x · Φ(x), with the distribution function Φ of N(0, 1).
    GELU {
        /// `"none"` or `"tanh"`.
        approximate: &'static str = "none",
    } |this, xs| xs.f_gelu(this.approximate);
    /// `nn.Hardshrink(lambd=0.5)`: 0 where |x| ≤ λ, else x.
    Hardshrink {
        /// λ.
        lambd: f64 = 0.5,
    } |this, xs| F::f_hardshrink(xs, this.lambd);
    /// `nn.LeakyReLU(negative_slope=0.01)`: x where x > 0, else `negative_slope` · x.
    LeakyReLU {
        /// The slope where x < 0.
        negative_slope: f64 = 0.01,
    } |this, xs| F::f_leaky_relu(xs, this.negative_slope);
    /// `nn.Softplus(beta=1.0, threshold=20.0)`: ln(1 + e^(βx)) / β, and x where βx is above the
    /// threshold.
    Softplus {
        /// β.
        beta: f64 = 1.,
        /// The value of βx above which the function is x.
        threshold: f64 = 20.,
    } |this, xs| F::f_softplus(xs, this.beta, this.threshold);
    /// `nn.Softshrink(lambd=0.5)`: 0 where |x| ≤ λ, else x − λ · sign(x).
    Softshrink {
        /// λ.
        lambd: f64 = 0.5,
    } |this, xs| F::f_softshrink(xs, this.lambd);
}

/// Defines layers without parameters or arguments.
macro_rules! plain_activations {
    ($($(#[$doc:meta])* $name:ident |$xs:ident| $forward:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If the input has an unsupported shape or dtype.
            pub fn f_forward(&self, $xs: &Tensor) -> Result<Tensor> {
                Ok($forward?)
            }
        }

        modules!($name);
    )+};
}

plain_activations! {
    /// `nn.ReLU()`: max(0, x).
    ReLU |xs| xs.f_relu();
    /// `nn.ReLU6()`: x clamped to [0, 6].
    ReLU6 |xs| F::f_hardtanh(xs, 0., 6.);
    /// `nn.Sigmoid()`: 1 / (1 + e⁻ˣ).
    Sigmoid |xs| xs.f_sigmoid();
    /// `nn.Hardsigmoid()`: x/6 + 1/2 clamped to [0, 1].
    Hardsigmoid |xs| xs.f_hardsigmoid();
    /// `nn.Tanh()`.
    Tanh |xs| xs.f_tanh();
    /// `nn.SiLU()`: x · sigmoid(x).
    SiLU |xs| xs.f_silu();
    /// `nn.Mish()`: x · tanh(softplus(x)).
    Mish |xs| xs.f_mish();
    /// `nn.Hardswish()`: x · hardsigmoid(x).
    Hardswish |xs| xs.f_hardswish();
    /// `nn.SELU()`: a scaled ELU that preserves mean 0 and variance 1.
    SELU |xs| xs.f_selu();
    /// `nn.LogSigmoid()`.
    LogSigmoid |xs| xs.f_log_sigmoid();
    /// `nn.Softsign()`: x / (1 + |x|).
    Softsign |xs| F::f_softsign(xs);
    /// `nn.Tanhshrink()`: x − tanh(x).
    Tanhshrink |xs| F::f_tanhshrink(xs);
    /// `nn.Softmax2d()`: softmax over the channels of `(N, C, H, W)` or `(C, H, W)`.
    Softmax2d |xs| match xs.dim() {
        3 | 4 => Ok(xs.f_softmax(-3, None::<Kind>)?),
        n => refuse(format!("Softmax2d: expected input to be 3D or 4D, got {n}D instead")),
    };
}

/// Defines softmax and related layers, whose `dim` has no default; Python warns if it is missing.
macro_rules! softmaxes {
    ($($(#[$doc:meta])* $name:ident |$xs:ident, $dim:ident| $forward:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The dimension along which the values sum to 1; a negative one counts from the end.
            pub dim: i64,
        }

        impl $name {
            /// Creates the layer for dimension `dim`.
            pub fn new(dim: i64) -> Self {
                Self { dim }
            }

            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If the input does not have that dimension.
            pub fn f_forward(&self, $xs: &Tensor) -> Result<Tensor> {
                let $dim = self.dim;
                Ok($forward?)
            }
        }

        modules!($name);
    )+};
}

softmaxes! {
    /// `nn.Softmax(dim)`.
    Softmax |xs, dim| xs.f_softmax(dim, None::<Kind>);
    /// `nn.LogSoftmax(dim)`: the logarithm of softmax.
    LogSoftmax |xs, dim| xs.f_log_softmax(dim, None::<Kind>);
    /// `nn.Softmin(dim)`: the softmax of −x.
    Softmin |xs, dim| F::f_softmin(xs, dim, None);
}

/// `nn.Threshold(threshold, value)`: x where x > `threshold`, else `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The threshold.
    pub threshold: f64,
    /// The value where x is not above the threshold.
    pub value: f64,
}

impl Threshold {
    /// Creates the layer from its two arguments.
    pub fn new(threshold: f64, value: f64) -> Self {
        Self { threshold, value }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If libtorch refuses the input.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_threshold(self.threshold, self.value)?)
    }
}

modules!(Threshold);

arguments! {
    /// `nn.RReLU(lower=1/8, upper=1/3)`: a leaky ReLU. In training the slope of each element is
    /// drawn from U(lower, upper); in evaluation it is the mean of the bounds.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct RReLU {
        /// The lower bound of the slope.
        lower: f64 = 1. / 8.,
        /// The upper bound of the slope.
        upper: f64 = 1. / 3.,
    }
}

impl RReLU {
    /// As `forward_t`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If `lower` is above `upper`.
    pub fn f_forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        F::f_rrelu(xs, self.lower, self.upper, train)
    }
}

modules_t!(RReLU);

arguments! {
    /// The arguments of `nn.PReLU`.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct PReLUConfig {
        /// 1 for a slope shared by all channels, or the number of channels.
        num_parameters: i64 = 1,
        /// The initial slopes.
        init: f64 = 0.25,
    }
}

/// `nn.PReLU`: a leaky ReLU with learnt slopes.
#[derive(Debug)]
pub struct PReLU {
    /// The slopes `(num_parameters,)`.
    pub ws: Tensor,
}

/// `nn.PReLU(num_parameters=1, init=0.25)` for inputs `(N, C, …)`.
///
/// Adds `weight` `(num_parameters,)`. Draws nothing.
///
/// # Panics
/// If [`f_prelu`] returns an error.
#[track_caller]
pub fn prelu<'a, T: Borrow<Path<'a>>>(vs: T, config: PReLUConfig) -> PReLU {
    or_panic(f_prelu(vs, config))
}

/// As [`prelu`], but returns an error instead of panicking.
///
/// # Errors
/// If the number of parameters is negative or the path has a layer already.
pub fn f_prelu<'a, T: Borrow<Path<'a>>>(vs: T, config: PReLUConfig) -> Result<PReLU> {
    let init = Init::Const(config.init);
    let ws = new_parameter(vs.borrow(), "weight", &[config.num_parameters], init)?;
    Ok(PReLU { ws })
}

impl PReLU {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the number of slopes is neither 1 nor the number of channels.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_prelu(&self.ws)?)
    }
}

modules!(PReLU);
