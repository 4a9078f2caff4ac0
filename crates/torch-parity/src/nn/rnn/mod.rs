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
mod forward;
mod gru;
mod lstm;

use tch::nn::Init;

// `reset_parameters` of all of them: U(−1/√hidden_size, 1/√hidden_size).
use super::arguments;
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

arguments! {
    /// The arguments of `nn.RNN`, `nn.LSTM` and `nn.GRU`, in tch's spelling, with Python's defaults.
    #[derive(Clone, Copy, Debug)]
    pub struct RNNConfig {
        /// Adds biases, Python's `bias`.
        has_biases: bool = true,
        /// The number of layers.
        num_layers: i64 = 1,
        /// The probability with which dropout zeroes what one layer hands to the next; 0 for none.
        dropout: f64 = 0.,
        /// Applies dropout in [`RNN`]'s methods. `forward_t` has an argument of its own instead.
        train: bool = true,
        /// Reads the sequence backwards, too, with a second set of weights.
        bidirectional: bool = false,
        /// Makes the input `(N, L, features)` instead of `(L, N, features)`.
        batch_first: bool = false,
        /// The size that an LSTM's hidden state is projected to; 0 for no projection.
        proj_size: i64 = 0,
        /// The activation function of an [`ElmanRNN`]; an LSTM and a GRU have their own.
        nonlinearity: Nonlinearity = Nonlinearity::Tanh,
        /// The distribution of the input's weights. The default, `kaiming_uniform(√5)`, stands for
        /// Python's, U(−1/√hidden_size, 1/√hidden_size).
        w_ih_init: Init = kaiming_uniform(5f64.sqrt()),
        /// The distribution of the hidden state's weights; its default stands for the same.
        w_hh_init: Init = kaiming_uniform(5f64.sqrt()),
        /// The distribution of the input's biases; Python's if it is `None`.
        b_ih_init: Option<Init> = None,
        /// The distribution of the hidden state's biases; Python's if it is `None`.
        b_hh_init: Option<Init> = None,
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
