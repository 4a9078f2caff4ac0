//! `torch_parity::nn::utils` against Python's `torch.nn.utils`, and the layers that consist of others.

use serde_json::Value;
use tch::{Device, Kind, Tensor};
use torch_parity::nn::utils::rnn::{
    invert_permutation, pack_sequence, pad_sequence, unpack_sequence, unpad_sequence,
};
use torch_parity::nn::utils::{self, SpectralNormConfig, parametrizations};
use torch_parity::nn::{self, BatchNorm, Module, ModuleT, Path, VarStore, Weighted};
use torch_parity::serialization::{NamedTensors, read_safetensors};
use torch_parity::{Result, one_line};

use testing::{on_one_thread, python_code};

use super::conv::{convolution, transposed_layer};
use super::record::{Forward, differences, module};
use super::table::Args;

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    match layer {
        "AdaptiveLogSoftmaxWithLoss" => return Some(adaptive(vs, args)),
        "utils.weight_norm"
        | "utils.parametrizations.weight_norm"
        | "utils.spectral_norm"
        | "utils.parametrizations.spectral_norm" => {}
        _ => return None,
    }
    let made: Vec<Value> = args.need("module");
    let [name, inner] = &made[..] else {
        panic!("a module is a name and its arguments");
    };
    let inner = Args::new(inner);
    let normed = match name.as_str().unwrap() {
        "Linear" => normed(vs, layer, args, |vs| linear(vs, &inner)),
        "Conv2d" => normed(vs, layer, args, |vs| convolution::<2>(vs, &inner)),
        "ConvTranspose1d" => normed(vs, layer, args, |vs| transposed_layer::<1>(vs, &inner)),
        other => panic!("no weight to normalize in {other}"),
    };
    inner.expect_all_read();
    Some(normed)
}

fn linear(vs: &Path, args: &Args) -> Result<nn::Linear> {
    let mut config = nn::LinearConfig::default();
    args.set("bias", &mut config.bias);
    nn::f_linear(
        vs,
        args.need("in_features"),
        args.need("out_features"),
        config,
    )
}

fn normed<L: Weighted + 'static>(
    vs: &Path,
    name: &str,
    args: &Args,
    layer: impl FnOnce(&Path<'_>) -> Result<L>,
) -> Result<Forward> {
    assert_eq!(
        args.get::<String>("name").as_deref().unwrap_or("weight"),
        "weight"
    );
    if name.ends_with("weight_norm") {
        let dim = args.get::<Option<i64>>("dim").unwrap_or(Some(0));
        return match name {
            "utils.weight_norm" => utils::f_weight_norm(vs, dim, layer).map(module),
            _ => parametrizations::f_weight_norm(vs, dim, layer).map(module),
        };
    }
    let mut config = SpectralNormConfig::default();
    args.set("n_power_iterations", &mut config.n_power_iterations);
    args.set("eps", &mut config.eps);
    args.set("dim", &mut config.dim);
    match name {
        "utils.spectral_norm" => utils::f_spectral_norm(vs, config, layer).map(module),
        _ => parametrizations::f_spectral_norm(vs, config, layer).map(module),
    }
}

fn adaptive(vs: &Path, args: &Args) -> Result<Forward> {
    let mut config = nn::AdaptiveLogSoftmaxWithLossConfig::default();
    args.set("div_value", &mut config.div_value);
    args.set("head_bias", &mut config.head_bias);
    let [features, classes] = ["in_features", "n_classes"].map(|name| args.need(name));
    let cutoffs: Vec<i64> = args.need("cutoffs");
    let layer = nn::f_adaptive_log_softmax_with_loss(vs, features, classes, &cutoffs, config)?;
    Ok(Box::new(move |call, _| {
        let result = layer.f_forward(&call.inputs[0], &call.inputs[1]);
        let (output, loss) = result.unwrap_or_else(|error| panic!("{}", one_line(&error)));
        vec![output, loss]
    }))
}

