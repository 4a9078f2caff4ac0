//! Tasks: everything in which one network's proof, training and use differ from another's, as one
//! trait for each command.
//!
//! | for | trait | which defines |
//! | --- | --- | --- |
//! | the proof (`trace`, and no command) | [`Objective`] | random inputs and targets, and the loss |
//! | `train` | [`Dataset`] and [`Evaluate`] | how samples are read and turned into input |
//! | `evaluate` | the same | the metrics |
//! | `predict` | [`Predict`] | how one input is read, and how an answer is worded |
//!
//! [`Classes`], [`YesOrNo`] and [`Quantity`] implement all of these for any [`Input`]; the
//! article's three tasks are instances of them. [`WithLoss`] is a task with a different loss,
//! [`Transformed`] an input after a transform, such as normalization.
//!
//! A network's input, output and target are [`Tensors`]: one or several. A data set has one tensor
//! of features and one of targets, so a network trained on it has one input and one target, but may
//! have several outputs. For the proof there may be several of each.

mod classes;
mod input;
pub(crate) mod lines;
mod loss;
mod quantity;
mod tensors;
mod text;
mod transform;
mod yes_or_no;

use std::io::BufRead;
use std::path::Path as FilePath;

use anyhow::Result;
use tch::nn::{ModuleT, Path, VarStore};
use tch::{Device, Kind, Tensor, no_grad};

pub use classes::{ClassScores, Classes, LogProbabilities, Logits};
pub use input::{Features, Input, Questions, Readable};
pub use loss::{Loss, WithLoss};
pub use quantity::{Measured, Quantity};
pub use tensors::Tensors;
pub use text::NextByte;
pub use transform::{Transform, Transformed};
pub use yes_or_no::YesOrNo;

use crate::data::Splits;
use crate::metrics::{Evaluation, Metric};
use crate::plan::{Chain, Plans};

/// Python's `forward`. A network from one tensor to one tensor implements
/// [`Module`](tch::nn::Module) or [`ModuleT`], which is enough; one with several tensors implements
/// this trait:
///
/// ```
/// use final_layer::tasks::Forward;
/// use final_layer::torch::nn;
/// use tch::Tensor;
///
/// struct GraphConvolution(nn::Linear);
///
/// impl Forward for GraphConvolution {
///     type Input = (Tensor, Tensor); // (N, in) features, (N, N) adjacency
///     type Output = Tensor; // (N, out)
///     fn call(&self, (x, adjacency): &Self::Input, _train: bool) -> Tensor {
///         adjacency.matmul(&x.apply(&self.0))
///     }
/// }
/// ```
pub trait Forward {
    /// The input. If it has several tensors, Python's `forward` has as many arguments.
    type Input: Tensors;
    /// The output. If it has several tensors, Python's `forward` returns a tuple.
    type Output: Tensors;

    /// Python's `model(input)`, in training or evaluation mode. Its name differs from tch's
    /// `forward_t`, so that a network can call its layers' `forward_t` without ambiguity.
    fn call(&self, input: &Self::Input, train: bool) -> Self::Output;
}

impl<M: ModuleT> Forward for M {
    type Input = Tensor;
    type Output = Tensor;

    fn call(&self, input: &Tensor, train: bool) -> Tensor {
        self.forward_t(input, train)
    }
}

/// A network: its class, its name and its task.
pub trait Network:
    Forward<
        Input = <<Self as Network>::Task as Objective>::Input,
        Output = <<Self as Network>::Task as Objective>::Output,
    > + Sized
{
    /// The network's task.
    type Task: Objective;
    /// The name of the example, and of the mirrored Python module.
    const NAME: &'static str;
    /// A line of `--help` that describes the example.
    const ABOUT: &'static str = "A network, with the proof that it equals Python's";

    /// The network as a chain of layers, if it is sequential: then a [plan](crate::plan) runs it.
    const CHAIN: Option<Chain> = None;

    /// Creates the network and draws its initial weights in Python's order.
    fn new(vs: &Path) -> Self;
}

/// The requirements of the proof: a random batch, and the loss that training minimizes.
pub trait Objective {
    /// The network's input.
    type Input: Tensors;
    /// The network's output.
    type Output: Tensors;
    /// The target with which the loss compares the output.
    type Target: Tensors;

    /// A random input of `batch_size` samples, drawn on the CPU after the weights.
    ///
    /// # Errors
    /// If there is not enough memory.
    fn draw_input(batch_size: i64) -> Result<Self::Input>;

    /// A random target for each sample, drawn after the input.
    ///
    /// # Errors
    /// If there is not enough memory.
    fn draw_target(batch_size: i64) -> Result<Self::Target>;

    /// The loss, a float32 scalar.
    ///
    /// # Errors
    /// If libtorch cannot compute the loss of this output.
    fn loss(output: &Self::Output, target: &Self::Target) -> Result<Tensor>;

    /// Further tensors computed from an `(N, …)` output, by name, which are compared as well.
    fn readings(_output: &Self::Output) -> Vec<(&'static str, Tensor)> {
        Vec::new()
    }

