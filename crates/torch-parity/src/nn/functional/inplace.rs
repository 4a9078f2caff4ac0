//! The activations of `torch.nn.functional` that change their input, under Python's names.
//!
//! They return the input, as Python's do: the same tensor under a second handle. The functions that
//! take `inplace=True` in Python are these; `hardsigmoid`, `hardswish`, `mish`, `relu6` and `silu`
//! in place are tch's methods with an underscore.

use tch::Tensor;

use crate::nn::{functions, refuse};
use crate::{Result, native};

functions! {
    /// `F.relu_(input)`: [`relu`](super::relu) in place.
    fn relu_ / f_relu_(input: &mut Tensor) -> Tensor {
        Ok(input.f_relu_()?)
    }

    /// `F.selu_(input)`: [`selu`](super::selu) in place.
    fn selu_ / f_selu_(input: &mut Tensor) -> Tensor {
        Ok(input.f_selu_()?)
    }

    /// `F.threshold_(input, threshold, value)`: [`threshold`](super::threshold) in place.
    fn threshold_ / f_threshold_(input: &mut Tensor, threshold: f64, value: f64) -> Tensor {
        Ok(input.f_threshold_(threshold, value)?)
    }

    /// `F.celu_(input, alpha=1.0)`: [`celu`](super::celu) in place.
    fn celu_ / f_celu_(input: &mut Tensor, alpha: f64) -> Tensor {
        native::celu_(input, alpha)?;
        Ok(input.shallow_clone())
    }

    /// `F.elu_(input, alpha=1.0)`: [`elu`](super::elu) in place.
    fn elu_ / f_elu_(input: &mut Tensor, alpha: f64) -> Tensor {
        native::elu_(input, alpha)?;
        Ok(input.shallow_clone())
    }

    /// `F.hardtanh_(input, min_val=-1.0, max_val=1.0)`: [`hardtanh`](super::hardtanh) in place.
    fn hardtanh_ / f_hardtanh_(input: &mut Tensor, min_val: f64, max_val: f64) -> Tensor {
        if min_val > max_val {
            return refuse("min_val cannot be greater than max_val");
        }
        native::hardtanh_(input, min_val, max_val)?;
        Ok(input.shallow_clone())
    }

    /// `F.leaky_relu_(input, negative_slope=0.01)`: [`leaky_relu`](super::leaky_relu) in place.
    fn leaky_relu_ / f_leaky_relu_(input: &mut Tensor, negative_slope: f64) -> Tensor {
        native::leaky_relu_(input, negative_slope)?;
        Ok(input.shallow_clone())
    }

    /// `F.rrelu_(input, lower=1/8, upper=1/3, training=False)`: [`rrelu`](super::rrelu) in place.
    fn rrelu_ / f_rrelu_(input: &mut Tensor, lower: f64, upper: f64, training: bool) -> Tensor {
        native::rrelu_(input, lower, upper, training)?;
        Ok(input.shallow_clone())
    }
}
