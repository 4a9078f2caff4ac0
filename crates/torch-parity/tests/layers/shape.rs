//! Layers of `padding.py`, `upsampling.py`, `pixelshuffle.py`, `channelshuffle.py`, `flatten.py`
//! and `fold.py`.

use serde_json::Value;
use torch_parity::Result;
use torch_parity::nn::functional::{self, InterpolateMode};
use torch_parity::nn::{self, Path};

use super::record::{Forward, module};
use super::table::{Args, Argument};

pub fn build(_vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(Ok(match layer {
        "functional.interpolate" => interpolate(args),
        "Upsample" => upsample(args),
        "UpsamplingNearest2d" => {
            let [size, scale_factor] = sizes(args);
            let size = size.map(|size| size.iter().map(|&n| n as i64).collect());
            module(nn::UpsamplingNearest2d { size, scale_factor })
        }
        "UpsamplingBilinear2d" => {
            let [size, scale_factor] = sizes(args);
            let size = size.map(|size| size.iter().map(|&n| n as i64).collect());
            module(nn::UpsamplingBilinear2d { size, scale_factor })
        }
        "PixelShuffle" => module(nn::PixelShuffle::new(args.need("upscale_factor"))),
        "PixelUnshuffle" => module(nn::PixelUnshuffle::new(args.need("downscale_factor"))),
        "ChannelShuffle" => module(nn::ChannelShuffle::new(args.need("groups"))),
        "Flatten" => {
            let mut layer = nn::Flatten::default();
            args.set("start_dim", &mut layer.start_dim);
            args.set("end_dim", &mut layer.end_dim);
            module(layer)
        }
        "Unflatten" => {
            let size: Vec<i64> = args.need("unflattened_size");
            module(nn::Unflatten::new(args.need("dim"), size))
        }
        "Unfold" => {
            let mut layer = nn::Unfold::new(args.need::<[i64; 2]>("kernel_size"));
            args.set("dilation", &mut layer.dilation);
            args.set("padding", &mut layer.padding);
            args.set("stride", &mut layer.stride);
            module(layer)
        }
        "Fold" => {
            let [output, kernel]: [[i64; 2]; 2] =
                ["output_size", "kernel_size"].map(|name| args.need(name));
            let mut layer = nn::Fold::new(output, kernel);
            args.set("dilation", &mut layer.dilation);
            args.set("padding", &mut layer.padding);
            args.set("stride", &mut layer.stride);
            module(layer)
        }
        _ => {
            let (name, n) = layer.split_at_checked(layer.len().checked_sub(2)?)?;
            match n {
                "1d" => padding::<2>(name, args)?,
                "2d" => padding::<4>(name, args)?,
                "3d" => padding::<6>(name, args)?,
                _ => return None,
            }
        }
    }))
}

fn padding<const N: usize>(name: &str, args: &Args) -> Option<Forward> {
    let padding = || args.need::<[i64; N]>("padding");
    Some(match name {
        "ZeroPad" => module(nn::ZeroPad::<N>::new(padding())),
        "ConstantPad" => module(nn::ConstantPad::<N>::new(padding(), args.need("value"))),
        "ReflectionPad" => module(nn::ReflectionPad::<N>::new(padding())),
        "ReplicationPad" => module(nn::ReplicationPad::<N>::new(padding())),
        "CircularPad" => module(nn::CircularPad::<N>::new(padding())),
        _ => return None,
    })
}

/// `F.interpolate`, with the argument that `Upsample` lacks.
fn interpolate(args: &Args) -> Forward {
    let size: Vec<i64> = args.need("size");
    let (mode, antialias) = (args.need("mode"), args.need("antialias"));
    let align_corners = args.get("align_corners");
    Box::new(move |call, _| {
        let input = &call.inputs[0];
        vec![functional::interpolate(
            input,
            Some(&size),
            None,
            mode,
            align_corners,
            false,
            antialias,
        )]
    })
}

fn upsample(args: &Args) -> Forward {
    let scale_factor = args.get::<OneOrMore<f64>>("scale_factor");
    let mut layer = nn::Upsample {
        size: args.get::<OneOrMore<i64>>("size").map(|size| size.0),
        scale_factor: scale_factor.map(|scale| scale.0),
        ..Default::default()
    };
    args.set("mode", &mut layer.mode);
    args.set("align_corners", &mut layer.align_corners);
    args.set("recompute_scale_factor", &mut layer.recompute_scale_factor);
    module(layer)
}

/// The size and the scale of an upsampling.
fn sizes(args: &Args) -> [Option<Vec<f64>>; 2] {
    ["size", "scale_factor"].map(|name| args.get::<OneOrMore<f64>>(name).map(|given| given.0))
}

struct OneOrMore<T>(Vec<T>);

impl<T: Argument> Argument for OneOrMore<T> {
    fn read(value: &Value) -> Option<Self> {
        let one = || T::read(value).map(|one| vec![one]);
        Vec::read(value).or_else(one).map(Self)
    }
}

impl Argument for InterpolateMode {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "nearest" => Self::Nearest,
            "nearest-exact" => Self::NearestExact,
            "linear" => Self::Linear,
            "bilinear" => Self::Bilinear,
            "bicubic" => Self::Bicubic,
            "trilinear" => Self::Trilinear,
            "area" => Self::Area,
            _ => return None,
        })
    }
}
