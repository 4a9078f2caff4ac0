//! tch's own layers and methods, used with Python's arguments in the obvious way.

use serde_json::Value;
use tch::Tensor;
use tch::nn::{self, RNN};
use torch_parity::Result;
use torch_parity::nn::{Path, func, func_t};

use super::record::{Forward, module};
use super::rnn::{gru_state, lstm_state};
use super::table::Args;

/// The layer with that name from `tch`; `None` if `tch` lacks it or one of these arguments.
pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    // Arguments that tch's methods lack are ignored, as in the obvious translation.
    args.pass_over();
    let forward = match layer {
        "Linear" => {
            let mut config = nn::LinearConfig::default();
            args.set("bias", &mut config.bias);
            let sizes = [args.need("in_features"), args.need("out_features")];
            module(nn::linear(vs, sizes[0], sizes[1], config))
        }
        "Conv1d" => module(convolution::<1>(vs, args)?),
        "Conv2d" => module(convolution::<2>(vs, args)?),
        "Conv3d" => module(convolution::<3>(vs, args)?),
        "ConvTranspose1d" => module(transposed(vs, args, nn::conv_transpose1d)?),
        "ConvTranspose2d" => module(transposed(vs, args, nn::conv_transpose2d)?),
        "ConvTranspose3d" => module(transposed(vs, args, nn::conv_transpose3d)?),
        "BatchNorm1d" => module(nn::batch_norm1d(
            vs,
            args.need("num_features"),
            batch_norm(args)?,
        )),
        "BatchNorm2d" => module(nn::batch_norm2d(
            vs,
            args.need("num_features"),
            batch_norm(args)?,
        )),
        "BatchNorm3d" => module(nn::batch_norm3d(
            vs,
            args.need("num_features"),
            batch_norm(args)?,
        )),
        "LayerNorm" => {
            only(args, &["normalized_shape", "eps", "elementwise_affine"])?;
            let mut config = nn::LayerNormConfig::default();
            args.set("eps", &mut config.eps);
            args.set("elementwise_affine", &mut config.elementwise_affine);
            module(nn::layer_norm(vs, args.need("normalized_shape"), config))
        }
        "GroupNorm" => {
            only(args, &["num_groups", "num_channels", "eps", "affine"])?;
            let mut config = nn::GroupNormConfig::default();
            args.set("eps", &mut config.eps);
            args.set("affine", &mut config.affine);
            let sizes = [args.need("num_groups"), args.need("num_channels")];
            module(nn::group_norm(vs, sizes[0], sizes[1], config))
        }
        "functional.cross_entropy" => two(Tensor::cross_entropy_for_logits),
        "functional.nll_loss" => two(Tensor::nll_loss),
        "Embedding" => {
            let known = [
                "num_embeddings",
                "embedding_dim",
                "padding_idx",
                "scale_grad_by_freq",
            ];
            only(args, &[&known[..], &["sparse"]].concat())?;
            let mut config = nn::EmbeddingConfig::default();
            args.set("padding_idx", &mut config.padding_idx);
            args.set("scale_grad_by_freq", &mut config.scale_grad_by_freq);
            args.set("sparse", &mut config.sparse);
            let sizes: [i64; 2] = ["num_embeddings", "embedding_dim"].map(|name| args.need(name));
            module(nn::embedding(vs, sizes[0], sizes[1], config))
        }
        "LSTM" => lstm(vs, args)?,
        "GRU" => gru(vs, args)?,
        _ => method(layer)?,
    };
    Some(Ok(forward))
}

/// A method of `tch` that lacks arguments.
fn method(layer: &str) -> Option<Forward> {
    let function: fn(&Tensor) -> Tensor = match layer {
        "CELU" => Tensor::celu,
        "ELU" => Tensor::elu,
        "Hardshrink" => Tensor::hardshrink,
        "Hardtanh" => Tensor::hardtanh,
        "LeakyReLU" => Tensor::leaky_relu,
        "RReLU" => return Some(module(func_t(|xs, train| xs.rrelu(train)))),
        "Softplus" => Tensor::softplus,
        "Softshrink" => Tensor::softshrink,
        _ => return None,
    };
    Some(module(func(function)))
}

/// `None` if there is any other argument, which `tch` cannot express.
fn only(args: &Args, known: &[&str]) -> Option<()> {
    args.names().all(|name| known.contains(&name)).then_some(())
}

/// The same number for all dimensions.
fn one_number(args: &Args, name: &str, place: &mut i64) -> Option<()> {
    match args.get::<Value>(name) {
        None => {}
        Some(value) => *place = value.as_i64()?,
    }
    Some(())
}