    /// The lines printed for an output when no command is given: a label and a tensor each. By
    /// default, each tensor is labelled by its place in the output.
    fn report(output: &Self::Output) -> Vec<(String, Tensor)> {
        let named = output.named("Output").into_iter();
        named
            .map(|(name, tensor)| (format!("{name}:"), tensor))
            .collect()
    }
}

/// The requirements of training: samples with one tensor of features and one of targets.
pub trait Dataset: Objective<Input = Tensor, Target = Tensor> {
    /// The project's small data set for this task, under `data/sample`; if `None`, `--data` is
    /// required.
    const SAMPLE_DATA: Option<&'static str> = None;

    /// If true, the features are uint8 pixels that only need to become float32 from 0 to 1:
    /// training then converts them while it gathers a batch.
    const PIXELS: bool = false;

    /// Reads a data set.
    ///
    /// # Errors
    /// If it cannot be read. The message is one line that names the file and the place in it.
    fn read(path: &FilePath) -> Result<Splits>;

    /// The network's input for a batch of features of [`Samples`](crate::data::Samples). By default
    /// the features themselves; pixels become float32 from 0 to 1, for example.
    fn to_input(features: &Tensor) -> Tensor {
        features.shallow_clone()
    }

    /// The loss's target for a batch of targets of [`Samples`](crate::data::Samples). By default
    /// the targets themselves.
    fn to_target(targets: &Tensor) -> Tensor {
        targets.shallow_clone()
    }
}

/// The metrics of a task.
pub trait Evaluate: Objective {
    /// The metrics of `output` for `target`, both on the CPU; by default, the loss.
    ///
    /// # Errors
    /// If the outputs cannot be read as answers.
    fn evaluate(output: &Self::Output, target: &Self::Target) -> Result<Evaluation> {
        let loss = f64::try_from(Self::loss(output, target)?)?;
        Ok(Evaluation {
            metrics: vec![Metric::new("loss", loss)],
            confusion: None,
        })
    }
}

/// The requirements of `predict`: inputs from files, and answers in words.
pub trait Predict: Dataset {
    /// If true, the inputs are pictures, and `--invert` applies.
    const READS_PICTURES: bool = false;

    /// Reads the inputs in one file; `invert` is for dark ink on white.
    ///
    /// # Errors
    /// If the file cannot be read. The message is one line that names the file.
    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs>;

    /// Reads inputs from a stream, such as stdin, and calls `each` with each sample as soon as it
    /// is read. Returns a note for the user, if there is one.
    ///
    /// # Errors
    /// If a line cannot be read, with its place as `-:LINE`; and the errors of `each`.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>>;

    /// The answers in an output on the CPU, one for each sample.
    ///
    /// # Errors
    /// If the outputs cannot be read as answers.
    fn answers(output: &Self::Output) -> Result<Vec<Answer>>;
}

/// The name of stdin as a file argument and in messages.
pub const STDIN: &str = "-";

/// The inputs in a file.
#[derive(Debug)]
pub struct Inputs {
    /// The features, `(N, …)`, as in [`Samples`](crate::data::Samples).
    pub features: Tensor,
    /// The name of the file.
    pub file: String,
    /// The line of the file on which each sample starts; empty if the file is one sample.
    pub lines: Vec<u64>,
    /// A note for the user about changes to the contents.
    pub note: Option<String>,
}

impl Inputs {
    /// The name of the sample at `index`.
    pub fn name(&self, index: usize) -> String {
        match self.lines.get(index) {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        }
    }
}

/// A network's answer to one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// In words.
    pub text: String,
    /// As a JSON object.
    pub json: serde_json::Value,
    /// The probability of each class, if there are more than two.
    pub probabilities: Vec<f64>,
}

/// The elements of a tensor, in order.
fn to_f64(tensor: &Tensor) -> Result<Vec<f64>> {
    let flat = tensor.reshape([-1]).to_kind(Kind::Double);
    Ok(Vec::try_from(flat)?)
}

/// A network and the store of its parameters.
#[derive(Debug)]
pub struct Model<N: Network> {
    /// The parameters by name.
    pub vs: VarStore,
    /// The network over these parameters.
    pub network: N,
    /// The plans that run its batches without autograd.
    pub plans: Plans,
}

impl<N: Network> Model<N> {
    /// `Network().to(device)`: draws the weights on the CPU and then moves them, as Python does, so
    /// that every device starts with the same bits.
    pub fn new(device: Device) -> Self {
        let mut vs = VarStore::new(Device::Cpu);
        let network = N::new(&vs.root());
        vs.set_device(device);
        Self {
            vs,
            network,
            plans: Plans::default(),
        }
    }

    /// The network's output for `input` in evaluation mode, without gradients, by its
    /// [plan](crate::plan) if it has one.
    pub fn predict(&self, input: &N::Input) -> N::Output {
        let planned = self.plans.predict(N::CHAIN, input.one());
        if let Some(output) = planned.and_then(N::Output::from_one) {
            return output;
        }
        let output = no_grad(|| self.network.call(input, false));
        let (chain, vs) = (N::CHAIN, &self.vs);
        self.plans
            .learn_prediction((chain, vs), input.one(), output.one());
        output
    }
}