/// The values of `crates/torch-parity/tests/python/nn_utils.py`, under its names.
struct Trace(NamedTensors);

impl Trace {
    fn put(&mut self, name: &str, tensor: &Tensor) {
        self.0.insert(name.to_owned(), tensor.detach().copy());
    }

    fn put_all(&mut self, name: &str, tensors: &[Tensor]) {
        for (i, tensor) in tensors.iter().enumerate() {
            self.put(&format!("{name}.{i}"), tensor);
        }
    }
}

fn randn(size: &[i64]) -> Tensor {
    Tensor::randn(size, (Kind::Float, Device::Cpu))
}

fn sequences(trace: &mut Trace) {
    let drawn = [2, 4, 3].map(|length| randn(&[length, 2]).set_requires_grad(true));
    trace.put("pad", &pad_sequence(&drawn, false, 0., "right"));
    let padded = pad_sequence(&drawn, true, -1.5, "left");
    trace.put("pad.left", &padded);
    let padded = pad_sequence(&drawn, false, 7., "right");
    trace.put_all("unpad", &unpad_sequence(&padded, &[2, 4, 3], false));
    let first = pad_sequence(&drawn, true, 0., "right");
    trace.put_all("unpad.first", &unpad_sequence(&first, &[1, 9, 0], true));
    let packed = pack_sequence(&drawn, false);
    trace.put("pack.data", packed.data());
    trace.put("pack.batch_sizes", packed.batch_sizes());
    trace.put("pack.sorted", packed.sorted_indices().unwrap());
    trace.put(
        "pack.inverse",
        &invert_permutation(packed.sorted_indices().unwrap()),
    );
    let changed = unpack_sequence(&packed.with_data(packed.data().tanh()));
    trace.put_all("unpack", &changed);
    let loss = changed
        .iter()
        .enumerate()
        .map(|(i, x)| (x * (i as f64 + 1.)).sum(Kind::Float));
    loss.reduce(|a, b| a + b).unwrap().backward();
    trace.put_all("unpack.grad", &drawn.each_ref().map(Tensor::grad));
    let descending = [&drawn[1], &drawn[2], &drawn[0]].map(Tensor::shallow_clone);
    trace.put("pack.enforced", pack_sequence(&descending, true).data());
}

fn vectors(trace: &mut Trace) {
    let vs = VarStore::new(Device::Cpu);
    let layer = nn::linear(vs.root() / "fc", 3, 2, Default::default());
    let parameters = [
        layer.ws.shallow_clone(),
        layer.bs.as_ref().unwrap().shallow_clone(),
    ];
    trace.put("vector", &utils::parameters_to_vector(&parameters));
    let vector = randn(&[8]);
    utils::vector_to_parameters(&vector, &parameters);
    let output = layer.forward(&randn(&[4, 3]));
    trace.put("vector.output", &output);
    output.sum(Kind::Float).backward();
    let gradients = parameters.each_ref().map(Tensor::grad);
    for (name, p) in [("2", 2.), ("1", 1.), ("inf", f64::INFINITY)] {
        let norm = utils::get_total_norm(&gradients, p, false).unwrap();
        trace.put(&format!("norm.{name}"), &norm);
    }
    let norm = Tensor::from(5f32);
    utils::clip_grads_with_norm_(&parameters, 2., &norm).unwrap();
    trace.put_all("clipped", &gradients);
}

/// A batch norm of three channels with statistics and parameters drawn from N(0, 1).
fn batch_norm(path: Path) -> BatchNorm {
    let bn = nn::batch_norm2d(
        path,
        3,
        nn::BatchNormConfig {
            eps: 0.01,
            ..Default::default()
        },
    );
    tch::no_grad(|| {
        let (ws, bs) = (bn.ws.as_ref().unwrap(), bn.bs.as_ref().unwrap());
        ws.shallow_clone().copy_(&randn(&[3]));
        bs.shallow_clone().copy_(&randn(&[3]));
        bn.running_mean.shallow_clone().copy_(&randn(&[3]));
        bn.running_var.shallow_clone().copy_(&randn(&[3]).abs());
    });
    bn
}

