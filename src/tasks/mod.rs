//! What each network is asked to do: all in which one network's proof, training and use differ from
//! another's, cut by what each of them needs.
//!
//! | for | a task is | which says |
//! | --- | --- | --- |
//! | the proof (`trace`, and no command) | an [`Objective`] | what is drawn for it, and its loss |
//! | `train` | a [`Dataset`] and [`Evaluate`] | how samples are read and become input |
//! | `evaluate` | the same | how good answers are |
//! | `predict` | [`Predict`] | how one input is read, and how an answer reads |
//!
//! [`Classes`], [`YesOrNo`] and [`Quantity`] are all of these over any [`Input`]; the document's
//! three tasks are instances of them. [`WithLoss`] is any task with another loss, [`Transformed`] any
//! input after a transform, such as pixels that are normalized.
//!
//! A network's input, output and target are [`Tensors`]: one or several. A data set has one tensor of
//! features and one of targets, so that what it trains has one input and one target; of outputs there
//! may be several. For the proof there may be several of each.

mod classes;
mod houses;
mod input;
mod lines;
mod loss;
mod pictures;
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

pub use classes::{ClassScores, Classes, DigitClassification, LogProbabilities, Logits};
pub use houses::Houses;
pub use input::{Features, Input, Questions, Readable};
pub use loss::{Loss, WithLoss};
pub use pictures::{Digits, XRays};
pub use quantity::{HousePricing, Measured, Quantity};
pub use tensors::Tensors;
pub use text::NextByte;
pub use transform::{Transform, Transformed};
pub use yes_or_no::{BinaryClassification, YesOrNo};

use crate::data::Splits;
use crate::metrics::{Evaluation, Metric};
use crate::plan::{Chain, Plans};

/// Python's `forward`. A network of one tensor in and one out is a [`Module`](tch::nn::Module) or
/// [`ModuleT`] and has it by that; one of several tensors says here what they are:
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
    /// What it takes: where these are several, Python's `forward` has as many arguments.
    type Input: Tensors;
    /// What it gives: where these are several, Python's `forward` returns a tuple.
    type Output: Tensors;

    /// What it makes of an input, in training or in evaluation: Python's `model(input)`. It has not
    /// the name of tch's `forward_t`, so that a network can call its layers' beside it.
    fn call(&self, input: &Self::Input, train: bool) -> Self::Output;
}

impl<M: ModuleT> Forward for M {
    type Input = Tensor;
    type Output = Tensor;

    fn call(&self, input: &Tensor, train: bool) -> Tensor {
        self.forward_t(input, train)
    }
}

/// A network: its class, its name and what it is asked to do.
pub trait Network:
    Forward<
        Input = <<Self as Network>::Task as Objective>::Input,
        Output = <<Self as Network>::Task as Objective>::Output,
    > + Sized
{
    /// What it is asked to do.
    type Task: Objective;
    /// The name of the example, and of the Python module that it mirrors.
    const NAME: &'static str;
    /// What the example does, in a line of `--help`.
    const ABOUT: &'static str = "A network, and the proof that it is Python's";

    /// The same as a chain of layers, where it is one: then a [plan](crate::plan) runs it.
    const CHAIN: Option<Chain> = None;

    /// The network with its initial weights, drawn in Python's order.
    fn new(vs: &Path) -> Self;
}

/// What the proof needs: a random batch, and the loss that training brings down.
pub trait Objective {
    /// What the network takes.
    type Input: Tensors;
    /// What the network gives.
    type Output: Tensors;
    /// What the loss holds against it.
    type Target: Tensors;

    /// A random input of `batch_size` samples, drawn on the CPU after the weights.
    ///
    /// # Errors
    /// If it needs more memory than there is.
    fn draw_input(batch_size: i64) -> Result<Self::Input>;

    /// A random target of each sample, drawn after the input.
    ///
    /// # Errors
    /// If it needs more memory than there is.
    fn draw_target(batch_size: i64) -> Result<Self::Target>;

