//! `torch.nn.RNN`, `LSTM`, `GRU` and their cells: names, initial values and the order of draws.
//!
//! | | `tch::nn::lstm`, `gru` | `torch.nn.LSTM`, `GRU` |
//! | --- | --- | --- |
//! | weights | Kaiming uniform with ReLU's gain, U(−√(6/in), √(6/in)) | U(−1/√hidden, 1/√hidden) |
//! | biases | zeros, without a draw | drawn like the weights |
//! | `batch_first` | true | false |
//! | `RNN`, the cells, projections, packed sequences | missing | supported |
//!
//! Both run libtorch's own computation, including oneDNN's LSTM for `float32` on a CPU.
//!
//! To move a tch program, change its `use` line: the trait [`RNN`] and the states are tch's. Since
//! Python's class `RNN` and tch's trait have the same name, the class is called [`ElmanRNN`] here,
//! created by [`rnn()`]. In tch `train` is fixed in the config; `forward_t` takes it with each
//! call.
//!
//! `flatten_parameters` is not supported: it moves cuDNN's weights into one piece of memory.
//! Without it, cuDNN copies them at each call; nothing else depends on it.
//!
//! Source: `torch/nn/modules/rnn.py`.

mod base;
mod cell;
mod forward;
mod gru;
mod lstm;

use tch::nn::Init;

// All `reset_parameters` use U(−1/√hidden_size, 1/√hidden_size).
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

/// The activation function of an [`ElmanRNN`] or an [`RNNCell`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nonlinearity {
    /// The hyperbolic tangent, `"tanh"`.
    #[default]
    Tanh,
    /// max(0, x), `"relu"`.
    Relu,
}

arguments! {
    /// The arguments of `nn.RNN`, `nn.LSTM` and `nn.GRU`, in tch's spelling, with Python's
    /// defaults.
    #[derive(Clone, Copy, Debug)]
    pub struct RNNConfig {
        /// If true, adds biases (Python's `bias`).
        has_biases: bool = true,
        /// The number of stacked layers.
        num_layers: i64 = 1,
        /// The probability with which dropout zeroes an output between layers; 0 for no dropout.
        dropout: f64 = 0.,
        /// If true, [`RNN`]'s methods apply dropout. `forward_t` has its own argument instead.
        train: bool = true,
        /// If true, a second set of weights reads the sequence backwards.
        bidirectional: bool = false,
        /// If true, the input is `(N, L, features)` instead of `(L, N, features)`.
        batch_first: bool = false,
        /// The size to which an LSTM's hidden state is projected; 0 for no projection.
        proj_size: i64 = 0,
        /// The activation function of an [`ElmanRNN`]; LSTM and GRU have their own.
        nonlinearity: Nonlinearity = Nonlinearity::Tanh,
        /// The initialization of the weights for the input. The default, `kaiming_uniform(√5)`,
        /// means Python's, U(−1/√hidden_size, 1/√hidden_size).
        w_ih_init: Init = kaiming_uniform(5f64.sqrt()),
        /// The initialization of the weights for the hidden state, with the same default.
        w_hh_init: Init = kaiming_uniform(5f64.sqrt()),
        /// The initialization of the biases for the input; Python's if `None`.
        b_ih_init: Option<Init> = None,
        /// The initialization of the biases for the hidden state; Python's if `None`.
        b_hh_init: Option<Init> = None,
    }
}

/// Returns Python's error if a layer without this argument is given a nonlinearity.
fn refuse_nonlinearity(class: &str, nonlinearity: Nonlinearity) -> Result<()> {
    match nonlinearity {
        Nonlinearity::Tanh => Ok(()),
        Nonlinearity::Relu => Err(Error::Argument(format!(
            "{class}.__init__() got an unexpected keyword argument 'nonlinearity'"
        ))),
    }
}
