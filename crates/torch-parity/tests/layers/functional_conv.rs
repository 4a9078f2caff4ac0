//! The convolutions, shuffles, embeddings and others of `torch.nn.functional`.

use serde_json::Value;
use torch_parity::Result;
use torch_parity::nn::functional::{self as F, ConvPadding};
use torch_parity::nn::{AutoPad, Path};

use super::functional::{function, three};
use super::record::Forward;
use super::table::{Args, Argument};

/// A convolution and its transpose.
macro_rules! convolution {
    ($args:ident, $f:path, $n:literal) => {{
        let stride = sizes::<$n>($args, "stride", 1);
        let dilation = sizes::<$n>($args, "dilation", 1);
        let padding = $args.get("padding").unwrap_or(ConvPadding::<$n>::from(0));
        let groups = $args.get("groups").unwrap_or(1);
        function(move |call| {
            let (input, weight, bias) = (&call.inputs[0], &call.inputs[1], call.inputs.get(2));
            $f(input, weight, bias, stride, padding, dilation, groups)
        })
    }};
    (transposed $args:ident, $f:path, $n:literal) => {{
        let [stride, padding, output_padding, dilation] = [
            ("stride", 1),
            ("padding", 0),
            ("output_padding", 0),
            ("dilation", 1),
        ]
        .map(|(name, default)| sizes::<$n>($args, name, default));
        let groups = $args.get("groups").unwrap_or(1);
        function(move |call| {
            let (input, weight, bias) = (&call.inputs[0], &call.inputs[1], call.inputs.get(2));
            $f(
                input,
                weight,
                bias,
                stride,
                padding,
                output_padding,
                groups,
                dilation,
            )
        })
    }};
}

pub fn build(_vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    let number = |name: &str, default: f64| args.get(name).unwrap_or(default);
    Some(Ok(match layer.strip_prefix("functional.")? {
        "conv1d" => convolution!(args, F::f_conv1d, 1),
        "conv2d" => convolution!(args, F::f_conv2d, 2),
        "conv3d" => convolution!(args, F::f_conv3d, 3),
        "conv_transpose1d" => convolution!(transposed args, F::f_conv_transpose1d, 1),
        "conv_transpose2d" => convolution!(transposed args, F::f_conv_transpose2d, 2),
        "conv_transpose3d" => convolution!(transposed args, F::f_conv_transpose3d, 3),
        "conv_tbc" => {
            let pad = args.get("pad").unwrap_or(0);
            function(move |call| {
                let [input, weight, bias] = three(call);
                F::f_conv_tbc(input, weight, bias, pad)
            })
        }
        name @ ("pixel_shuffle"
        | "pixel_unshuffle"
        | "channel_shuffle"
        | "native_channel_shuffle") => {
            let (f, argument): (fn(&_, i64) -> _, _) = match name {
                "pixel_shuffle" => (F::f_pixel_shuffle, "upscale_factor"),
                "pixel_unshuffle" => (F::f_pixel_unshuffle, "downscale_factor"),
                "channel_shuffle" => (F::f_channel_shuffle, "groups"),
                _ => (F::f_native_channel_shuffle, "groups"),
            };
            let n = args.need(argument);
            function(move |call| f(&call.inputs[0], n))
        }
        "pdist" => {
            let p = number("p", 2.);
            function(move |call| F::f_pdist(&call.inputs[0], p))
        }
        "local_response_norm" => {
            let (size, alpha) = (args.need("size"), number("alpha", 1e-4));
            let (beta, k) = (number("beta", 0.75), number("k", 1.));
            function(move |call| F::f_local_response_norm(&call.inputs[0], size, alpha, beta, k))
        }
        "embedding" => {
            let (padding_idx, max_norm) = (args.get("padding_idx"), args.get("max_norm"));
            let norm_type = number("norm_type", 2.);
            let [by_freq, sparse] =
                ["scale_grad_by_freq", "sparse"].map(|name| args.get(name).unwrap_or(false));
            function(move |call| {
                let (input, weight) = (&call.inputs[0], &call.inputs[1]);
                F::f_embedding(
                    input,
                    weight,
                    padding_idx,
                    max_norm,
                    norm_type,
                    by_freq,
                    sparse,
                )
            })
        }
        "embedding_bag" => embedding_bag(args),
        _ => return None,
    }))
}

fn embedding_bag(args: &Args) -> Forward {
    let (max_norm, padding_idx) = (args.get("max_norm"), args.get("padding_idx"));
    let norm_type = args.get("norm_type").unwrap_or(2.);
    let mode = args.get("mode").unwrap_or_default();
    let [by_freq, sparse, last] = ["scale_grad_by_freq", "sparse", "include_last_offset"]
        .map(|name| args.get(name).unwrap_or(false));
    function(move |call| {
        let [offsets, weights] = ["offsets", "per_sample_weights"].map(|name| call.tensor(name));
        F::f_embedding_bag(
            &call.inputs[0],
            &call.inputs[1],
            offsets,
            max_norm,
            norm_type,
            by_freq,
            mode,
            sparse,
            weights,
            last,
            padding_idx,
        )
    })
}

fn sizes<const N: usize>(args: &Args, name: &str, default: i64) -> [i64; N] {
    args.get(name).unwrap_or([default; N])
}

impl<const N: usize> Argument for ConvPadding<N> {
    fn read(value: &Value) -> Option<Self> {
        match value.as_str() {
            Some("same") => Some(AutoPad::Same.into()),
            Some("valid") => Some(AutoPad::Valid.into()),
            Some(_) => None,
            None => <[i64; N]>::read(value).map(Self::Sizes),
        }
    }
}
