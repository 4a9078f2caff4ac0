//! The functions of `torch.nn.functional`, except the losses.

use serde_json::Value;
use tch::{Kind, Tensor};
use torch_parity::nn::Path;
use torch_parity::nn::functional::{self as F, GridSampleMode, GridSamplePadding, PadMode};
use torch_parity::{Result, one_line};

use super::record::Forward;
use super::table::{Args, Argument, Call};

pub fn build(_vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    let name = layer.strip_prefix("functional.")?;
    let number = |name: &str, default: f64| args.get(name).unwrap_or(default);
    let whole = |name: &str, default: i64| args.get(name).unwrap_or(default);
    let flag = |name: &str, default: bool| args.get(name).unwrap_or(default);
    let pair = |name: &str, default: i64| args.get::<[i64; 2]>(name).unwrap_or([default; 2]);
    Some(Ok(match name {
        "softmax" | "log_softmax" | "softmin" => {
            let f = match name {
                "softmax" => F::f_softmax,
                "log_softmax" => F::f_log_softmax,
                _ => F::f_softmin,
            };
            let (dim, dtype) = (args.need("dim"), args.get::<Kind>("dtype"));
            function(move |call| f(&call.inputs[0], dim, dtype))
        }
        "gumbel_softmax" => {
            let (tau, hard, dim) = (number("tau", 1.), flag("hard", false), whole("dim", -1));
            function(move |call| F::f_gumbel_softmax(&call.inputs[0], tau, hard, dim))
        }
        "threshold" => {
            let [threshold, value] = ["threshold", "value"].map(|name| args.need(name));
            function(move |call| F::f_threshold(&call.inputs[0], threshold, value))
        }
        "hardtanh" => {
            let [least, most] = ["min_val", "max_val"].map(|name| args.need(name));
            function(move |call| F::f_hardtanh(&call.inputs[0], least, most))
        }
        "softplus" => {
            let [beta, threshold] = ["beta", "threshold"].map(|name| args.need(name));
            function(move |call| F::f_softplus(&call.inputs[0], beta, threshold))
        }
        "leaky_relu" => of_number(F::f_leaky_relu, args.need("negative_slope")),
        "elu" => of_number(F::f_elu, args.need("alpha")),
        "celu" => of_number(F::f_celu, args.need("alpha")),
        "hardshrink" => of_number(F::f_hardshrink, args.need("lambd")),
        "softshrink" => of_number(F::f_softshrink, args.need("lambd")),
        "selu" => function(|call| F::f_selu(&call.inputs[0])),
        "gelu" => {
            let approximate = args.get::<String>("approximate").unwrap_or("none".into());
            function(move |call| F::f_gelu(&call.inputs[0], &approximate))
        }
        "glu" => {
            let dim = whole("dim", -1);
            function(move |call| F::f_glu(&call.inputs[0], dim))
        }
        "one_hot" => {
            let classes = whole("num_classes", -1);
            function(move |call| F::f_one_hot(&call.inputs[0], classes))
        }
        "cosine_similarity" => {
            let (dim, eps) = (whole("dim", 1), number("eps", 1e-8));
            function(move |call| F::f_cosine_similarity(&call.inputs[0], &call.inputs[1], dim, eps))
        }
        "pairwise_distance" => {
            let (p, eps, keepdim) = (number("p", 2.), number("eps", 1e-6), flag("keepdim", false));
            function(move |call| {
                F::f_pairwise_distance(&call.inputs[0], &call.inputs[1], p, eps, keepdim)
            })
        }
        "linear" => {
            function(|call| F::f_linear(&call.inputs[0], &call.inputs[1], call.inputs.get(2)))
        }
        "bilinear" => function(|call| match &call.inputs[..] {
            [x1, x2, weight, bias @ ..] => F::f_bilinear(x1, x2, weight, bias.first()),
            inputs => panic!("{} inputs", inputs.len()),
        }),
        "pad" => {
            let (pad, value) = (args.need::<Vec<i64>>("pad"), args.get("value"));
            let mode = args.get("mode").unwrap_or_default();
            function(move |call| F::f_pad(&call.inputs[0], &pad, mode, value))
        }
        "unfold" => {
            let [kernel, dilation] = [args.need("kernel_size"), pair("dilation", 1)];
            let [padding, stride] = [pair("padding", 0), pair("stride", 1)];
            function(move |call| F::f_unfold(&call.inputs[0], kernel, dilation, padding, stride))
        }
        "fold" => {
            let [size, kernel]: [[i64; 2]; 2] =
                ["output_size", "kernel_size"].map(|name| args.need(name));
            let [dilation, padding, stride] =
                [("dilation", 1), ("padding", 0), ("stride", 1)].map(|(name, n)| pair(name, n));
            function(move |call| {
                F::f_fold(&call.inputs[0], size, kernel, dilation, padding, stride)
            })
        }
        "affine_grid" => {
            let (size, corners) = (args.need::<Vec<i64>>("size"), args.need("align_corners"));
            function(move |call| F::f_affine_grid(&call.inputs[0], &size, corners))
        }
        "grid_sample" => {
            let mode = args.get("mode").unwrap_or_default();
            let padding = args.get("padding_mode").unwrap_or_default();
            let corners = args.need("align_corners");
            function(move |call| {
                F::f_grid_sample(&call.inputs[0], &call.inputs[1], mode, padding, corners)
            })
        }
        "scaled_dot_product_attention" => {
            let (dropout, causal) = (number("dropout_p", 0.), flag("is_causal", false));
            let (scale, gqa) = (args.get("scale"), flag("enable_gqa", false));
            function(move |call| {
                let ([q, k, v], mask) = (three(call), call.tensor("attn_mask"));
                F::f_scaled_dot_product_attention(q, k, v, mask, dropout, causal, scale, gqa)
            })
        }
        "batch_norm" | "instance_norm" => {
            let (f, flag): (RunningNorm, bool) = match name {
                "batch_norm" => (F::f_batch_norm, flag("training", false)),
                _ => (F::f_instance_norm, flag("use_input_stats", true)),
            };
            let (momentum, eps) = (number("momentum", 0.1), number("eps", 1e-5));
            function(move |call| {
                let [mean, var, weight, bias] =
                    ["running_mean", "running_var", "weight", "bias"].map(|name| call.tensor(name));
                f(
                    &call.inputs[0],
                    mean,
                    var,
                    weight,
                    bias,
                    flag,
                    momentum,
                    eps,
                )
            })
        }
        "layer_norm" => {
            let (shape, eps) = (
                args.need::<Vec<i64>>("normalized_shape"),
                number("eps", 1e-5),
            );
            function(move |call| {
                let [weight, bias] = ["weight", "bias"].map(|name| call.tensor(name));
                F::f_layer_norm(&call.inputs[0], &shape, weight, bias, eps)
            })
        }
        "rms_norm" => {
            let (shape, eps) = (args.need::<Vec<i64>>("normalized_shape"), args.get("eps"));
            function(move |call| F::f_rms_norm(&call.inputs[0], &shape, call.tensor("weight"), eps))
        }
        "group_norm" => {
            let (groups, eps) = (args.need("num_groups"), number("eps", 1e-5));
            function(move |call| {
                let [weight, bias] = ["weight", "bias"].map(|name| call.tensor(name));
                F::f_group_norm(&call.inputs[0], groups, weight, bias, eps)
            })
        }
        _ => return None,
    }))
}

