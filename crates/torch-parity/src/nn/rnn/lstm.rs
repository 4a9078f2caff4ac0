//! `torch.nn.LSTM`.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::{LSTMState, Path, RNN};

use super::base::{Base, check_state};
use super::forward::forward_of;
use super::{RNNConfig, refuse_nonlinearity};
use crate::nn::or_panic;
use crate::nn::utils::rnn::PackedSequence;
use crate::{Error, Result};

/// A long short-term memory, created by [`lstm`].
#[derive(Debug)]
pub struct LSTM {
    base: Base,
}

/// `nn.LSTM(input_size, hidden_size)`: a sequence `(L, N, input_size)`, or `(N, L, input_size)`
/// with `batch_first`, to `(L, N, D · H)` or `(N, L, D · H)`, with D = 2 if bidirectional and
/// otherwise 1, and H = `proj_size` if positive, otherwise `hidden_size`.
///
/// Adds, for each layer k, and with the suffix `_reverse` for the second direction, `weight_ih_lk`
/// `(4 · hidden_size, input_size)`, or `(4 · hidden_size, D · H)` above the first layer,
/// `weight_hh_lk` `(4 · hidden_size, H)`, `bias_ih_lk` and `bias_hh_lk` `(4 · hidden_size,)`, and
/// with a projection `weight_hr_lk` `(proj_size, hidden_size)`, all drawn from U(−1/√hidden_size,
/// 1/√hidden_size) in this order.
///
/// ```
/// use torch_parity::nn::{self, RNN};
/// use tch::{Device, Kind, Tensor};
/// let vs = nn::VarStore::new(Device::Cpu);
/// let lstm = nn::lstm(vs.root() / "lstm", 10, 20, Default::default());
/// let (output, state) = lstm.seq(&Tensor::zeros([5, 3, 10], (Kind::Float, Device::Cpu)));
/// assert_eq!(output.size(), [5, 3, 20]);
/// assert_eq!(state.c().size(), [1, 3, 20]);
/// ```
///
/// # Panics
/// If [`f_lstm`] returns an error.
#[track_caller]
pub fn lstm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNConfig,
) -> LSTM {
    or_panic(f_lstm(vs, input_size, hidden_size, config))
}

/// As [`lstm`], but returns an error instead of panicking.
///
/// # Errors
/// With Python's message, if a size or `num_layers` is not positive, `dropout` is not in [0, 1],
/// `proj_size` is negative or not below `hidden_size`, or a nonlinearity is given; if there is not
/// enough memory, or if the path has a layer already.
pub fn f_lstm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNConfig,
) -> Result<LSTM> {
    refuse_nonlinearity("RNNBase", config.nonlinearity)?;
    let base = Base::new(vs.borrow(), 4, input_size, hidden_size, config)?;
    Ok(LSTM { base })
}

impl LSTM {
    fn run(
        &self,
        input: &Tensor,
        hx: Option<&LSTMState>,
        train: bool,
    ) -> Result<(Tensor, LSTMState)> {
        let (input, is_batched, batch) = self.base.batched("LSTM", input)?;
        let LSTMState((h, c)) = match hx {
            Some(state) if is_batched => batched_state(state)?,
            Some(state) => state_of_one(state)?,
            None => self.zeros(batch)?,
        };
        self.check_states(&h, &c, batch)?;
        let config = &self.base.config;
        let (output, h, c) = input.f_lstm(
            &[h, c],
            &self.base.flat_weights,
            config.has_biases,
            config.num_layers,
            config.dropout,
            train,
            config.bidirectional,
            config.batch_first,
        )?;
        if is_batched {
            return Ok((output, LSTMState((h, c))));
        }
        let state = LSTMState((h.f_squeeze_dim(1)?, c.f_squeeze_dim(1)?));
        Ok((output.f_squeeze_dim(self.base.batch_dim())?, state))
    }

    fn run_packed(
        &self,
        input: &PackedSequence,
        hx: Option<&LSTMState>,
        train: bool,
    ) -> Result<(PackedSequence, LSTMState)> {
        let batch = self.base.check_packed(input)?;
        let LSTMState((h, c)) = match hx {
            Some(LSTMState((h, c))) => LSTMState((input.sort(h)?, input.sort(c)?)),
            None => self.zeros(batch)?,
        };
        self.check_states(&h, &c, batch)?;
        let config = &self.base.config;
        let (output, h, c) = Tensor::f_lstm_data(
            input.data(),
            input.batch_sizes(),
            &[h, c],
            &self.base.flat_weights,
            config.has_biases,
            config.num_layers,
            config.dropout,
            train,
            config.bidirectional,
        )?;
        let state = LSTMState((input.unsort(&h)?, input.unsort(&c)?));
        Ok((input.with_data(output), state))
    }

    fn zeros(&self, batch: i64) -> Result<LSTMState> {
        let h = self.base.zeros(self.base.hidden_shape(batch))?;
        let c = self.base.zeros(self.base.cell_shape(batch))?;
        Ok(LSTMState((h, c)))
    }

    fn check_states(&self, h: &Tensor, c: &Tensor, batch: i64) -> Result<()> {
        check_state("hidden[0]", h, self.base.hidden_shape(batch))?;
        check_state("hidden[1]", c, self.base.cell_shape(batch))
    }
}

fn batched_state(LSTMState((h, c)): &LSTMState) -> Result<LSTMState> {
    if h.dim() != 3 || c.dim() != 3 {
        return Err(Error::Tensor(format!(
            "For batched 3-D input, hx and cx should also be 3-D but got ({}-D, {}-D) tensors",
            h.dim(),
            c.dim()
        )));
    }
    Ok(LSTMState((h.shallow_clone(), c.shallow_clone())))
}

fn state_of_one(LSTMState((h, c)): &LSTMState) -> Result<LSTMState> {
    if h.dim() != 2 || c.dim() != 2 {
        return Err(Error::Tensor(format!(
            "For unbatched 2-D input, hx and cx should also be 2-D but got ({}-D, {}-D) tensors",
            h.dim(),
            c.dim()
        )));
    }
    Ok(LSTMState((h.f_unsqueeze(1)?, c.f_unsqueeze(1)?)))
}

forward_of!(
    LSTM,
    LSTMState,
    "are `h` `(D · num_layers, N, H)` and `c` `(D · num_layers, N, hidden_size)`."
);
