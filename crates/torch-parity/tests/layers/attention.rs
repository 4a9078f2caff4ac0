//! `MultiheadAttention` of `torch/nn/modules/activation.py`.

use torch_parity::Result;
use torch_parity::nn::{self, AttentionOptions, MultiheadAttentionConfig, Path};

use super::record::Forward;
use super::table::Args;

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    match layer {
        "MultiheadAttention" => Some(multihead_attention(vs, args)),
        _ => None,
    }
}

fn multihead_attention(vs: &Path, args: &Args) -> Result<Forward> {
    let mut config = MultiheadAttentionConfig::default();
    args.set("dropout", &mut config.dropout);
    args.set("bias", &mut config.bias);
    args.set("add_bias_kv", &mut config.add_bias_kv);
    args.set("add_zero_attn", &mut config.add_zero_attn);
    args.set("kdim", &mut config.kdim);
    args.set("vdim", &mut config.vdim);
    args.set("batch_first", &mut config.batch_first);
    let (embed_dim, num_heads) = (args.need("embed_dim"), args.need("num_heads"));
    let attention = nn::f_multihead_attention(vs, embed_dim, num_heads, config)?;
    Ok(Box::new(move |call, train| {
        let mut options = AttentionOptions {
            key_padding_mask: call.tensor("key_padding_mask"),
            attn_mask: call.tensor("attn_mask"),
            ..Default::default()
        };
        call.args.set("need_weights", &mut options.need_weights);
        let average = &mut options.average_attn_weights;
        call.args.set("average_attn_weights", average);
        call.args.set("is_causal", &mut options.is_causal);
        let [query, key, value] = &call.inputs[..] else {
            panic!("attention has three inputs");
        };
        let (output, weights) = attention.forward_t(query, key, value, options, train);
        [Some(output), weights].into_iter().flatten().collect()
    }))
}
