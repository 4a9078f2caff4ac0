//! Networks with several tensors, compared with Python: a graph convolution with two inputs, and a
//! token network with nested outputs. They include buffers and frozen parameters, which have no
//! gradient in the trace, and tied weights, which have one under each name.

use std::ffi::OsStr;

use anyhow::Result;
use final_layer::tasks::{Forward, Model, Network, Objective};
use final_layer::torch::nn::{self, ModuleT};
use final_layer::torch::random::manual_seed;
use final_layer::torch::serialization::{NamedTensors, read_safetensors};
use final_layer::trace;
use final_layer::training::Algorithm;
use tch::{Device, Kind, Reduction, Tensor};

use testing::{on_one_thread, python_code, same_bits};

const NODES: i64 = 7;

#[derive(Debug)]
struct Graph {
    first: nn::Linear,
    norm: nn::BatchNorm,
    second: nn::Linear,
}

impl Forward for Graph {
    type Input = (Tensor, Tensor);
    type Output = Tensor;

    fn call(&self, (x, adjacency): &Self::Input, train: bool) -> Tensor {
        let x = adjacency.matmul(&x.apply(&self.first));
        let x = self.norm.forward_t(&x, train).relu();
        adjacency.matmul(&x.apply(&self.second))
    }
}

impl Network for Graph {
    type Task = NodeClasses;
    const NAME: &'static str = "graph";

    fn new(vs: &nn::Path) -> Self {
        let first = nn::linear(vs / "first", 5, 6, Default::default());
        let _ = first.bs.as_ref().unwrap().set_requires_grad(false);
        Self {
            first,
            norm: nn::batch_norm1d(vs / "norm", 6, Default::default()),
            second: nn::linear(vs / "second", 6, 3, Default::default()),
        }
    }
}

struct NodeClasses;

impl Objective for NodeClasses {
    type Input = (Tensor, Tensor);
    type Output = Tensor;
    type Target = Tensor;

    fn draw_input(_batch_size: i64) -> Result<Self::Input> {
        let options = (Kind::Float, Device::Cpu);
        let x = Tensor::f_randn([NODES, 5], options)?;
        Ok((x, Tensor::f_rand([NODES, NODES], options)?))
    }

    fn draw_target(_batch_size: i64) -> Result<Tensor> {
        Ok(Tensor::f_randint(3, [NODES], (Kind::Int64, Device::Cpu))?)
    }

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(output.cross_entropy_for_logits(target))
    }
}

#[derive(Debug)]
struct Tokens {
    embedding: nn::Embedding,
    decoder: nn::Linear,
}

impl Forward for Tokens {
    type Input = Tensor;
    type Output = (Tensor, (Tensor, Tensor));

    fn call(&self, tokens: &Tensor, _train: bool) -> Self::Output {
        let embedded = tokens.apply(&self.embedding);
        let logits = embedded.apply(&self.decoder);
        let mean = embedded.mean_dim(1, false, None::<Kind>);
        (logits, (mean, tokens + 1))
    }
}

impl Network for Tokens {
    type Task = NextTokens;
    const NAME: &'static str = "tokens";

    fn new(vs: &nn::Path) -> Self {
        let embedding = nn::embedding(vs / "embedding", 11, 4, Default::default());
        // Drawn, as in Python, and then replaced by the embedding's weight.
        let config = nn::LinearConfig {
            bias: false,
            ..Default::default()
        };
        let mut decoder = nn::linear(nn::VarStore::new(Device::Cpu).root(), 4, 11, config);
        decoder.ws = (vs / "decoder").add("weight", embedding.ws.shallow_clone(), true);
        Self { embedding, decoder }
    }
}

struct NextTokens;

impl Objective for NextTokens {
    type Input = Tensor;
    type Output = (Tensor, (Tensor, Tensor));
    type Target = (Tensor, Vec<Tensor>);

    fn draw_input(batch_size: i64) -> Result<Tensor> {
        let options = (Kind::Int64, Device::Cpu);
        Ok(Tensor::f_randint(11, [batch_size, 6], options)?)
    }

    fn draw_target(batch_size: i64) -> Result<Self::Target> {
        let mean = Tensor::f_randn([batch_size, 4], (Kind::Float, Device::Cpu))?;
        Ok((Self::draw_input(batch_size)?, vec![mean]))
    }

    fn loss((logits, (mean, _)): &Self::Output, (next, means): &Self::Target) -> Result<Tensor> {
        let loss = logits
            .flatten(0, 1)
            .cross_entropy_for_logits(&next.flatten(0, 1));
        Ok(loss + mean.mse_loss(&means[0], Reduction::Mean))
    }

    fn readings((logits, _): &Self::Output) -> Vec<(&'static str, Tensor)> {
        vec![("likeliest", logits.argmax(-1, false))]
    }
}

fn record<N: Network>() -> NamedTensors {
    on_one_thread(|| {
        manual_seed(0);
        let model = Model::<N>::new(Device::Cpu);
        let mut optimizer = Algorithm::Adam.build(&model.vs, 0.01).unwrap();
        trace::record(&model, optimizer.as_mut(), 4, 3).unwrap()
    })
}

fn compare<N: Network>(expected_names: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.safetensors");
    let args = [OsStr::new(N::NAME), file.as_os_str()];
    python_code("tests/python/several_tensors.py", &args);
    let (theirs, ours) = (read_safetensors(&file).unwrap(), record::<N>());
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    for (name, tensor) in &ours {
        assert!(
            same_bits(tensor, &theirs[name]),
            "{}: {name} differs",
            N::NAME
        );
    }
    let parts = ["input", "target", "output", "grad", "init", "likeliest"];
    let names: Vec<_> = ours.keys().map(String::as_str).collect();
    let names = names
        .into_iter()
        .filter(|name| parts.contains(&name.split('.').next().unwrap()));
    assert_eq!(names.collect::<Vec<_>>(), expected_names);
}

#[test]
fn several_inputs_give_the_bits_of_python() {
    compare::<Graph>(&[
        "grad.first.weight",
        "grad.norm.bias",
        "grad.norm.weight",
        "grad.second.bias",
        "grad.second.weight",
        "init.first.bias",
        "init.first.weight",
        "init.norm.bias",
        "init.norm.num_batches_tracked",
        "init.norm.running_mean",
        "init.norm.running_var",
        "init.norm.weight",
        "init.second.bias",
        "init.second.weight",
        "input.0",
        "input.1",
        "output",
        "target",
    ]);
}

#[test]
fn several_outputs_and_tied_weights_give_the_bits_of_python() {
    compare::<Tokens>(&[
        "grad.decoder.weight",
        "grad.embedding.weight",
        "init.decoder.weight",
        "init.embedding.weight",
        "input",
        "likeliest",
        "output.0",
        "output.1.0",
        "output.1.1",
        "target.0",
        "target.1.0",
    ]);
}

/// Without a command, each of several outputs is printed under its own label.
#[test]
fn several_outputs_have_several_labels() {
    let [a, b, c] = [1, 2, 3].map(Tensor::from);
    let report = NextTokens::report(&(a, (b, c)));
    let labels: Vec<&str> = report.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["Output.0:", "Output.1.0:", "Output.1.1:"]);
    let report = NodeClasses::report(&Tensor::from(1));
    assert_eq!(report[0].0, "Output:");
}
