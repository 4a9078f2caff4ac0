//! The activations and dropouts of `torch.nn.functional` that take at most numbers.

use tch::Tensor;
use torch_parity::nn::Path;
use torch_parity::nn::functional as F;
use torch_parity::{Result, one_line};

use super::functional::function;
use super::record::Forward;
use super::table::Args;

pub fn build(_vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    let name = layer.strip_prefix("functional.")?;
    if name.ends_with('_') {
        return in_place(name, args).map(Ok);
    }
    let plain: fn(&Tensor) -> Result<Tensor> = match name {
        "relu" => F::f_relu,
        "relu6" => F::f_relu6,
        "sigmoid" => F::f_sigmoid,
        "logsigmoid" => F::f_logsigmoid,
        "hardsigmoid" => F::f_hardsigmoid,
        "hardswish" => F::f_hardswish,
        "silu" => F::f_silu,
        "mish" => F::f_mish,
        "tanh" => F::f_tanh,
        "softsign" => F::f_softsign,
        "tanhshrink" => F::f_tanhshrink,
        "prelu" => {
            return Some(Ok(function(|call| {
                F::f_prelu(&call.inputs[0], &call.inputs[1])
            })));
        }
        "rrelu" => {
            let [lower, upper] = bounds(args);
            let training = args.get("training").unwrap_or(false);
            return Some(Ok(function(move |call| {
                F::f_rrelu(&call.inputs[0], lower, upper, training)
            })));
        }
        _ => return dropout(name, args).map(Ok),
    };
    Some(Ok(function(move |call| plain(&call.inputs[0]))))
}

fn bounds(args: &Args) -> [f64; 2] {
    [("lower", 1. / 8.), ("upper", 1. / 3.)].map(|(name, n)| args.get(name).unwrap_or(n))
}

/// A dropout; `training` is true by default, except for the alpha dropouts.
fn dropout(name: &str, args: &Args) -> Option<Forward> {
    type Dropout = fn(&Tensor, f64, bool) -> Result<Tensor>;
    let (f, default): (Dropout, bool) = match name {
        "dropout" => (F::f_dropout, true),
        "dropout1d" => (F::f_dropout1d, true),
        "dropout2d" => (F::f_dropout2d, true),
        "dropout3d" => (F::f_dropout3d, true),
        "alpha_dropout" => (F::f_alpha_dropout, false),
        "feature_alpha_dropout" => (F::f_feature_alpha_dropout, false),
        _ => return None,
    };
    let (p, training) = (
        args.get("p").unwrap_or(0.5),
        args.get("training").unwrap_or(default),
    );
    Some(function(move |call| f(&call.inputs[0], p, training)))
}

/// A function in place: what it returns, and the copy of the input that it changed.
fn in_place(name: &str, args: &Args) -> Option<Forward> {
    let number = |name: &str, default: f64| args.get(name).unwrap_or(default);
    Some(match name {
        "relu_" => changing(F::f_relu_),
        "selu_" => changing(F::f_selu_),
        "threshold_" => {
            let [threshold, value] = ["threshold", "value"].map(|name| args.need(name));
            changing(move |input| F::f_threshold_(input, threshold, value))
        }
        "celu_" => {
            let alpha = number("alpha", 1.);
            changing(move |input| F::f_celu_(input, alpha))
        }
        "elu_" => {
            let alpha = number("alpha", 1.);
            changing(move |input| F::f_elu_(input, alpha))
        }
        "hardtanh_" => {
            let (least, most) = (number("min_val", -1.), number("max_val", 1.));
            changing(move |input| F::f_hardtanh_(input, least, most))
        }
        "leaky_relu_" => {
            let slope = number("negative_slope", 0.01);
            changing(move |input| F::f_leaky_relu_(input, slope))
        }
        "rrelu_" => {
            let [lower, upper] = bounds(args);
            let training = args.get("training").unwrap_or(false);
            changing(move |input| F::f_rrelu_(input, lower, upper, training))
        }
        _ => return None,
    })
}

fn changing(f: impl Fn(&mut Tensor) -> Result<Tensor> + 'static) -> Forward {
    Box::new(move |call, _| {
        let mut copy = call.inputs[0].copy();
        let output = f(&mut copy).unwrap_or_else(|error| panic!("{}", one_line(&error)));
        vec![output, copy]
    })
}
