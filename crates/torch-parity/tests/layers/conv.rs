//! Layers of `conv.py`.

use serde_json::Value;
use torch_parity::Result;
use torch_parity::nn::{self, AutoPad, Module, PaddingMode, Path};

use super::record::{Forward, module};
use super::table::{Args, Argument, Call};

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match layer {
        "Conv1d" => convolution::<1>(vs, args).map(module),
        "Conv2d" => convolution::<2>(vs, args).map(module),
        "Conv3d" => convolution::<3>(vs, args).map(module),
        "ConvTranspose1d" => transposed::<1>(vs, args),
        "ConvTranspose2d" => transposed::<2>(vs, args),
        "ConvTranspose3d" => transposed::<3>(vs, args),
        _ => return None,
    })
}

fn channels(args: &Args) -> (i64, i64) {
    (args.need("in_channels"), args.need("out_channels"))
}

pub fn convolution<const N: usize>(vs: &Path, args: &Args) -> Result<nn::Conv<[i64; N]>> {
    let mut config = nn::ConvConfigND::<[i64; N]>::default();
    args.set("stride", &mut config.stride);
    args.set("dilation", &mut config.dilation);
    args.set("groups", &mut config.groups);
    args.set("bias", &mut config.bias);
    args.set("padding_mode", &mut config.padding_mode);
    match args.get::<Value>("padding") {
        Some(Value::String(name)) => {
            config.auto_pad = Some(match name.as_str() {
                "same" => AutoPad::Same,
                "valid" => AutoPad::Valid,
                other => panic!("padding {other}"),
            });
        }
        Some(_) => args.set("padding", &mut config.padding),
        None => {}
    }
    let (inputs, outputs) = channels(args);
    nn::f_conv(vs, inputs, outputs, args.need("kernel_size"), config)
}

impl Argument for PaddingMode {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "zeros" => Self::Zeros,
            "reflect" => Self::Reflect,
            "replicate" => Self::Replicate,
            "circular" => Self::Circular,
            _ => return None,
        })
    }
}

pub fn transposed_layer<const N: usize>(
    vs: &Path,
    args: &Args,
) -> Result<nn::ConvTransposeND<[i64; N]>> {
    let mut config = nn::ConvTransposeConfigND::<[i64; N]>::default();
    args.set("stride", &mut config.stride);
    args.set("padding", &mut config.padding);
    args.set("output_padding", &mut config.output_padding);
    args.set("dilation", &mut config.dilation);
    args.set("groups", &mut config.groups);
    args.set("bias", &mut config.bias);
    let (inputs, outputs) = channels(args);
    nn::f_conv_transpose(vs, inputs, outputs, args.need("kernel_size"), config)
}

fn transposed<const N: usize>(vs: &Path, args: &Args) -> Result<Forward>
where
    nn::ConvTransposeND<[i64; N]>: Module,
{
    let layer = transposed_layer(vs, args)?;
    Ok(Box::new(move |call: &Call, _| {
        let input = &call.inputs[0];
        vec![match call.args.get("output_size") {
            Some(size) => layer.f_forward_to_size(input, size).unwrap(),
            None => layer.forward(input),
        }]
    }))
}
