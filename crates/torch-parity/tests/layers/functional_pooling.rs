//! The pooling functions of `torch.nn.functional`.

use serde_json::Value;
use tch::Tensor;
use torch_parity::nn::Path;
use torch_parity::nn::functional as F;
use torch_parity::{Result, one_line};

use super::functional::function;
use super::record::Forward;
use super::table::{Args, Call};

pub fn build(_vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    let name = layer.strip_prefix("functional.")?;
    let forward = max(name, args)
        .or_else(|| adaptive(name, args))
        .or_else(|| fractional(name, args))
        .or_else(|| average(name, args));
    forward.map(Ok)
}

/// A function of a row that returns a pair.
fn pair(f: impl Fn(&Call) -> Result<(Tensor, Tensor)> + 'static) -> Forward {
    Box::new(move |call, _| {
        let (output, indices) = f(call).unwrap_or_else(|error| panic!("{}", one_line(&error)));
        vec![output, indices]
    })
}

/// Builds the functions of one number of dimensions from the arguments of each group.
macro_rules! windows {
    ($args:ident, $n:literal, $f:path, $made:ident) => {{
        let (kernel, stride) = (window::<$n>($args), $args.get::<[i64; $n]>("stride"));
        let padding = $args.get("padding").unwrap_or([0; $n]);
        let dilation = $args.get("dilation").unwrap_or([1; $n]);
        let ceil = $args.get("ceil_mode").unwrap_or(false);
        $made(move |call| $f(&call.inputs[0], kernel, stride, padding, dilation, ceil))
    }};
    (unpool $args:ident, $n:literal, $f:path) => {{
        let (kernel, stride) = (window::<$n>($args), $args.get::<[i64; $n]>("stride"));
        let padding = $args.get("padding").unwrap_or([0; $n]);
        let size = $args.get::<[i64; $n]>("output_size");
        function(move |call| {
            $f(
                &call.inputs[0],
                &call.inputs[1],
                kernel,
                stride,
                padding,
                size,
            )
        })
    }};
}

fn max(name: &str, args: &Args) -> Option<Forward> {
    Some(match name {
        "max_pool1d" => windows!(args, 1, F::f_max_pool1d, function),
        "max_pool2d" => windows!(args, 2, F::f_max_pool2d, function),
        "max_pool3d" => windows!(args, 3, F::f_max_pool3d, function),
        "max_pool1d_with_indices" => windows!(args, 1, F::f_max_pool1d_with_indices, pair),
        "max_pool2d_with_indices" => windows!(args, 2, F::f_max_pool2d_with_indices, pair),
        "max_pool3d_with_indices" => windows!(args, 3, F::f_max_pool3d_with_indices, pair),
        "max_unpool1d" => windows!(unpool args, 1, F::f_max_unpool1d),
        "max_unpool2d" => windows!(unpool args, 2, F::f_max_unpool2d),
        "max_unpool3d" => windows!(unpool args, 3, F::f_max_unpool3d),
        _ => return None,
    })
}

fn window<const N: usize>(args: &Args) -> [i64; N] {
    args.need("kernel_size")
}

/// The output size of an adaptive function, where null keeps the input's.
fn output_size<const N: usize>(args: &Args) -> [Option<i64>; N] {
    match args.need::<Value>("output_size") {
        Value::Array(sizes) => std::array::from_fn(|i| sizes[i].as_i64()),
        size => [size.as_i64(); N],
    }
}

fn adaptive(name: &str, args: &Args) -> Option<Forward> {
    macro_rules! adaptive {
        ($n:literal, $f:path, $made:ident) => {{
            let size = output_size::<$n>(args);
            $made(move |call| $f(&call.inputs[0], size))
        }};
    }
    Some(match name {
        "adaptive_avg_pool1d" => adaptive!(1, F::f_adaptive_avg_pool1d, function),
        "adaptive_avg_pool2d" => adaptive!(2, F::f_adaptive_avg_pool2d, function),
        "adaptive_avg_pool3d" => adaptive!(3, F::f_adaptive_avg_pool3d, function),
        "adaptive_max_pool1d" => adaptive!(1, F::f_adaptive_max_pool1d, function),
        "adaptive_max_pool2d" => adaptive!(2, F::f_adaptive_max_pool2d, function),
        "adaptive_max_pool3d" => adaptive!(3, F::f_adaptive_max_pool3d, function),
        "adaptive_max_pool1d_with_indices" => {
            adaptive!(1, F::f_adaptive_max_pool1d_with_indices, pair)
        }
        "adaptive_max_pool2d_with_indices" => {
            adaptive!(2, F::f_adaptive_max_pool2d_with_indices, pair)
        }
        "adaptive_max_pool3d_with_indices" => {
            adaptive!(3, F::f_adaptive_max_pool3d_with_indices, pair)
        }
        _ => return None,
    })
}

fn fractional(name: &str, args: &Args) -> Option<Forward> {
    macro_rules! fractional {
        ($n:literal, $f:path, $made:ident) => {{
            let kernel = window::<$n>(args);
            let size = args.get::<[i64; $n]>("output_size");
            let ratio = args.get::<Vec<f64>>("output_ratio");
            let ratio = ratio.map(|ratio| <[f64; $n]>::try_from(ratio).unwrap());
            $made(move |call| {
                $f(
                    &call.inputs[0],
                    kernel,
                    size,
                    ratio,
                    call.tensor("_random_samples"),
                )
            })
        }};
    }
    Some(match name {
        "fractional_max_pool2d" => fractional!(2, F::f_fractional_max_pool2d, function),
        "fractional_max_pool3d" => fractional!(3, F::f_fractional_max_pool3d, function),
        "fractional_max_pool2d_with_indices" => {
            fractional!(2, F::f_fractional_max_pool2d_with_indices, pair)
        }
        "fractional_max_pool3d_with_indices" => {
            fractional!(3, F::f_fractional_max_pool3d_with_indices, pair)
        }
        _ => return None,
    })
}

fn average(name: &str, args: &Args) -> Option<Forward> {
    macro_rules! average {
        ($n:literal, $f:path $(, $divisor:ident)?) => {{
            let (kernel, stride) = (window::<$n>(args), args.get::<[i64; $n]>("stride"));
            let padding = args.get("padding").unwrap_or([0; $n]);
            let ceil = args.get("ceil_mode").unwrap_or(false);
            let count = args.get("count_include_pad").unwrap_or(true);
            $(let $divisor = args.get("divisor_override");)?
            function(move |call| {
                $f(&call.inputs[0], kernel, stride, padding, ceil, count $(, $divisor)?)
            })
        }};
        (power $n:literal, $f:path) => {{
            let (kernel, stride) = (window::<$n>(args), args.get::<[i64; $n]>("stride"));
            let norm_type = args.need("norm_type");
            let ceil = args.get("ceil_mode").unwrap_or(false);
            function(move |call| $f(&call.inputs[0], norm_type, kernel, stride, ceil))
        }};
    }
    Some(match name {
        "avg_pool1d" => average!(1, F::f_avg_pool1d),
        "avg_pool2d" => average!(2, F::f_avg_pool2d, divisor),
        "avg_pool3d" => average!(3, F::f_avg_pool3d, divisor),
        "lp_pool1d" => average!(power 1, F::f_lp_pool1d),
        "lp_pool2d" => average!(power 2, F::f_lp_pool2d),
        "lp_pool3d" => average!(power 3, F::f_lp_pool3d),
        _ => return None,
    })
}
