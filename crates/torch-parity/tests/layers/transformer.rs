//! Layers of `torch/nn/modules/transformer.py`.

use serde_json::Value;
use tch::{Device, Kind, Tensor, no_grad};
use torch_parity::Result;
use torch_parity::nn::{
    self, Activation, DecoderMasks, EncoderMasks, LayerNormConfig, ModuleT, Path, Transformer,
    TransformerConfig, TransformerEncoderConfig, TransformerLayerConfig, VarStore,
};

use super::record::Forward;
use super::table::{Args, Call};
use testing::{on_threads, same_bits};

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match layer {
        "TransformerEncoderLayer" => encoder_layer(vs, args),
        "TransformerDecoderLayer" => decoder_layer(vs, args),
        "TransformerEncoder" => encoder(vs, args),
        "TransformerDecoder" => decoder(vs, args),
        "Transformer" => transformer(vs, args),
        _ => return None,
    })
}

fn config(args: &Args) -> TransformerLayerConfig {
    let mut config = TransformerLayerConfig::default();
    args.set("dim_feedforward", &mut config.dim_feedforward);
    args.set("dropout", &mut config.dropout);
    args.set("layer_norm_eps", &mut config.layer_norm_eps);
    args.set("batch_first", &mut config.batch_first);
    args.set("norm_first", &mut config.norm_first);
    args.set("bias", &mut config.bias);
    config.activation = match args.get::<String>("activation").as_deref() {
        None | Some("relu") => Activation::Relu,
        Some("gelu") => Activation::Gelu,
        Some("tanh") => Activation::Custom(Tensor::tanh),
        Some(other) => panic!("unknown activation {other}"),
    };
    config
}

fn sizes(args: &Args) -> (i64, i64) {
    (args.need("d_model"), args.need("nhead"))
}

fn encoder_masks<'a>(call: &'a Call, mask: &str, is_causal: &str) -> EncoderMasks<'a> {
    EncoderMasks {
        src_mask: call.tensor(mask),
        src_key_padding_mask: call.tensor("src_key_padding_mask"),
        is_causal: call.args.get(is_causal),
    }
}

fn decoder_masks(call: &Call) -> DecoderMasks<'_> {
    DecoderMasks {
        tgt_mask: call.tensor("tgt_mask"),
        memory_mask: call.tensor("memory_mask"),
        tgt_key_padding_mask: call.tensor("tgt_key_padding_mask"),
        memory_key_padding_mask: call.tensor("memory_key_padding_mask"),
        tgt_is_causal: call.args.get("tgt_is_causal"),
        memory_is_causal: call.args.get("memory_is_causal").unwrap_or(false),
    }
}

fn encoder_layer(vs: &Path, args: &Args) -> Result<Forward> {
    let (d_model, nhead) = sizes(args);
    let layer = nn::f_transformer_encoder_layer(vs, d_model, nhead, config(args))?;
    Ok(Box::new(move |call, train| {
        let masks = encoder_masks(call, "src_mask", "is_causal");
        vec![layer.forward_masked_t(&call.inputs[0], masks, train)]
    }))
}

fn decoder_layer(vs: &Path, args: &Args) -> Result<Forward> {
    let (d_model, nhead) = sizes(args);
    let layer = nn::f_transformer_decoder_layer(vs, d_model, nhead, config(args))?;
    Ok(Box::new(move |call, train| {
        let masks = decoder_masks(call);
        vec![layer.forward_t(&call.inputs[0], &call.inputs[1], masks, train)]
    }))
}

/// The arguments of an inner layer, `["LayerNorm", {…}]`.
fn inner(args: &Args, name: &str) -> Option<Args> {
    let value: Vec<Value> = args.get(name)?;
    Some(Args::new(&value[1]))
}

fn norm(args: &Args) -> Option<LayerNormConfig> {
    let inner = inner(args, "norm")?;
    let mut config = LayerNormConfig::default();
    let _: i64 = inner.need("normalized_shape");
    inner.set("eps", &mut config.eps);
    inner.set("bias", &mut config.bias);
    inner.expect_all_read();
    Some(config)
}

