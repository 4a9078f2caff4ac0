//! Layers of `sparse.py`.

use serde_json::Value;
use torch_parity::Result;
use torch_parity::nn::functional::EmbeddingBagMode;
use torch_parity::nn::{self, Path};

use super::record::{Forward, module};
use super::table::{Args, Argument, Call};

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match layer {
        "Embedding" => {
            let mut config = nn::EmbeddingConfig::default();
            let sizes: [i64; 2] = ["num_embeddings", "embedding_dim"].map(|name| args.need(name));
            if let Some(Some(index)) = args.get::<Option<i64>>("padding_idx") {
                // As documented at the field, for a row counted from the end.
                config.padding_idx = if index < 0 { sizes[0] + index } else { index };
            }
            args.set("max_norm", &mut config.max_norm);
            args.set("norm_type", &mut config.norm_type);
            args.set("scale_grad_by_freq", &mut config.scale_grad_by_freq);
            args.set("sparse", &mut config.sparse);
            nn::f_embedding(vs, sizes[0], sizes[1], config).map(module)
        }
        "EmbeddingBag" => embedding_bag(vs, args),
        _ => return None,
    })
}

fn embedding_bag(vs: &Path, args: &Args) -> Result<Forward> {
    let mut config = nn::EmbeddingBagConfig::default();
    let sizes: [i64; 2] = ["num_embeddings", "embedding_dim"].map(|name| args.need(name));
    args.set("max_norm", &mut config.max_norm);
    args.set("norm_type", &mut config.norm_type);
    args.set("scale_grad_by_freq", &mut config.scale_grad_by_freq);
    args.set("mode", &mut config.mode);
    args.set("sparse", &mut config.sparse);
    args.set("include_last_offset", &mut config.include_last_offset);
    args.set("padding_idx", &mut config.padding_idx);
    let layer = nn::f_embedding_bag(vs, sizes[0], sizes[1], config)?;
    Ok(Box::new(move |call: &Call, _| {
        let [offsets, weights] = ["offsets", "per_sample_weights"].map(|name| call.tensor(name));
        let output = layer.f_forward_bags(&call.inputs[0], offsets, weights);
        vec![output.unwrap()]
    }))
}

impl Argument for EmbeddingBagMode {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "max" => Self::Max,
            _ => return None,
        })
    }
}
