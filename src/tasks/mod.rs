//! What each network is asked to do: all in which one network's demonstration, trace and training
//! differ from another's.

mod binary_classification;
mod digit_classification;
mod house_pricing;
mod lines;

use std::io::BufRead;
use std::path::Path as FilePath;

use anyhow::Result;
use tch::nn::{Module, Path, VarStore};
use tch::{Device, Kind, Tensor};

pub use binary_classification::BinaryClassification;
pub use digit_classification::DigitClassification;
pub use house_pricing::HousePricing;

use crate::data::{Splits, picture};
use crate::metrics::Evaluation;

/// A network of this project: its class, its name and what it is for.
///
/// A network of your own needs this and, if no task here fits, a [`Task`].
pub trait Network: Module + Sized {
    /// What it is asked to do.
    type Task: Task;
    /// The name of the example, and of the Python module that it mirrors.
    const NAME: &'static str;
    /// What the example does, in a line of `--help`.
    const ABOUT: &'static str;

    /// The network with its initial weights, drawn in Python's order.
    fn build(vs: &Path) -> Self;
}

/// A question, and how an answer to it is judged and read.
pub trait Task {
    /// The numbers in one sample.
    const INPUT_FEATURES: i64;

    /// A random target of each sample, drawn after the input.
    ///
    /// # Errors
    /// If `batch_size` samples need more memory than there is.
    fn draw_target(batch_size: i64) -> Result<Tensor>;

    /// The loss, a float32 scalar, that training brings down.
    ///
    /// # Errors
    /// If the output is one that libtorch computes no loss of.
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor>;

    /// What is read off an `(N, …)` output, by name.
    fn readings(_output: &Tensor) -> Vec<(&'static str, Tensor)> {
        Vec::new()
    }

    /// What the document prints about an output: a tensor after each label, a line each.
    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)>;

    /// The project's small data for this task, under `data/sample`.
    const SAMPLE_DATA: &'static str;

    /// Reads a data set for this task.
    fn read_data(path: &FilePath) -> Result<Splits>;

    /// How well `output` answers `target`, both on the CPU, as a person in the field reads it.
    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation>;

    /// Reads what is to be predicted from one file; `invert` is for dark ink on white.
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
    fn answers(output: &Tensor) -> Result<Vec<Answer>>;
}

/// The name of stdin, where a file is asked for, and in messages.
pub const STDIN: &str = "-";

/// What a file holds for a network to judge.
#[derive(Debug)]
pub struct Inputs {
    /// The features, `(N, INPUT_FEATURES)`, as in [`Samples`](crate::data::Samples).
    pub features: Tensor,
    /// What the file is called.
    pub file: String,
    /// The line of the file in which each sample starts, or nothing where the file is one sample.
    pub lines: Vec<u64>,
    /// What was done to the file's contents, for the user.
    pub note: Option<String>,
}

impl Inputs {
    /// A single picture, as [`picture::read`] reads it.
    ///
    /// # Errors
    /// If the file is no picture that can be read.
    pub fn picture(path: &FilePath, invert: bool) -> Result<Self> {
        let (features, note) = picture::read(path, invert)?;
        Ok(Self {
            features,
            file: path.display().to_string(),
            lines: Vec::new(),
            note: Some(note),
        })
    }

    /// The pictures whose file names are the lines of `input`, each handed on as it comes.
    ///
    /// # Errors
    /// If a file is no picture that can be read, and those of `each`.
    pub fn each_picture(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Self) -> Result<()>,
    ) -> Result<()> {
        lines::for_each_path(input, |path| {
            each(Self {
                note: None,
                ..Self::picture(path, invert)?
            })
        })
    }

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

/// A random input of `batch_size` samples, `(N, INPUT_FEATURES)` float32 on the CPU.
///
/// # Errors
/// If it needs more memory than there is.
pub fn draw_input<T: Task>(batch_size: i64) -> Result<Tensor> {
    let size = [batch_size, T::INPUT_FEATURES];
    Ok(Tensor::f_randn(size, (Kind::Float, Device::Cpu))?)
}

/// A network and the store of its parameters.
#[derive(Debug)]
pub struct Model<N: Network> {
    /// The parameters by name.
    pub vs: VarStore,
    /// The network over these parameters.
    pub network: N,
}

impl<N: Network> Model<N> {
    /// `Network().to(device)`: the weights are drawn on the CPU and then moved, as in Python, so
    /// that every device starts from the same bits.
    pub fn new(device: Device) -> Self {
        let mut vs = VarStore::new(Device::Cpu);
        let network = N::build(&vs.root());
        vs.set_device(device);
        Self { vs, network }
    }
}