fn convolution<const N: usize>(vs: &Path, args: &Args) -> Option<nn::Conv<[i64; N]>> {
    if matches!(args.get("padding"), Some(Value::String(_))) {
        return None;
    }
    let all = |name, default| args.get(name).unwrap_or([default; N]);
    let defaults = nn::ConvConfig::default();
    let config = nn::ConvConfigND {
        stride: all("stride", 1),
        padding: all("padding", 0),
        dilation: all("dilation", 1),
        groups: args.get("groups").unwrap_or(1),
        bias: args.get("bias").unwrap_or(true),
        ws_init: defaults.ws_init,
        bs_init: defaults.bs_init,
        padding_mode: args.get("padding_mode").unwrap_or(defaults.padding_mode),
    };
    let [inputs, outputs]: [i64; 2] = ["in_channels", "out_channels"].map(|name| args.need(name));
    Some(nn::conv(
        vs,
        inputs,
        outputs,
        args.need("kernel_size"),
        config,
    ))
}

/// A method of an input and a target.
fn two(method: fn(&Tensor, &Tensor) -> Tensor) -> Forward {
    Box::new(move |call, _| vec![method(&call.inputs[0], &call.inputs[1])])
}

fn transposed<'a, L>(
    vs: &'a Path<'a>,
    args: &Args,
    new: fn(&'a Path<'a>, i64, i64, i64, nn::ConvTransposeConfig) -> L,
) -> Option<L> {
    let mut config = nn::ConvTransposeConfig::default();
    one_number(args, "stride", &mut config.stride)?;
    one_number(args, "padding", &mut config.padding)?;
    one_number(args, "output_padding", &mut config.output_padding)?;
    one_number(args, "dilation", &mut config.dilation)?;
    args.set("groups", &mut config.groups);
    args.set("bias", &mut config.bias);
    let mut kernel = 0;
    one_number(args, "kernel_size", &mut kernel)?;
    let [inputs, outputs]: [i64; 2] = ["in_channels", "out_channels"].map(|name| args.need(name));
    Some(new(vs, inputs, outputs, kernel, config))
}

fn batch_norm(args: &Args) -> Option<nn::BatchNormConfig> {
    only(args, &["num_features", "eps", "momentum", "affine"])?;
    let mut config = nn::BatchNormConfig::default();
    args.set("eps", &mut config.eps);
    args.set("affine", &mut config.affine);
    if let Some(momentum) = args.get::<Option<f64>>("momentum") {
        config.momentum = momentum?;
    }
    Some(config)
}

fn recurrent(args: &Args) -> Option<nn::RNNConfig> {
    let sizes = ["input_size", "hidden_size", "num_layers"];
    let others = ["bias", "batch_first", "dropout", "bidirectional"];
    only(args, &[&sizes[..], &others].concat())?;
    let mut config = nn::RNNConfig::default();
    args.set("bias", &mut config.has_biases);
    args.set("num_layers", &mut config.num_layers);
    args.set("dropout", &mut config.dropout);
    args.set("bidirectional", &mut config.bidirectional);
    args.set("batch_first", &mut config.batch_first);
    Some(config)
}

fn lstm(vs: &Path, args: &Args) -> Option<Forward> {
    let config = recurrent(args)?;
    let lstm = nn::lstm(
        vs,
        args.need("input_size"),
        args.need("hidden_size"),
        config,
    );
    Some(Box::new(move |call, _| {
        let input = &call.inputs[0];
        assert_eq!(input.dim(), 3, "tch's own needs a batch");
        let (output, state) = match lstm_state(call) {
            Some(state) => {
                expect_batch(input, &state.h(), config.batch_first);
                lstm.seq_init(input, &state)
            }
            None => lstm.seq(input),
        };
        vec![output, state.h(), state.c()]
    }))
}

fn gru(vs: &Path, args: &Args) -> Option<Forward> {
    let config = recurrent(args)?;
    let gru = nn::gru(
        vs,
        args.need("input_size"),
        args.need("hidden_size"),
        config,
    );
    Some(Box::new(move |call, _| {
        let input = &call.inputs[0];
        assert_eq!(input.dim(), 3, "tch's own needs a batch");
        let (output, state) = match gru_state(call) {
            Some(state) => {
                expect_batch(input, &state.value(), config.batch_first);
                gru.seq_init(input, &state)
            }
            None => gru.seq(input),
        };
        vec![output, state.value()]
    }))
}

/// tch does not check a state. A state for another batch size, which results from a row for a layer
/// with `batch_first` by default, made its LSTM write out of bounds.
fn expect_batch(input: &Tensor, state: &Tensor, batch_first: bool) {
    let batch = input.size()[if batch_first { 0 } else { 1 }];
    assert_eq!(state.size()[1], batch, "a state for another batch");
}
