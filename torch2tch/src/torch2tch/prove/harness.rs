//! Records a ported class: what Python's side of the proof (`python_side.py`) records, under the same
//! keys. Included by the program that is written around a port.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use tch::{Device, Tensor, no_grad};
use torch_parity::nn::{Path, VarStore};
use torch_parity::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use torch_parity::random::{get_rng_state, manual_seed, set_rng_state};
use torch_parity::serialization::{Metadata, NamedTensors, OutputFile, read_safetensors};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The port, as the program around it calls it.
pub trait Subject: Sized {
    /// What it gives.
    type Output;
    /// The class's instance.
    fn new(vs: &Path) -> Self;
    /// The call on the inputs that Python drew for `case`.
    fn call(&self, given: &Given, case: &str, train: bool) -> Self::Output;
    /// The tensors of an output under their names.
    fn named(output: &Self::Output) -> Vec<(String, Tensor)>;
    /// The loss.
    fn loss(output: &Self::Output, given: &Given, case: &str) -> Tensor;
}

/// What Python drew.
pub struct Given(NamedTensors);

impl Given {
    /// One of the tensors.
    pub fn tensor(&self, name: &str) -> Tensor {
        match self.0.get(name) {
            Some(tensor) => tensor.shallow_clone(),
            None => panic!("Python drew no {name}"),
        }
    }

    /// A sequence is called on a tensor of its own each time, as a port may change it in place.
    pub fn copied(&self, name: &str) -> Tensor {
        self.tensor(name).copy()
    }

    /// Puts the generator where drawing the batch left Python's.
    fn generator(&self, case: &str) -> Outcome<()> {
        Ok(set_rng_state(&self.tensor(&format!("{case}.generator")))?)
    }
}

/// The settings, which Python hands over as arguments of the program.
struct Settings {
    given: PathBuf,
    output: PathBuf,
    seed: i64,
    steps: usize,
    lr: f64,
    optimizers: Vec<String>,
    evaluated: Vec<String>,
    trained: Vec<String>,
}

/// Records the port; an error is one line.
pub fn run<S: Subject>() -> ExitCode {
    match record::<S>() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = error.to_string();
            eprintln!("error: {}", text.lines().next().unwrap_or("unknown"));
            ExitCode::FAILURE
        }
    }
}

fn settings() -> Outcome<Settings> {
    let mut values = BTreeMap::new();
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').ok_or("expected NAME=VALUE")?;
        values.insert(name.to_owned(), value.to_owned());
    }
    let mut take = |name: &str| values.remove(name).ok_or(format!("{name} is missing"));
    let list = |text: String| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    Ok(Settings {
        given: take("given")?.into(),
        output: take("output")?.into(),
        seed: take("seed")?.parse()?,
        steps: take("steps")?.parse()?,
        lr: take("lr")?.parse()?,
        optimizers: list(take("optimizers")?),
        evaluated: list(take("evaluated")?),
        trained: list(take("trained")?),
    })
}

fn record<S: Subject>() -> Outcome<()> {
    tch::set_num_threads(1);
    let _ = Tensor::ones([1], (tch::Kind::Float, Device::Cpu)).sqrt();
    let settings = settings()?;
    let given = Given(read_safetensors(&settings.given)?);
    let mut trace = NamedTensors::new();
    let model = Model::<S>::new(settings.seed);
    trace.insert("generator".to_owned(), get_rng_state()?);
    model.record_state(&mut trace, "init");
    for case in &settings.evaluated {
        given.generator(case)?;
        let output = no_grad(|| model.network.call(&given, case, false));
        insert_all(&mut trace, &format!("evaluation.{case}"), S::named(&output));
    }
    model.record_state(&mut trace, "evaluated");
    for case in &settings.trained {
        given.generator(case)?;
        model.train_once(&given, case, &mut trace, &format!("training.{case}"));
    }
    model.record_state(&mut trace, "trained");
    if let Some(case) = settings.trained.first() {
        for name in &settings.optimizers {
            model_steps::<S>(&settings, &given, case, name, &mut trace)?;
        }
    }
    OutputFile::create(&settings.output)?.write_safetensors(&trace, Metadata::new())?;
    Ok(())
}

struct Model<S> {
    vs: VarStore,
    network: S,
}

impl<S: Subject> Model<S> {
    fn new(seed: i64) -> Self {
        manual_seed(seed);
        let vs = VarStore::new(Device::Cpu);
        let network = S::new(&vs.root());
        Self { vs, network }
    }

    fn record_state(&self, trace: &mut NamedTensors, prefix: &str) {
        for (name, tensor) in self.vs.variables() {
            trace.insert(format!("{prefix}.{name}"), tensor.detach().copy());
        }
    }

    /// A call in training with its gradients.
    fn train_once(&self, given: &Given, case: &str, trace: &mut NamedTensors, prefix: &str) {
        for (_, mut parameter) in self.vs.variables() {
            parameter.zero_grad();
        }
        let output = self.network.call(given, case, true);
        insert_all(trace, prefix, S::named(&output));
        let loss = S::loss(&output, given, case);
        trace.insert(format!("{prefix}.loss"), loss.detach().copy());
        if !loss.requires_grad() {
            return;
        }
        loss.backward();
        for (name, parameter) in self.vs.variables() {
            let gradient = parameter.grad();
            if gradient.defined() {
                trace.insert(format!("{prefix}.grad.{name}"), gradient.copy());
            }
        }
    }
}

/// A few steps of an optimizer on one batch, from new weights.
fn model_steps<S: Subject>(
    settings: &Settings, given: &Given, case: &str, name: &str, trace: &mut NamedTensors,
) -> Outcome<()> {
    let model = Model::<S>::new(settings.seed);
    let mut optimizer: Box<dyn Optimizer> = match name {
        "sgd" => Box::new(Sgd::new(&model.vs, SgdConfig::new(settings.lr))?),
        "adam" => Box::new(Adam::new(&model.vs, AdamConfig::adam(settings.lr))?),
        _ => return Err(format!("expected sgd or adam, found {name}").into()),
    };
    given.generator(case)?;
    let mut losses = Vec::new();
    for step in 1..=settings.steps {
        optimizer.zero_grad(true)?;
        let output = model.network.call(given, case, true);
        let loss = S::loss(&output, given, case);
        losses.push(loss.detach().copy());
        loss.backward();
        optimizer.step()?;
        if step == settings.steps {
            model.record_state(trace, &format!("{name}.step{step}"));
        }
    }
    trace.insert(format!("{name}.losses"), Tensor::stack(&losses, 0));
    Ok(())
}

fn insert_all(trace: &mut NamedTensors, prefix: &str, tensors: Vec<(String, Tensor)>) {
    for (name, tensor) in tensors {
        trace.insert(format!("{prefix}.{name}"), tensor.detach().copy());
    }
}

/// The mean of the squares of every output that is of floating point, summed.
pub fn mean_of_squares(outputs: Vec<(String, Tensor)>) -> Tensor {
    let parts = outputs.into_iter().map(|(_, part)| part);
    let parts = parts.filter(|part| part.is_floating_point());
    let squares = parts.map(|part| part.pow_tensor_scalar(2).mean(None::<tch::Kind>));
    squares.reduce(|sum, part| sum + part).expect("the port gives a tensor of floating point")
}
