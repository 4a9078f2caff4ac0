//! `torch.nn.RNNCell`, `LSTMCell` and `GRUCell`: a single time step.

use std::borrow::Borrow;

use tch::nn::{LSTMState, Path};
use tch::{TchError, Tensor};

use super::{Nonlinearity, refuse_nonlinearity, uniform};
use crate::nn::{arguments, new_parameter, or_panic};
use crate::{Error, Result};

arguments! {
    /// The arguments of `nn.RNNCell`, `nn.LSTMCell` and `nn.GRUCell` with Python's defaults.
    #[derive(Clone, Copy, Debug)]
    pub struct RNNCellConfig {
        /// If true, adds biases.
        bias: bool = true,
        /// The activation function of an [`RNNCell`]; the other cells have their own.
        nonlinearity: Nonlinearity = Nonlinearity::Tanh,
    }
}

/// `torch.nn.RNNCellBase`: the parameters of one time step.
#[derive(Debug)]
struct Base {
    weight_ih: Tensor,
    weight_hh: Tensor,
    /// The biases for the input and for the hidden state.
    biases: Option<(Tensor, Tensor)>,
    hidden_size: i64,
}

impl Base {
    fn new(vs: &Path, gates: i64, input: i64, hidden: i64, bias: bool) -> Result<Self> {
        let draw = uniform(hidden);
        let rows = gates.saturating_mul(hidden);
        let weight_ih = new_parameter(vs, "weight_ih", &[rows, input], draw)?;
        let weight_hh = new_parameter(vs, "weight_hh", &[rows, hidden], draw)?;
        let biases = match bias {
            true => Some((
                new_parameter(vs, "bias_ih", &[rows], draw)?,
                new_parameter(vs, "bias_hh", &[rows], draw)?,
            )),
            false => None,
        };
        Ok(Self {
            weight_ih,
            weight_hh,
            biases,
            hidden_size: hidden,
        })
    }

    fn biases(&self) -> (Option<Tensor>, Option<Tensor>) {
        let biases = self.biases.as_ref();
        biases
            .map(|(ih, hh)| (ih.shallow_clone(), hh.shallow_clone()))
            .unzip()
    }

    /// The state after one step. `class` is the name in messages; `step` is one of libtorch's
    /// cells.
    fn run(&self, class: &str, step: Step, input: &Tensor, hx: Option<&Tensor>) -> Result<Tensor> {
        check_input(class, input)?;
        if let Some(dim) = hx.map(Tensor::dim).filter(|dim| !matches!(dim, 1 | 2)) {
            return Err(Error::Tensor(format!(
                "{class}: Expected hidden to be 1D or 2D, got {dim}D instead"
            )));
        }
        let is_batched = input.dim() == 2;
        let input = with_batch(input, is_batched)?;
        let hx = match hx {
            Some(hx) => with_batch(hx, is_batched)?,
            None => self.zeros(&input)?,
        };
        let (bias_ih, bias_hh) = self.biases();
        let (weight_ih, weight_hh) = (&self.weight_ih, &self.weight_hh);
        let next = step(&input, &hx, weight_ih, weight_hh, bias_ih, bias_hh)?;
        without_batch(next, is_batched)
    }

    fn zeros(&self, input: &Tensor) -> Result<Tensor> {
        let shape = [input.size()[0], self.hidden_size];
        Ok(Tensor::f_zeros(shape, (input.kind(), input.device()))?)
    }
}

/// The common signature of `Tensor::f_gru_cell` and the other cells.
type Step = fn(
    input: &Tensor,
    hx: &Tensor,
    weight_ih: &Tensor,
    weight_hh: &Tensor,
    bias_ih: Option<Tensor>,
    bias_hh: Option<Tensor>,
) -> Result<Tensor, TchError>;

fn check_input(class: &str, input: &Tensor) -> Result<()> {
    match input.dim() {
        1 | 2 => Ok(()),
        dim => Err(Error::Tensor(format!(
            "{class}: Expected input to be 1D or 2D, got {dim}D instead"
        ))),
    }
}

fn with_batch(tensor: &Tensor, is_batched: bool) -> Result<Tensor> {
    match is_batched {
        true => Ok(tensor.shallow_clone()),
        false => Ok(tensor.f_unsqueeze(0)?),
    }
}

fn without_batch(tensor: Tensor, is_batched: bool) -> Result<Tensor> {
    match is_batched {
        true => Ok(tensor),
        false => Ok(tensor.f_squeeze_dim(0)?),
    }
}

/// One step of an Elman network, created by [`rnn_cell`].
#[derive(Debug)]
pub struct RNNCell {
    base: Base,
    nonlinearity: Nonlinearity,
}

/// One step of a long short-term memory, created by [`lstm_cell`].
#[derive(Debug)]
pub struct LSTMCell {
    base: Base,
}

/// One step of a gated recurrent unit, created by [`gru_cell`].
#[derive(Debug)]
pub struct GRUCell {
    base: Base,
}

/// `nn.RNNCell(input_size, hidden_size)`: `(N, input_size)` and a state `(N, hidden_size)` to the
/// next state.
///
/// Adds `weight_ih` `(hidden_size, input_size)`, `weight_hh` `(hidden_size, hidden_size)`,
/// `bias_ih` and `bias_hh` `(hidden_size,)`, all drawn from U(−1/√hidden_size, 1/√hidden_size) in
/// this order.
///
/// # Panics
/// If [`f_rnn_cell`] returns an error.
#[track_caller]
pub fn rnn_cell<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNCellConfig,
) -> RNNCell {
    or_panic(f_rnn_cell(vs, input_size, hidden_size, config))
}

