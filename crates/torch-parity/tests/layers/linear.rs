//! Layers of `linear.py`.

use torch_parity::Result;
use torch_parity::nn::{self, Path};

use super::record::{Forward, module};
use super::table::Args;

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match layer {
        "Identity" => Ok(module(nn::Identity)),
        "Linear" => {
            let mut config = nn::LinearConfig::default();
            args.set("bias", &mut config.bias);
            let sizes = [args.need("in_features"), args.need("out_features")];
            nn::f_linear(vs, sizes[0], sizes[1], config).map(module)
        }
        "Bilinear" => {
            let mut config = nn::BilinearConfig::default();
            args.set("bias", &mut config.bias);
            let sizes =
                ["in1_features", "in2_features", "out_features"].map(|name| args.need(name));
            let layer = nn::f_bilinear(vs, sizes[0], sizes[1], sizes[2], config);
            layer.map(|layer| -> Forward {
                Box::new(move |call, _| vec![layer.forward(&call.inputs[0], &call.inputs[1])])
            })
        }
        _ => return None,
    })
}