fn fused(trace: &mut Trace) {
    let vs = VarStore::new(Device::Cpu);
    let root = vs.root();
    let no_bias = nn::ConvConfig {
        bias: false,
        ..Default::default()
    };
    let conv = nn::conv2d(&root / "conv", 2, 3, 3, no_bias);
    let up = nn::conv_transpose2d(&root / "up", 2, 3, 3, Default::default());
    let fc = nn::linear(&root / "fc", 4, 3, Default::default());
    let bn = batch_norm(&root / "bn");
    let input = randn(&[2, 2, 5, 5]);
    let conv = utils::fuse_conv_bn_eval(&conv, &bn, false);
    trace.put("fused.conv", &conv.ws);
    trace.put("fused.conv.bias", conv.bs.as_ref().unwrap());
    trace.put("fused.conv.output", &conv.forward(&input));
    let up = utils::fuse_conv_bn_eval(&up, &bn, true);
    trace.put("fused.up", &up.ws);
    trace.put("fused.up.output", &up.forward(&input));
    let fc = utils::fuse_linear_bn_eval(&fc, &bn);
    trace.put("fused.fc", &fc.ws);
    trace.put("fused.fc.bias", fc.bs.as_ref().unwrap());
    assert!(conv.ws.requires_grad() && conv.ws.is_leaf() && fc.ws.requires_grad());
    // Python's bias of zeros, too, needs no gradient.
    assert!(!conv.bs.as_ref().unwrap().requires_grad());
    let (mean, var) = (&bn.running_mean, &bn.running_var);
    let (w, b) = utils::fuse_conv_bn_weights(&conv.ws, None, mean, var, 0.5, None, None, false);
    trace.put_all("fused.weights", &[w, b]);
    let (ws, bs) = (bn.ws.as_ref().unwrap(), bn.bs.as_ref().unwrap());
    let (w, b) = utils::fuse_linear_bn_weights(&fc.ws, None, mean, var, 0.5, ws, bs);
    trace.put_all("fused.linear_weights", &[w, b]);
}

fn adaptive_methods(trace: &mut Trace) {
    let vs = VarStore::new(Device::Cpu);
    let config = Default::default();
    let layer = nn::adaptive_log_softmax_with_loss(vs.root(), 8, 20, &[4, 10], config);
    let input = randn(&[64, 8]) * 3.;
    trace.put("adaptive.log_prob", &layer.f_log_prob(&input).unwrap());
    let classes = layer.f_predict(&input).unwrap();
    trace.put("adaptive.predict", &classes);
    // Both branches are taken.
    assert!(classes.min().int64_value(&[]) < 4 && classes.max().int64_value(&[]) >= 4);
}

fn pretrained(trace: &mut Trace) {
    let vs = VarStore::new(Device::Cpu);
    let config = nn::EmbeddingConfig {
        padding_idx: 5,
        ..Default::default()
    };
    let rows = randn(&[7, 3]);
    let layer = nn::embedding_from_pretrained(vs.root() / "a", &rows, false, config);
    let output = layer.forward(&Tensor::from_slice(&[1i64, 5, 1, 6]));
    trace.put("pretrained", &output);
    output.sum(Kind::Float).backward();
    trace.put("pretrained.grad", &layer.ws.grad());
    let frozen = nn::embedding_from_pretrained(vs.root() / "b", &rows, true, Default::default());
    trace.put("pretrained.frozen", &vs.variables()["b.weight"]);
    assert!(layer.ws.requires_grad() && !frozen.ws.requires_grad());
    let mask = nn::Transformer::generate_square_subsequent_mask(4, (Kind::Float, Device::Cpu));
    trace.put("mask", &mask);
    let mask = nn::Transformer::generate_square_subsequent_mask(3, (Kind::Double, Device::Cpu));
    trace.put("mask.double", &mask);
}

