//! Layers of `pooling.py`.

use serde_json::Value;
use tch::Tensor;
use torch_parity::Result;
use torch_parity::nn::{self, FractionalSize, ModuleT, Path};

use super::record::{Forward, module};
use super::table::Args;

pub fn build(_vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    let (name, n) = layer.split_at_checked(layer.len().checked_sub(2)?)?;
    match n {
        "1d" => pool::<1>(name, args),
        "2d" => pool::<2>(name, args),
        "3d" => pool::<3>(name, args),
        _ => None,
    }
}

fn pool<const N: usize>(name: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match name {
        "MaxPool" => {
            let mut layer = nn::MaxPool::<N>::new(args.need::<[i64; N]>("kernel_size"));
            args.set("stride", &mut layer.stride);
            args.set("padding", &mut layer.padding);
            args.set("dilation", &mut layer.dilation);
            args.set("ceil_mode", &mut layer.ceil_mode);
            Ok(perhaps_indices(args, layer, move |input| {
                layer.f_forward_with_indices(input)
            }))
        }
        "MaxUnpool" => {
            let mut layer = nn::MaxUnpool::<N>::new(args.need::<[i64; N]>("kernel_size"));
            args.set("stride", &mut layer.stride);
            args.set("padding", &mut layer.padding);
            Ok(Box::new(move |call, _| {
                let size = call.args.get("output_size");
                let output = layer.f_forward(&call.inputs[0], &call.inputs[1], size);
                vec![output.unwrap()]
            }))
        }
        "AvgPool" => {
            let mut layer = nn::AvgPool::<N>::new(args.need::<[i64; N]>("kernel_size"));
            args.set("stride", &mut layer.stride);
            args.set("padding", &mut layer.padding);
            args.set("ceil_mode", &mut layer.ceil_mode);
            args.set("count_include_pad", &mut layer.count_include_pad);
            args.set("divisor_override", &mut layer.divisor_override);
            Ok(module(layer))
        }
        "LPPool" => {
            let kernel_size: [i64; N] = args.need("kernel_size");
            let mut layer = nn::LPPool::<N>::new(args.need("norm_type"), kernel_size);
            args.set("stride", &mut layer.stride);
            args.set("ceil_mode", &mut layer.ceil_mode);
            Ok(module(layer))
        }
        "AdaptiveAvgPool" => {
            let output_size = adaptive(args);
            Ok(module(nn::AdaptiveAvgPool::<N> { output_size }))
        }
        "AdaptiveMaxPool" => {
            let output_size = adaptive(args);
            let layer = nn::AdaptiveMaxPool::<N> { output_size };
            Ok(perhaps_indices(args, layer, move |input| {
                layer.f_forward_with_indices(input)
            }))
        }
        "FractionalMaxPool" => {
            let output = match args.get("output_size") {
                Some(size) => FractionalSize::Size(size),
                None => FractionalSize::Ratio(match args.need::<Value>("output_ratio") {
                    Value::Array(ratios) => std::array::from_fn(|i| ratios[i].as_f64().unwrap()),
                    ratio => [ratio.as_f64().unwrap(); N],
                }),
            };
            let kernel_size: [i64; N] = args.need("kernel_size");
            nn::FractionalMaxPool::<N>::f_new(kernel_size, output).map(module)
        }
        _ => return None,
    })
}

fn adaptive<const N: usize>(args: &Args) -> [Option<i64>; N] {
    match args.need::<Value>("output_size") {
        Value::Array(sizes) => std::array::from_fn(|i| sizes[i].as_i64()),
        size => [size.as_i64(); N],
    }
}

/// Returns the indices, too, if `return_indices` asks for them.
fn perhaps_indices(
    args: &Args,
    layer: impl ModuleT + 'static,
    with_indices: impl Fn(&Tensor) -> Result<(Tensor, Tensor)> + 'static,
) -> Forward {
    match args.get("return_indices") {
        Some(true) => Box::new(move |call, _| {
            let (output, indices) = with_indices(&call.inputs[0]).unwrap();
            vec![output, indices]
        }),
        _ => module(layer),
    }
}
