//! `torch.nn.init`: how parameters are drawn.
//!
//! Source: `torch/nn/init.py`.

use tch::nn::Init;
use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};

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
