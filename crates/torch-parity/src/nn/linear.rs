//! `torch.nn.Linear`: the initial values and the order in which they are drawn; `Bilinear`, which
//! `tch` lacks, and `Identity`.
//!
//! | | `tch::nn::linear` | `torch.nn.Linear` |
//! | --- | --- | --- |
//! | weight | U(−√(6/in), √(6/in)) | U(−1/√in, 1/√in) |
//! | drawn first | bias | weight |
//!
//! Source: `torch/nn/modules/linear.py`, `kaiming_uniform_` in `torch/nn/init.py`.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::{Init, Linear, Path};

use super::init::{bias_uniform, kaiming_uniform};
use super::{arguments, modules, new_parameter, or_panic, refuse};
use crate::Result;

arguments! {
    /// The arguments of `nn.Linear`, in tch's spelling.
    #[derive(Clone, Copy, Debug)]
    pub struct LinearConfig {
        /// The initialization of the weight `(out_features, in_features)`; by default Python's.
        ws_init: Init = kaiming_uniform(5f64.sqrt()),
        /// The initialization of the bias `(out_features,)`; by default Python's, U(−1/√in, 1/√in).
        bs_init: Option<Init> = None,
        /// If true, adds a bias.
        bias: bool = true,
    }
}

/// `nn.Linear(in_features, out_features)`: y = x Wᵀ + b, `(…, in_features)` to
/// `(…, out_features)`, with PyTorch's initial values.
///
/// Adds `weight` `(out_features, in_features)` and `bias` `(out_features,)`, in the dtype of `vs`.
/// The weight is drawn before the bias. Either number of features may be 0, as in Python.
///
/// ```
/// use torch_parity::nn;
/// let vs = nn::VarStore::new(tch::Device::Cpu);
/// let fc1 = nn::linear(vs.root() / "fc1", 784, 128, Default::default());
/// assert_eq!(fc1.ws.size(), [128, 784]);
/// assert!(f64::try_from(fc1.ws.abs().max()).unwrap() < 0.03572); // 1/28, in float32
/// ```
///
/// # Panics
/// If [`f_linear`] returns an error.
#[track_caller]
pub fn linear<'a, T: Borrow<Path<'a>>>(
    vs: T,
    in_features: i64,
    out_features: i64,
    config: LinearConfig,
) -> Linear {
    or_panic(f_linear(vs, in_features, out_features, config))
}

/// As [`linear`], but returns an error instead of panicking.
///
/// # Errors
/// If a number of features is negative, if there is not enough memory, or if the path has a layer
/// already.
pub fn f_linear<'a, T: Borrow<Path<'a>>>(
    vs: T,
    in_features: i64,
    out_features: i64,
    config: LinearConfig,
) -> Result<Linear> {
    let vs = vs.borrow();
    let ws = new_parameter(vs, "weight", &[out_features, in_features], config.ws_init)?;
    let bs_init = config.bs_init.unwrap_or(bias_uniform(in_features));
    let bs = match config.bias {
        true => Some(new_parameter(vs, "bias", &[out_features], bs_init)?),
        false => None,
    };
    Ok(Linear { ws, bs })
}

arguments! {
    /// The arguments of `nn.Bilinear`.
    #[derive(Clone, Copy, Debug)]
    pub struct BilinearConfig {
        /// If true, adds a bias.
        bias: bool = true,
    }
}

/// `nn.Bilinear`: y = x₁ᵀ W x₂ + b for each output.
#[derive(Debug)]
pub struct Bilinear {
    /// The weight `(out_features, in1_features, in2_features)`.
    pub ws: Tensor,
    /// The bias `(out_features,)`.
    pub bs: Option<Tensor>,
}

/// `nn.Bilinear(in1_features, in2_features, out_features)`: `(…, in1)` and `(…, in2)` to
/// `(…, out)`.
///
/// Adds `weight` `(out_features, in1_features, in2_features)` and `bias` `(out_features,)`, both
/// U(−1/√in1, 1/√in1), drawing the weight before the bias.
///
/// # Panics
/// If [`f_bilinear`] returns an error.
#[track_caller]
pub fn bilinear<'a, T: Borrow<Path<'a>>>(
    vs: T,
    in1_features: i64,
    in2_features: i64,
    out_features: i64,
    config: BilinearConfig,
) -> Bilinear {
    or_panic(f_bilinear(
        vs,
        in1_features,
        in2_features,
        out_features,
        config,
    ))
}

/// As [`bilinear`], but returns an error instead of panicking.
///
/// # Errors
/// If `in1_features` is not positive, or if [`f_linear`] returns an error.
pub fn f_bilinear<'a, T: Borrow<Path<'a>>>(
    vs: T,
    in1_features: i64,
    in2_features: i64,
    out_features: i64,
    config: BilinearConfig,
) -> Result<Bilinear> {
    let vs = vs.borrow();
    if in1_features <= 0 {
        return refuse(format!(
            "in1_features must be > 0, but got (in1_features={in1_features})"
        ));
    }
    let init = bias_uniform(in1_features);
    let size = [out_features, in1_features, in2_features];
    let ws = new_parameter(vs, "weight", &size, init)?;
    let bs = match config.bias {
        true => Some(new_parameter(vs, "bias", &[out_features], init)?),
        false => None,
    };
    Ok(Bilinear { ws, bs })
}

impl Bilinear {
    /// `forward(input1, input2)`.
    ///
    /// # Panics
    /// If [`f_forward`](Self::f_forward) returns an error.
    #[track_caller]
    pub fn forward(&self, xs1: &Tensor, xs2: &Tensor) -> Tensor {
        or_panic(self.f_forward(xs1, xs2))
    }

    /// As [`forward`](Self::forward), but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the inputs have unsupported shapes or dtypes.
    pub fn f_forward(&self, xs1: &Tensor, xs2: &Tensor) -> Result<Tensor> {
        Ok(Tensor::f_bilinear(xs1, xs2, &self.ws, self.bs.as_ref())?)
    }
}

/// `nn.Identity()`: returns its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity;

impl Identity {
    /// As `forward`. Never fails.
    ///
    /// # Errors
    /// None; it returns a `Result` for uniformity.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.shallow_clone())
    }
}

modules!(Identity);
