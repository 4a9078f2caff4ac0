//! Layers of `torch/nn/modules/linear.py`.

use final_layer::torch::Result;
use final_layer::torch::nn::{self, Path};

use super::record::{Forward, module};
use super::table::Args;

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match layer {
        "Linear" => {
            let mut config = nn::LinearConfig::default();
            args.set("bias", &mut config.bias);
            let sizes = [args.need("in_features"), args.need("out_features")];
            nn::f_linear(vs, sizes[0], sizes[1], config).map(module)
        }
        _ => return None,
    })
}