fn record() -> NamedTensors {
    let mut trace = Trace(NamedTensors::new());
    for part in [sequences, vectors, fused, adaptive_methods, pretrained] {
        tch::manual_seed(0);
        part(&mut trace);
    }
    trace.0
}

#[test]
fn utils_equal_python() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("utils.safetensors");
    python_code(
        "crates/torch-parity/tests/python/nn_utils.py",
        &[output.as_os_str()],
    );
    let python = read_safetensors(&output).unwrap();
    let mut rust = on_one_thread(record);
    assert_eq!(differences(&rust, &python), [""; 0]);
    // The comparison refuses the neighbouring number.
    let moved = rust["fused.up"].nextafter(&Tensor::from(f32::MAX));
    rust.insert("fused.up".to_owned(), moved);
    assert_eq!(differences(&rust, &python).len(), 1);
}

#[test]
fn wrong_arguments_of_utils_are_refused() {
    let vs = VarStore::new(Device::Cpu);
    let root = vs.root();
    let fc = |vs: &Path<'_>| nn::f_linear(vs, 4, 3, Default::default());
    let says = |result: Option<String>, expected: &str| {
        let text = result.expect("a refusal");
        assert!(text.contains(expected) && !text.contains('\n'), "{text}");
    };
    let text = |error: torch_parity::Error| one_line(&error);
    let config = |n_power_iterations, dim| SpectralNormConfig {
        n_power_iterations,
        dim,
        ..Default::default()
    };
    let spectral = utils::f_spectral_norm(&root / "a", config(0, None), fc);
    says(spectral.err().map(text), "n_power_iterations=0");
    let spectral = parametrizations::f_spectral_norm(&root / "b", config(1, Some(2)), fc);
    says(
        spectral.err().map(text),
        "expected to be in range of [-2, 1] but got 2",
    );
    let _ = utils::weight_norm(&root / "c", Some(0), fc).forward_t(&randn(&[2, 4]), true);
    says(
        utils::f_weight_norm(&root / "c", Some(0), fc)
            .err()
            .map(text),
        "c.bias",
    );
    let line = nn::f_embedding_from_pretrained(&root / "e", &randn(&[3]), true, Default::default());
    says(
        line.err().map(text),
        "Embeddings parameter is expected to be 2-dimensional",
    );
    let few = utils::f_vector_to_parameters(&randn(&[3]), &[randn(&[2, 2])]);
    says(few.err().map(text), "at least 4 elements");
    let lengths = nn::utils::rnn::f_unpad_sequence(&randn(&[3, 2]), &[1], true);
    says(lengths.err().map(text), "each of 3 sequences, got 1");
    let none = nn::utils::rnn::f_pack_sequence(&[], true);
    says(none.err().map(text), "empty list of sequences");
    let bn = nn::batch_norm1d(&root / "bn", 2, Default::default());
    let wide = nn::linear(&root / "wide", 4, 3, Default::default());
    says(
        utils::f_fuse_linear_bn_eval(&wide, &bn).err().map(text),
        "bn.num_features=2",
    );
    let adaptive = |cutoffs: &[i64]| {
        let config = Default::default();
        nn::f_adaptive_log_softmax_with_loss(&root / "d", 4, 9, cutoffs, config)
    };
    says(adaptive(&[]).err().map(text), "length larger than 0");
    says(
        adaptive(&[3, 3]).err().map(text),
        "unique, positive integers",
    );
    says(adaptive(&[9]).err().map(text), "between 1 and n_classes-1");
    let layer = adaptive(&[3]).unwrap();
    let far = layer.f_forward(&randn(&[2, 4]), &Tensor::from_slice(&[1i64, 9]));
    says(far.err().map(text), "in [0, 8], but values in range [1, 9]");
}