/// A temporary store for a layer that is only drawn to be copied.
fn scratch(vs: &Path) -> VarStore {
    let mut scratch = VarStore::new(vs.device());
    scratch.set_kind(vs.kind());
    scratch
}

fn encoder(vs: &Path, args: &Args) -> Result<Forward> {
    let inner = inner(args, "encoder_layer").expect("an encoder has a layer");
    let (d_model, nhead) = sizes(&inner);
    let scratch = scratch(vs);
    let layer = nn::f_transformer_encoder_layer(scratch.root(), d_model, nhead, config(&inner))?;
    inner.expect_all_read();
    let mut config = TransformerEncoderConfig {
        norm: norm(args),
        ..Default::default()
    };
    args.set("enable_nested_tensor", &mut config.enable_nested_tensor);
    args.set("mask_check", &mut config.mask_check);
    let encoder = nn::f_transformer_encoder(vs, &layer, args.need("num_layers"), config)?;
    Ok(Box::new(move |call, train| {
        let masks = encoder_masks(call, "mask", "is_causal");
        vec![encoder.forward_masked_t(&call.inputs[0], masks, train)]
    }))
}

fn decoder(vs: &Path, args: &Args) -> Result<Forward> {
    let inner = inner(args, "decoder_layer").expect("a decoder has a layer");
    let (d_model, nhead) = sizes(&inner);
    let scratch = scratch(vs);
    let layer = nn::f_transformer_decoder_layer(scratch.root(), d_model, nhead, config(&inner))?;
    inner.expect_all_read();
    let decoder = nn::f_transformer_decoder(vs, &layer, args.need("num_layers"), norm(args))?;
    Ok(Box::new(move |call, train| {
        let masks = decoder_masks(call);
        vec![decoder.forward_t(&call.inputs[0], &call.inputs[1], masks, train)]
    }))
}

fn transformer(vs: &Path, args: &Args) -> Result<Forward> {
    let mut config = TransformerConfig {
        layer: config(args),
        ..Default::default()
    };
    args.set("d_model", &mut config.d_model);
    args.set("nhead", &mut config.nhead);
    args.set("num_encoder_layers", &mut config.num_encoder_layers);
    args.set("num_decoder_layers", &mut config.num_decoder_layers);
    let transformer = nn::f_transformer(vs, config)?;
    Ok(Box::new(move |call, train| {
        let (src, tgt) = (&call.inputs[0], &call.inputs[1]);
        let src_masks = encoder_masks(call, "src_mask", "src_is_causal");
        vec![transformer.forward_t(src, tgt, src_masks, decoder_masks(call), train)]
    }))
}

/// If no parameter of a layer requires a gradient, it takes the fused path although gradients are
/// enabled. That path has other bits, so the rows distinguish the two.
#[test]
fn a_frozen_encoder_is_fused() {
    on_threads(1, || {
        let mut vs = VarStore::new(Device::Cpu);
        let config = TransformerLayerConfig {
            batch_first: true,
            dim_feedforward: 64,
            ..Default::default()
        };
        let layer = nn::transformer_encoder_layer(vs.root(), 32, 4, config);
        let input = Tensor::randn([3, 10, 32], (Kind::Float, Device::Cpu));
        let fused = no_grad(|| layer.forward_t(&input, false));
        assert!(!same_bits(&layer.forward_t(&input, false), &fused));
        vs.freeze();
        assert!(same_bits(&layer.forward_t(&input, false), &fused));
        let input = input.set_requires_grad(true);
        assert!(!same_bits(&layer.forward_t(&input, false), &fused));
    });
}

/// Equal to Python's causal mask, and detected as one.
#[test]
fn a_causal_mask() {
    let mask = Transformer::generate_square_subsequent_mask(3, (Kind::Float, Device::Cpu));
    let inf = f64::NEG_INFINITY;
    let values = Vec::<Vec<f64>>::try_from(mask.to_kind(Kind::Double)).unwrap();
    assert_eq!(values, [[0., inf, inf], [0., 0., inf], [0., 0., 0.]]);
}