type RunningNorm = fn(
    &Tensor,
    Option<&Tensor>,
    Option<&Tensor>,
    Option<&Tensor>,
    Option<&Tensor>,
    bool,
    f64,
    f64,
) -> Result<Tensor>;

/// A function of a row's arguments and inputs, which panics with the message of its error.
pub fn function(f: impl Fn(&Call) -> Result<Tensor> + 'static) -> Forward {
    Box::new(move |call, _| vec![f(call).unwrap_or_else(|error| panic!("{}", one_line(&error)))])
}

fn of_number(f: fn(&Tensor, f64) -> Result<Tensor>, number: f64) -> Forward {
    function(move |call| f(&call.inputs[0], number))
}

/// The three inputs.
pub fn three(call: &Call) -> [&Tensor; 3] {
    match &call.inputs[..] {
        [a, b, c] => [a, b, c],
        inputs => panic!("{} inputs for a function of three", inputs.len()),
    }
}

impl Argument for Kind {
    fn read(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "float32" => Some(Self::Float),
            "float64" => Some(Self::Double),
            _ => None,
        }
    }
}

impl Argument for PadMode {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "constant" => Self::Constant,
            "reflect" => Self::Reflect,
            "replicate" => Self::Replicate,
            "circular" => Self::Circular,
            _ => return None,
        })
    }
}

impl Argument for GridSampleMode {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "bilinear" => Self::Bilinear,
            "nearest" => Self::Nearest,
            "bicubic" => Self::Bicubic,
            _ => return None,
        })
    }
}

impl Argument for GridSamplePadding {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "zeros" => Self::Zeros,
            "border" => Self::Border,
            "reflection" => Self::Reflection,
            _ => return None,
        })
    }
}
