//! `torch.nn.RNN`, `LSTM`, `GRU` and their cells: names, initial values and order of draws.
//!
//! | | `tch::nn::lstm`, `gru` | `torch.nn.LSTM`, `GRU` |
//! | --- | --- | --- |
//! | weights | Kaiming uniform with ReLU's gain, U(−√(6/in), √(6/in)) | U(−1/√hidden, 1/√hidden) |
//! | biases | zeros, without a draw | drawn like the weights |
//! | `batch_first` | true | false |
//! | `RNN`, the cells, projections, packed sequences | none | here |
//!
//! The computation is libtorch's own in both, oneDNN's LSTM for `float32` on a CPU included.
//!
//! A tch program moves over by its `use` line: the trait [`RNN`] and the states are tch's. As
//! Python's class `RNN` and tch's trait have one name, the class is [`ElmanRNN`] here, made by
//! [`rnn()`]. Where tch has `train` in the config for good, `forward_t` takes it with each call.
//!
//! Not here: `flatten_parameters`, which moves cuDNN's weights into one piece of memory; without
//! it cuDNN copies them at each call. Nothing else depends on it.
//!
//! Source: `torch/nn/modules/rnn.py`.

mod base;
mod cell;
mod gru;
mod lstm;

use tch::nn::Init;

// `reset_parameters` of all of them: U(−1/√hidden_size, 1/√hidden_size).
use super::init::bias_uniform as uniform;
use super::init::kaiming_uniform;
use crate::{Error, Result};

pub use tch::nn::{GRUState, LSTMState, RNN};

pub use cell::{
    GRUCell, LSTMCell, RNNCell, RNNCellConfig, f_gru_cell, f_lstm_cell, f_rnn_cell, gru_cell,
    lstm_cell, rnn_cell,
};
pub use gru::{ElmanRNN, GRU, RNNState, f_gru, f_rnn, gru, rnn};
pub use lstm::{LSTM, f_lstm, lstm};

/// The function that an [`ElmanRNN`] or an [`RNNCell`] bends its sum with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nonlinearity {
    /// The hyperbolic tangent, `"tanh"`.
    #[default]
    Tanh,
    /// max(0, x), `"relu"`.
    Relu,
}

/// The arguments of `nn.RNN`, `nn.LSTM` and `nn.GRU`, in tch's spelling, with Python's defaults.
#[derive(Clone, Copy, Debug)]
pub struct RNNConfig {
    /// Whether there are biases, Python's `bias`.
    pub has_biases: bool,
    /// How many layers stand on each other.
    pub num_layers: i64,
    /// The probability with which dropout zeroes what one layer hands to the next; 0 for none.
    pub dropout: f64,
    /// Whether [`RNN`]'s methods apply dropout. `forward_t` has an argument of its own instead.
    pub train: bool,
    /// Whether a second set of weights reads the sequence backwards.
    pub bidirectional: bool,
    /// Whether the input is `(N, L, features)` in place of `(L, N, features)`.
    pub batch_first: bool,
    /// The size that an LSTM's hidden state is projected to; 0 for no projection.
    pub proj_size: i64,
    /// What an [`ElmanRNN`] bends its sum with; an LSTM and a GRU have their own.
    pub nonlinearity: Nonlinearity,
    /// How the weights of the input are drawn. The default, `kaiming_uniform(√5)`, stands for
    /// Python's way, U(−1/√hidden_size, 1/√hidden_size).
    pub w_ih_init: Init,
    /// How the weights of the hidden state are drawn; its default stands for the same.
    pub w_hh_init: Init,
    /// How the biases of the input are drawn; Python's way where it is `None`.
    pub b_ih_init: Option<Init>,
    /// How the biases of the hidden state are drawn; Python's way where it is `None`.
    pub b_hh_init: Option<Init>,
}

impl Default for RNNConfig {
    fn default() -> Self {
        Self {
            has_biases: true,
            num_layers: 1,
            dropout: 0.,
            train: true,
            bidirectional: false,
            batch_first: false,
            proj_size: 0,
            nonlinearity: Nonlinearity::Tanh,
            w_ih_init: kaiming_uniform(5f64.sqrt()),
            w_hh_init: kaiming_uniform(5f64.sqrt()),
            b_ih_init: None,
            b_hh_init: None,
        }
    }
}

/// Python has no such argument where the functions of a layer are fixed.
fn refuse_nonlinearity(class: &str, nonlinearity: Nonlinearity) -> Result<()> {
    match nonlinearity {
        Nonlinearity::Tanh => Ok(()),
        Nonlinearity::Relu => Err(Error::Argument(format!(
            "{class}.__init__() got an unexpected keyword argument 'nonlinearity'"
        ))),
    }
}
