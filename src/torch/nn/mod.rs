//! `torch.nn` in the spelling of `tch::nn`: the same functions and arguments, with Python's initial
//! values, defaults and order of draws.
//!
//! A program written for `tch::nn` moves over by one line: `use final_layer::torch::nn;` in place
//! of `use tch::nn;`. What agrees with Python as it stands is tch's own and re-exported here; what
//! does not is written anew; what `tch` has and nobody has yet held against Python is not here, so
//! that the compiler names it.

mod attention;
mod linear;
mod rnn;
mod transformer;

pub mod init;
pub mod utils;

use tch::Tensor;
pub use tch::nn::{
    Func, FuncT, Id, Init, Linear, Module, ModuleT, Path, Sequential, SequentialT, VarStore, func,
    func_t, seq, seq_t,
};

pub use attention::{
    AttentionOptions, MultiheadAttention, MultiheadAttentionConfig, f_multihead_attention,
    multihead_attention,
};
pub use linear::{LinearConfig, f_linear, linear};
pub use rnn::{
    ElmanRNN, GRU, GRUCell, GRUState, LSTM, LSTMCell, LSTMState, Nonlinearity, RNN, RNNCell,
    RNNCellConfig, RNNConfig, RNNState, f_gru, f_gru_cell, f_lstm, f_lstm_cell, f_rnn, f_rnn_cell,
    gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell,
};
pub use transformer::{
    Activation, DecoderMasks, EncoderMasks, LayerNormConfig, Transformer, TransformerConfig,
    TransformerDecoder, TransformerDecoderLayer, TransformerEncoder, TransformerEncoderConfig,
    TransformerEncoderLayer, TransformerLayerConfig, f_transformer, f_transformer_decoder,
    f_transformer_decoder_layer, f_transformer_encoder, f_transformer_encoder_layer, transformer,
    transformer_decoder, transformer_decoder_layer, transformer_encoder, transformer_encoder_layer,
};

use super::native::is_grad_enabled;
use super::{Error, Result, one_line};

/// Adds a parameter to `vs`, drawn by `init`; one without elements is drawn without a draw.
///
/// # Errors
/// If `vs` has one of that name, which `tch` would rename, or if it cannot be made.
fn new_parameter(vs: &Path, name: &str, size: &[i64], init: Init) -> Result<Tensor> {
    if vs.get(name).is_some() {
        let place = vs.path(name);
        return Err(Error::Argument(format!(
            "there is a parameter \"{place}\" already; give each layer a path of its own, such as \
             vs / \"fc1\""
        )));
    }
    let init = match size.contains(&0) {
        true => Init::Const(0.),
        false => init,
    };
    Ok(vs.f_var(name, size, init)?)
}

/// Whether a gradient could flow into one of them.
fn wants_gradient(tensors: &[&Tensor]) -> bool {
    is_grad_enabled() && tensors.iter().any(|tensor| tensor.requires_grad())
}

/// What a function of `tch`'s spelling does with an error, for which it has no place.
#[track_caller]
fn or_panic<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{}", one_line(&error)))
}
