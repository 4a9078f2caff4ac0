//! `torch.nn.init`: how parameters are drawn.
//!
//! Source: `torch/nn/init.py`.

use tch::nn::Init;
use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use tch::{Tensor, no_grad};

use crate::torch::{Error, Result};

/// `kaiming_uniform_(weight, a=a)`, for a leaky ReLU of negative slope `a`: U(−b, b) with
/// b = √3 · gain / √fan_in and gain = √(2 / (1 + a²)). For a = √5, the default of most layers, b is
/// 1/√fan_in.
pub fn kaiming_uniform(a: f64) -> Init {
    Init::Kaiming {
        dist: NormalOrUniform::Uniform,
        fan: FanInOut::FanIn,
        non_linearity: NonLinearity::ExplicitGain((2.0 / (1.0 + a * a)).sqrt()),
    }
}

/// How most layers draw their bias: U(−1/√fan_in, 1/√fan_in), and zeros where nothing comes in.
pub(super) fn bias_uniform(fan_in: i64) -> Init {
    let bound = match fan_in {
        0 => 0.,
        _ => 1.0 / (fan_in as f64).sqrt(),
    };
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// `xavier_uniform_(tensor)`: U(−a, a) with a = √3 · √(2 / (fan_in + fan_out)).
///
/// # Errors
/// If the tensor has fewer than two dimensions.
pub(super) fn xavier_uniform_(tensor: &Tensor) -> Result<()> {
    let bound = 3f64.sqrt() * xavier_std(tensor)?;
    no_grad(|| tensor.shallow_clone().f_uniform_(-bound, bound).map(drop))?;
    Ok(())
}

/// `xavier_normal_(tensor)`: N(0, 2 / (fan_in + fan_out)).
///
/// # Errors
/// If the tensor has fewer than two dimensions.
pub(super) fn xavier_normal_(tensor: &Tensor) -> Result<()> {
    let std = xavier_std(tensor)?;
    no_grad(|| tensor.shallow_clone().f_normal_(0., std).map(drop))?;
    Ok(())
}

fn xavier_std(tensor: &Tensor) -> Result<f64> {
    match tensor.size()[..] {
        [rows, columns, ref field @ ..] => {
            let field: i64 = field.iter().product();
            Ok((2.0 / ((rows + columns) as f64 * field as f64)).sqrt())
        }
        _ => Err(Error::Argument(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions".into(),
        )),
    }
}

/// Draws a parameter again.
pub(super) fn redraw(tensor: &Tensor, init: Init) {
    no_grad(|| init.set(&mut tensor.shallow_clone()));
}
