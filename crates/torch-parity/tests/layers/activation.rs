//! Layers of `activation.py` and `dropout.py`.

use torch_parity::Result;
use torch_parity::nn::{self, Path};

use super::record::{Forward, module};
use super::table::Args;

/// Builds a layer with fields named like Python's arguments.
macro_rules! layer {
    ($args:ident, $layer:expr $(, $field:ident)*) => {{
        #[allow(unused_mut)]
        let mut layer = $layer;
        $($args.set(stringify!($field), &mut layer.$field);)*
        Ok(module(layer))
    }};
}

macro_rules! dropout {
    ($args:ident, $layer:ty) => {
        match $args.get("p") {
            Some(p) => <$layer>::f_new(p).map(module),
            None => Ok(module(<$layer>::default())),
        }
    };
}

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match layer {
        "Threshold" => {
            let [threshold, value] = ["threshold", "value"].map(|name| args.need(name));
            Ok(module(nn::Threshold::new(threshold, value)))
        }
        "ReLU" => layer!(args, nn::ReLU),
        "RReLU" => layer!(args, nn::RReLU::default(), lower, upper),
        "Hardtanh" => layer!(args, nn::Hardtanh::default(), min_val, max_val),
        "ReLU6" => layer!(args, nn::ReLU6),
        "Sigmoid" => layer!(args, nn::Sigmoid),
        "Hardsigmoid" => layer!(args, nn::Hardsigmoid),
        "Tanh" => layer!(args, nn::Tanh),
        "SiLU" => layer!(args, nn::SiLU),
        "Mish" => layer!(args, nn::Mish),
        "Hardswish" => layer!(args, nn::Hardswish),
        "ELU" => layer!(args, nn::ELU::default(), alpha),
        "CELU" => layer!(args, nn::CELU::default(), alpha),
        "SELU" => layer!(args, nn::SELU),
        "GLU" => layer!(args, nn::GLU::default(), dim),
        "GELU" => {
            let mut layer = nn::GELU::default();
            if let Some(approximate) = args.get::<String>("approximate") {
                layer.approximate = match approximate.as_str() {
                    "tanh" => "tanh",
                    other => panic!("approximate {other}"),
                };
            }
            Ok(module(layer))
        }
        "Hardshrink" => layer!(args, nn::Hardshrink::default(), lambd),
        "LeakyReLU" => layer!(args, nn::LeakyReLU::default(), negative_slope),
        "LogSigmoid" => layer!(args, nn::LogSigmoid),
        "Softplus" => layer!(args, nn::Softplus::default(), beta, threshold),
        "Softshrink" => layer!(args, nn::Softshrink::default(), lambd),
        "PReLU" => {
            let mut config = nn::PReLUConfig::default();
            args.set("num_parameters", &mut config.num_parameters);
            args.set("init", &mut config.init);
            nn::f_prelu(vs, config).map(module)
        }
        "Softsign" => layer!(args, nn::Softsign),
        "Tanhshrink" => layer!(args, nn::Tanhshrink),
        "Softmin" => layer!(args, nn::Softmin::new(args.need("dim"))),
        "Softmax" => layer!(args, nn::Softmax::new(args.need("dim"))),
        "Softmax2d" => layer!(args, nn::Softmax2d),
        "LogSoftmax" => layer!(args, nn::LogSoftmax::new(args.need("dim"))),
        "Dropout" => dropout!(args, nn::Dropout),
        "Dropout1d" => dropout!(args, nn::Dropout1d),
        "Dropout2d" => dropout!(args, nn::Dropout2d),
        "Dropout3d" => dropout!(args, nn::Dropout3d),
        "AlphaDropout" => dropout!(args, nn::AlphaDropout),
        "FeatureAlphaDropout" => dropout!(args, nn::FeatureAlphaDropout),
        _ => return None,
    })
}
