//! `torch.nn.RNNBase`: the common part of the three layers.

use tch::Tensor;
use tch::nn::{Init, Path};

use super::{RNNConfig, uniform};
use crate::nn::init::is_default;
use crate::nn::new_parameter;
use crate::nn::utils::rnn::PackedSequence;
use crate::print::dtype_name;
use crate::{Error, Result};

/// The weights of all layers and directions, and the arguments with which they were created.
#[derive(Debug)]
pub(super) struct Base {
    /// For each layer, for each direction: `weight_ih`, `weight_hh`, the biases, `weight_hr`.
    pub flat_weights: Vec<Tensor>,
    hidden_size: i64,
    pub config: RNNConfig,
    input_size: i64,
}

impl Base {
    /// Draws the parameters in Python's order, each layer's forward direction first.
    ///
    /// `gates` is the number of blocks of `hidden_size` rows in the weights.
    pub fn new(
        vs: &Path,
        gates: i64,
        input_size: i64,
        hidden_size: i64,
        config: RNNConfig,
    ) -> Result<Self> {
        check_arguments(input_size, hidden_size, &config)?;
        let mut base = Self {
            flat_weights: Vec::new(),
            hidden_size,
            config,
            input_size,
        };
        for layer in 0..config.num_layers {
            for suffix in &["", "_reverse"][..base.num_directions() as usize] {
                base.add_layer(vs, gates, layer, suffix)?;
            }
        }
        Ok(base)
    }

    fn add_layer(&mut self, vs: &Path, gates: i64, layer: i64, suffix: &str) -> Result<()> {
        let config = self.config;
        let ours = uniform(self.hidden_size);
        let weights = |init| if is_default(init) { ours } else { init };
        let biases = |init: Option<Init>| init.unwrap_or(ours);
        let rows = gates.saturating_mul(self.hidden_size);
        let columns = match layer {
            0 => self.input_size,
            _ => self.output_size().saturating_mul(self.num_directions()),
        };
        let hidden = [rows, self.output_size()];
        let projection = [config.proj_size, self.hidden_size];
        let (biased, projects) = (config.has_biases, config.proj_size > 0);
        let parameters: [(bool, &str, &[i64], Init); 5] = [
            (
                true,
                "weight_ih",
                &[rows, columns],
                weights(config.w_ih_init),
            ),
            (true, "weight_hh", &hidden, weights(config.w_hh_init)),
            (biased, "bias_ih", &[rows], biases(config.b_ih_init)),
            (biased, "bias_hh", &[rows], biases(config.b_hh_init)),
            (projects, "weight_hr", &projection, ours),
        ];
        for (_, name, size, init) in parameters.into_iter().filter(|(has, ..)| *has) {
            let name = format!("{name}_l{layer}{suffix}");
            let parameter = new_parameter(vs, &name, size, init)?;
            self.flat_weights.push(parameter);
        }
        Ok(())
    }

    /// The size of the output's hidden state, after a projection if there is one.
    fn output_size(&self) -> i64 {
        match self.config.proj_size {
            0 => self.hidden_size,
            size => size,
        }
    }

    fn num_directions(&self) -> i64 {
        if self.config.bidirectional { 2 } else { 1 }
    }

    /// The batch dimension of a three-dimensional input.
    pub fn batch_dim(&self) -> i64 {
        if self.config.batch_first { 0 } else { 1 }
    }

    /// The time dimension of a three-dimensional input.
    pub fn time_dim(&self) -> i64 {
        1 - self.batch_dim()
    }

    /// The shape of the hidden states for `batch` samples.
    pub fn hidden_shape(&self, batch: i64) -> [i64; 3] {
        let layers = self.config.num_layers * self.num_directions();
        [layers, batch, self.output_size()]
    }

    /// The shape of an LSTM's cell states for `batch` samples.
    pub fn cell_shape(&self, batch: i64) -> [i64; 3] {
        let [layers, batch, _] = self.hidden_shape(batch);
        [layers, batch, self.hidden_size]
    }

    /// A state of zeros, in the dtype and on the device of the weights.
    pub fn zeros(&self, shape: [i64; 3]) -> Result<Tensor> {
        let weight = &self.flat_weights[0];
        Ok(Tensor::f_zeros(shape, (weight.kind(), weight.device()))?)
    }

    /// The input with a batch dimension, whether the original had one, and the batch size.
    pub fn batched(&self, class: &str, input: &Tensor) -> Result<(Tensor, bool, i64)> {
        let (dim, given) = (input.dim(), input.dim() == 3);
        let input = match dim {
            3 => input.shallow_clone(),
            2 => input.f_unsqueeze(self.batch_dim())?,
            _ => {
                let what = if class == "RNN" { " tensor" } else { "" };
                return Err(Error::Tensor(format!(
                    "{class}: Expected input to be 2D or 3D, got {dim}D{what} instead"
                )));
            }
        };
        self.check_features(&input)?;
        let batch = input.size()[self.batch_dim() as usize];
        Ok((input, given, batch))
    }

    /// Returns the batch size of a packed input, or an error if its shape does not match.
    pub fn check_packed(&self, input: &PackedSequence) -> Result<i64> {
        let dim = input.data().dim();
        if dim != 2 {
            return Err(Error::Tensor(format!(
                "input must have 2 dimensions, got {dim}"
            )));
        }
        self.check_features(input.data())?;
        input.batch_size()
    }

    fn check_features(&self, input: &Tensor) -> Result<()> {
        let (found, expected) = (input.f_kind()?, self.flat_weights[0].f_kind()?);
        if found != expected {
            let (found, expected) = (dtype_name(found), dtype_name(expected));
            return Err(Error::Tensor(format!(
                "RNN input dtype ({found}) does not match weight dtype ({expected}). Convert \
                 input: input.to({expected}), or convert model: model.to({found})"
            )));
        }
        let (found, expected) = (input.size()[input.dim() - 1], self.input_size);
        if found != expected {
            return Err(Error::Tensor(format!(
                "input.size(-1) must be equal to input_size. Expected {expected}, got {found}"
            )));
        }
        Ok(())
    }
}

/// Returns an error if the shape of a state is not `expected`; `what` is Python's name for it.
pub(super) fn check_state(what: &str, state: &Tensor, expected: [i64; 3]) -> Result<()> {
    let found = state.size();
    if found != expected {
        let [layers, batch, size] = expected;
        return Err(Error::Tensor(format!(
            "Expected {what} size ({layers}, {batch}, {size}), got {found:?}"
        )));
    }
    Ok(())
}

fn check_arguments(input_size: i64, hidden_size: i64, config: &RNNConfig) -> Result<()> {
    let refusals = [
        (
            !(0. ..=1.).contains(&config.dropout),
            "dropout should be a number in range [0, 1] representing the probability of an \
             element being zeroed",
        ),
        (input_size <= 0, "input_size must be greater than zero"),
        (hidden_size <= 0, "hidden_size must be greater than zero"),
        (
            config.num_layers <= 0,
            "num_layers must be greater than zero",
        ),
        (
            config.proj_size < 0,
            "proj_size should be a positive integer or zero to disable projections",
        ),
        (
            config.proj_size >= hidden_size,
            "proj_size has to be smaller than hidden_size",
        ),
    ];
    match refusals.iter().find(|(refused, _)| *refused) {
        Some((_, reason)) => Err(Error::Argument((*reason).to_owned())),
        None => Ok(()),
    }
}
