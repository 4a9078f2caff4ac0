//! `torch.nn.Linear`: the initial values, and the order in which they are drawn.
//!
//! | | `tch::nn::linear` | `torch.nn.Linear` |
//! | --- | --- | --- |
//! | weight | U(−√(6/in), √(6/in)) | U(−1/√in, 1/√in) |
//! | drawn first | bias | weight |
//!
//! Source: `Linear.reset_parameters` in `torch/nn/modules/linear.py`, `kaiming_uniform_` in
//! `torch/nn/init.py`.

use tch::nn::{Init, Linear, Path};

/// `nn.Linear(in_features, out_features)`: y = x Wᵀ + b, with PyTorch's initial values.
///
/// Adds `weight` `(out_features, in_features)` and `bias` `(out_features,)`, float32, to `vs`,
/// drawing the weight before the bias. Give each layer a path of its own (`vs / "fc1"`): `tch`
/// silently renames a second `weight` on one path.
///
/// ```
/// use tch::{nn, Device};
/// let vs = nn::VarStore::new(Device::Cpu);
/// let fc1 = final_layer::torch::nn::linear(&(vs.root() / "fc1"), 784, 128);
/// assert_eq!(fc1.ws.size(), [128, 784]);
/// assert!(f64::try_from(fc1.ws.abs().max()).unwrap() <= 1.0 / 28.0);
/// ```
pub fn linear(vs: &Path, in_features: i64, out_features: i64) -> Linear {
    let fan_in = in_features as f64;
    let weight = kaiming_uniform_bound(fan_in, 5f64.sqrt());
    let bias = 1.0 / fan_in.sqrt();
    Linear {
        ws: vs.var("weight", &[out_features, in_features], uniform(weight)),
        bs: Some(vs.var("bias", &[out_features], uniform(bias))),
    }
}

/// The bound that `kaiming_uniform_(a=a)` draws within, for a leaky ReLU of negative slope `a`:
/// √3 · gain / √fan_in with gain = √(2 / (1 + a²)). For a = √5 that is 1/√fan_in.
fn kaiming_uniform_bound(fan_in: f64, a: f64) -> f64 {
    let gain = (2.0 / (1.0 + a * a)).sqrt();
    let std = gain / fan_in.sqrt();
    3f64.sqrt() * std
}

fn uniform(bound: f64) -> Init {
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}
