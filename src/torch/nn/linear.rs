//! `torch.nn.Linear`: the initial values, and the order in which they are drawn.
//!
//! | | `tch::nn::linear` | `torch.nn.Linear` |
//! | --- | --- | --- |
//! | weight | U(−√(6/in), √(6/in)) | U(−1/√in, 1/√in) |
//! | drawn first | bias | weight |
//!
//! Source: `Linear.reset_parameters` in `torch/nn/modules/linear.py`, `kaiming_uniform_` in
//! `torch/nn/init.py`.

use std::borrow::Borrow;

use tch::nn::{Init, Linear, Path};

use super::init::{bias_uniform, kaiming_uniform};
use super::{new_parameter, or_panic};
use crate::torch::Result;

/// The arguments of `nn.Linear`, in tch's spelling.
#[derive(Clone, Copy, Debug)]
pub struct LinearConfig {
    /// How the weight `(out_features, in_features)` is drawn; Python's way by default.
    pub ws_init: Init,
    /// How the bias `(out_features,)` is drawn; by default Python's way, U(−1/√in, 1/√in).
    pub bs_init: Option<Init>,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Default for LinearConfig {
    fn default() -> Self {
        Self {
            ws_init: kaiming_uniform(5f64.sqrt()),
            bs_init: None,
            bias: true,
        }
    }
}

/// `nn.Linear(in_features, out_features)`: y = x Wᵀ + b, `(…, in_features)` to
/// `(…, out_features)`, with PyTorch's initial values.
///
/// Adds `weight` `(out_features, in_features)` and `bias` `(out_features,)`, of the dtype of `vs`,
/// drawing the weight before the bias. Either number of features may be 0, as in Python.
///
/// ```
/// use final_layer::torch::nn;
/// let vs = nn::VarStore::new(tch::Device::Cpu);
/// let fc1 = nn::linear(vs.root() / "fc1", 784, 128, Default::default());
/// assert_eq!(fc1.ws.size(), [128, 784]);
/// assert!(f64::try_from(fc1.ws.abs().max()).unwrap() <= 1.0 / 28.0);
/// ```
///
/// # Panics
/// Where [`f_linear`] refuses.
#[track_caller]
pub fn linear<'a, T: Borrow<Path<'a>>>(
    vs: T,
    in_features: i64,
    out_features: i64,
    config: LinearConfig,
) -> Linear {
    or_panic(f_linear(vs, in_features, out_features, config))
}

/// As [`linear`], with an error where `linear` panics.
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