/// As [`rnn_cell`], but returns an error instead of panicking.
///
/// # Errors
/// If a size is negative, if there is not enough memory, or if the path has a layer already.
pub fn f_rnn_cell<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNCellConfig,
) -> Result<RNNCell> {
    Ok(RNNCell {
        base: Base::new(vs.borrow(), 1, input_size, hidden_size, config.bias)?,
        nonlinearity: config.nonlinearity,
    })
}

/// `nn.LSTMCell(input_size, hidden_size)`: as [`rnn_cell`], with two tensors as state and
/// parameters with `4 · hidden_size` rows.
///
/// # Panics
/// If [`f_lstm_cell`] returns an error.
#[track_caller]
pub fn lstm_cell<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNCellConfig,
) -> LSTMCell {
    or_panic(f_lstm_cell(vs, input_size, hidden_size, config))
}

/// As [`lstm_cell`], but returns an error instead of panicking.
///
/// # Errors
/// As [`f_rnn_cell`]; also if a nonlinearity is given, since Python has no such argument here.
pub fn f_lstm_cell<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNCellConfig,
) -> Result<LSTMCell> {
    refuse_nonlinearity("LSTMCell", config.nonlinearity)?;
    let base = Base::new(vs.borrow(), 4, input_size, hidden_size, config.bias)?;
    Ok(LSTMCell { base })
}

/// `nn.GRUCell(input_size, hidden_size)`: as [`rnn_cell`], with parameters with `3 · hidden_size`
/// rows.
///
/// # Panics
/// If [`f_gru_cell`] returns an error.
#[track_caller]
pub fn gru_cell<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNCellConfig,
) -> GRUCell {
    or_panic(f_gru_cell(vs, input_size, hidden_size, config))
}

/// As [`gru_cell`], but returns an error instead of panicking.
///
/// # Errors
/// As [`f_rnn_cell`]; also if a nonlinearity is given, since Python has no such argument here.
pub fn f_gru_cell<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNCellConfig,
) -> Result<GRUCell> {
    refuse_nonlinearity("GRUCell", config.nonlinearity)?;
    let base = Base::new(vs.borrow(), 3, input_size, hidden_size, config.bias)?;
    Ok(GRUCell { base })
}

impl RNNCell {
    /// The state `(N, hidden_size)` after one step from the state `hx`, by default zeros.
    ///
    /// The input may also be unbatched, `(input_size,)`, with states `(hidden_size,)`.
    ///
    /// # Panics
    /// If [`f_forward`](Self::f_forward) returns an error.
    #[track_caller]
    pub fn forward(&self, input: &Tensor, hx: Option<&Tensor>) -> Tensor {
        or_panic(self.f_forward(input, hx))
    }

    /// As [`forward`](Self::forward), but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input or the state has another shape or dtype.
    pub fn f_forward(&self, input: &Tensor, hx: Option<&Tensor>) -> Result<Tensor> {
        let step: Step = match self.nonlinearity {
            Nonlinearity::Tanh => Tensor::f_rnn_tanh_cell,
            Nonlinearity::Relu => Tensor::f_rnn_relu_cell,
        };
        self.base.run("RNNCell", step, input, hx)
    }
}

impl GRUCell {
    /// The state `(N, hidden_size)` after one step from the state `hx`, by default zeros.
    ///
    /// The input may also be unbatched, `(input_size,)`, with states `(hidden_size,)`.
    ///
    /// # Panics
    /// If [`f_forward`](Self::f_forward) returns an error.
    #[track_caller]
    pub fn forward(&self, input: &Tensor, hx: Option<&Tensor>) -> Tensor {
        or_panic(self.f_forward(input, hx))
    }

    /// As [`forward`](Self::forward), but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input or the state has another shape or dtype.
    pub fn f_forward(&self, input: &Tensor, hx: Option<&Tensor>) -> Result<Tensor> {
        self.base.run("GRUCell", Tensor::f_gru_cell, input, hx)
    }
}

impl LSTMCell {
    /// The states `h` and `c`, `(N, hidden_size)` each, after one step from the state `hx`, by
    /// default zeros.
    ///
    /// The input may also be unbatched, `(input_size,)`, with states `(hidden_size,)`.
    ///
    /// # Panics
    /// If [`f_forward`](Self::f_forward) returns an error.
    #[track_caller]
    pub fn forward(&self, input: &Tensor, hx: Option<&LSTMState>) -> LSTMState {
        or_panic(self.f_forward(input, hx))
    }

    /// As [`forward`](Self::forward), but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input or the state has another shape or dtype.
    pub fn f_forward(&self, input: &Tensor, hx: Option<&LSTMState>) -> Result<LSTMState> {
        check_input("LSTMCell", input)?;
        let is_batched = input.dim() == 2;
        let input = with_batch(input, is_batched)?;
        let (h, c) = match hx {
            Some(LSTMState((h, c))) => {
                check_lstm_state(0, h)?;
                check_lstm_state(1, c)?;
                (with_batch(h, is_batched)?, with_batch(c, is_batched)?)
            }
            None => {
                let zeros = self.base.zeros(&input)?;
                (zeros.shallow_clone(), zeros)
            }
        };
        let (weight_ih, weight_hh) = (&self.base.weight_ih, &self.base.weight_hh);
        let (bias_ih, bias_hh) = self.base.biases();
        let (h, c) = input.f_lstm_cell(&[h, c], weight_ih, weight_hh, bias_ih, bias_hh)?;
        Ok(LSTMState((
            without_batch(h, is_batched)?,
            without_batch(c, is_batched)?,
        )))
    }
}

fn check_lstm_state(index: usize, state: &Tensor) -> Result<()> {
    match state.dim() {
        1 | 2 => Ok(()),
        dim => Err(Error::Tensor(format!(
            "LSTMCell: Expected hx[{index}] to be 1D or 2D, got {dim}D instead"
        ))),
    }
}