    /// The loss, a float32 scalar.
    ///
    /// # Errors
    /// If the output is one that libtorch computes no loss of.
    fn loss(output: &Self::Output, target: &Self::Target) -> Result<Tensor>;

    /// What is read off an `(N, …)` output, by name, to be compared as well.
    fn readings(_output: &Self::Output) -> Vec<(&'static str, Tensor)> {
        Vec::new()
    }

    /// What is printed of an output without a command: a tensor after each label, a line each. By
    /// default each tensor has the label that its place in the output gives it.
    fn report(output: &Self::Output) -> Vec<(String, Tensor)> {
        let named = output.named("Output").into_iter();
        named
            .map(|(name, tensor)| (format!("{name}:"), tensor))
            .collect()
    }
}

/// What training needs besides: samples, of one tensor of features and one of targets.
pub trait Dataset: Objective<Input = Tensor, Target = Tensor> {
    /// The project's small data for this task, under `data/sample`; without any, `--data` is
    /// required.
    const SAMPLE_DATA: Option<&'static str> = None;

    /// Whether the features are uint8 pixels that become float32 from 0 to 1, and nothing else happens
    /// to them: then training turns them into numbers as it gathers a batch.
    const PIXELS: bool = false;

    /// Reads a data set.
    ///
    /// # Errors
    /// If it cannot be read, in one line that names the file and the place in it.
    fn read(path: &FilePath) -> Result<Splits>;

    /// What the network sees of a batch of features, as in [`Samples`](crate::data::Samples). By
    /// default these themselves; pixels, for one, become float32 from 0 to 1.
    fn to_input(features: &Tensor) -> Tensor {
        features.shallow_clone()
    }

    /// What the loss sees of a batch of targets, as in [`Samples`](crate::data::Samples). By default
    /// these themselves.
    fn to_target(targets: &Tensor) -> Tensor {
        targets.shallow_clone()
    }
}

/// How good outputs are.
pub trait Evaluate: Objective {
    /// How well `output` answers `target`, both on the CPU, as a person in the field reads it; by
    /// default, the loss.
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

/// What `predict` needs: questions from files, and answers in words.
pub trait Predict: Dataset {
    /// Whether what is to be predicted is a picture, for which alone `invert` is.
    const READS_PICTURES: bool = false;

    /// Reads what is to be predicted from one file; `invert` is for dark ink on white.
    ///
    /// # Errors
    /// If it cannot be read, in one line that names the file.
    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs>;

    /// Reads what is to be predicted from a stream, such as stdin, and hands on each sample as soon
    /// as it is there. Returns what the user has to know at the end.
    ///
    /// # Errors
    /// If a line is none that can be read, naming it as `-:LINE`; and those of `each`.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>>;

    /// Reads the answers off an output on the CPU, one a sample.
    ///
    /// # Errors
    /// If the outputs cannot be read as answers.
    fn answers(output: &Self::Output) -> Result<Vec<Answer>>;
}

/// The name of stdin, where a file is asked for, and in messages.
pub const STDIN: &str = "-";

/// What a file holds for a network to judge.
#[derive(Debug)]
pub struct Inputs {
    /// The features, `(N, …)`, as in [`Samples`](crate::data::Samples).
    pub features: Tensor,
    /// What the file is called.
    pub file: String,
    /// The line of the file in which each sample starts, or nothing where the file is one sample.
    pub lines: Vec<u64>,
    /// What was done to the file's contents, for the user.
    pub note: Option<String>,
}

impl Inputs {
    /// What the sample at `index` is called.
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
    /// For machines: an object.
    pub json: serde_json::Value,
    /// The probability of each class, where there are more than two.
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
    /// What runs its batches where autograd need not.
    pub plans: Plans,
}

impl<N: Network> Model<N> {
    /// `Network().to(device)`: the weights are drawn on the CPU and then moved, as in Python, so
    /// that every device starts from the same bits.
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

    /// The network's output for `input` in evaluation mode, without gradients: by its
    /// [plan](crate::plan) where it has one.
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
