//! `torch.nn.GRU` and `torch.nn.RNN`: the layers whose state is a single tensor.

use std::borrow::Borrow;

use tch::nn::{GRUState, Path, RNN};
use tch::{TchError, Tensor};

use super::base::{Base, check_state};
use super::forward::forward_of;
use super::{Nonlinearity, RNNConfig, refuse_nonlinearity};
use crate::nn::or_panic;
use crate::nn::utils::rnn::PackedSequence;
use crate::{Error, Result};

/// A gated recurrent unit, created by [`gru`].
#[derive(Debug)]
pub struct GRU {
    base: Base,
}

/// Python's class `nn.RNN`, created by [`rnn()`]: h′ = tanh(W x + b + V h + c), or with ReLU in
/// place of tanh.
#[derive(Debug)]
pub struct ElmanRNN {
    base: Base,
}

/// The hidden state of an [`ElmanRNN`].
#[derive(Debug)]
pub struct RNNState(pub Tensor);

impl RNNState {
    /// The hidden state, which is also the output of the last step.
    pub fn value(&self) -> Tensor {
        self.0.shallow_clone()
    }
}

/// `nn.GRU(input_size, hidden_size)`: a sequence `(L, N, input_size)`, or `(N, L, input_size)` with
/// `batch_first`, to `(L, N, D · hidden_size)` or `(N, L, D · hidden_size)`, with D = 2 if
/// bidirectional and otherwise 1.
///
/// Adds, for each layer k, and with the suffix `_reverse` for the second direction, `weight_ih_lk`
/// `(3 · hidden_size, input_size)`, or `(3 · hidden_size, D · hidden_size)` above the first layer,
/// `weight_hh_lk` `(3 · hidden_size, hidden_size)`, `bias_ih_lk` and `bias_hh_lk` `(3 ·
/// hidden_size,)`, all drawn from U(−1/√hidden_size, 1/√hidden_size) in this order.
///
/// # Panics
/// If [`f_gru`] returns an error.
#[track_caller]
pub fn gru<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNConfig,
) -> GRU {
    or_panic(f_gru(vs, input_size, hidden_size, config))
}

/// As [`gru`], but returns an error instead of panicking.
///
/// # Errors
/// With Python's message, if a size or `num_layers` is not positive, `dropout` is not in [0, 1], or
/// a projection or a nonlinearity is given; if there is not enough memory, or if the path has a
/// layer already.
pub fn f_gru<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNConfig,
) -> Result<GRU> {
    refuse_projection(&config)?;
    refuse_nonlinearity("RNNBase", config.nonlinearity)?;
    let base = Base::new(vs.borrow(), 3, input_size, hidden_size, config)?;
    Ok(GRU { base })
}

/// `nn.RNN(input_size, hidden_size)`: as [`gru`], with parameters with `hidden_size` rows, and with
/// the config's `nonlinearity`.
///
/// # Panics
/// If [`f_rnn`] returns an error.
#[track_caller]
pub fn rnn<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNConfig,
) -> ElmanRNN {
    or_panic(f_rnn(vs, input_size, hidden_size, config))
}

/// As [`rnn()`], but returns an error instead of panicking.
///
/// # Errors
/// With Python's message, if a size or `num_layers` is not positive, `dropout` is not in [0, 1], or
/// a projection is given; if there is not enough memory, or if the path has a layer already.
pub fn f_rnn<'a, T: Borrow<Path<'a>>>(
    vs: T,
    input_size: i64,
    hidden_size: i64,
    config: RNNConfig,
) -> Result<ElmanRNN> {
    refuse_projection(&config)?;
    let base = Base::new(vs.borrow(), 1, input_size, hidden_size, config)?;
    Ok(ElmanRNN { base })
}

fn refuse_projection(config: &RNNConfig) -> Result<()> {
    match config.proj_size {
        0 => Ok(()),
        _ => Err(Error::Argument(
            "proj_size argument is only supported for LSTM, not RNN or GRU".into(),
        )),
    }
}

/// The common signature of `Tensor::f_gru` and the other layers.
type Layers = fn(
    input: &Tensor,
    hx: &Tensor,
    params: &[Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Result<(Tensor, Tensor), TchError>;

/// The common signature of `Tensor::f_gru_data` and the other layers.
type PackedLayers = fn(
    data: &Tensor,
    batch_sizes: &Tensor,
    hx: &Tensor,
    params: &[Tensor],
    has_biases: bool,
    num_layers: i64,
    dropout: f64,
    train: bool,
    bidirectional: bool,
) -> Result<(Tensor, Tensor), TchError>;

impl Base {
    fn run(
        &self,
        class: &str,
        layers: Layers,
        input: &Tensor,
        hx: Option<&Tensor>,
        train: bool,
    ) -> Result<(Tensor, Tensor)> {
        let (input, is_batched, batch) = self.batched(class, input)?;
        let h = match hx {
            Some(h) => with_batch(h, is_batched)?,
            None => self.zeros(self.hidden_shape(batch))?,
        };
        check_state("hidden", &h, self.hidden_shape(batch))?;
        let config = &self.config;
        let (output, h) = layers(
            &input,
            &h,
            &self.flat_weights,
            config.has_biases,
            config.num_layers,
            config.dropout,
            train,
            config.bidirectional,
            config.batch_first,
        )?;
        match is_batched {
            true => Ok((output, h)),
            false => Ok((output.f_squeeze_dim(self.batch_dim())?, h.f_squeeze_dim(1)?)),
        }
    }

    fn run_packed(
        &self,
        layers: PackedLayers,
        input: &PackedSequence,
        hx: Option<&Tensor>,
        train: bool,
    ) -> Result<(PackedSequence, Tensor)> {
        let batch = self.check_packed(input)?;
        let h = match hx {
            Some(h) => input.sort(h)?,
            None => self.zeros(self.hidden_shape(batch))?,
        };
        check_state("hidden", &h, self.hidden_shape(batch))?;
        let config = &self.config;
        let (output, h) = layers(
            input.data(),
            input.batch_sizes(),
            &h,
            &self.flat_weights,
            config.has_biases,
            config.num_layers,
            config.dropout,
            train,
            config.bidirectional,
        )?;
        Ok((input.with_data(output), input.unsort(&h)?))
    }
}

/// A state with a batch dimension.
fn with_batch(h: &Tensor, is_batched: bool) -> Result<Tensor> {
    match (is_batched, h.dim()) {
        (true, 3) => Ok(h.shallow_clone()),
        (false, 2) => Ok(h.f_unsqueeze(1)?),
        (true, dim) => Err(Error::Tensor(format!(
            "For batched 3-D input, hx should also be 3-D but got {dim}-D tensor"
        ))),
        (false, dim) => Err(Error::Tensor(format!(
            "For unbatched 2-D input, hx should also be 2-D but got {dim}-D tensor"
        ))),
    }
}

impl GRU {
    fn layers(&self) -> (Layers, PackedLayers) {
        (Tensor::f_gru, Tensor::f_gru_data)
    }
}

impl ElmanRNN {
    fn layers(&self) -> (Layers, PackedLayers) {
        match self.base.config.nonlinearity {
            Nonlinearity::Tanh => (Tensor::f_rnn_tanh, Tensor::f_rnn_tanh_data),
            Nonlinearity::Relu => (Tensor::f_rnn_relu, Tensor::f_rnn_relu_data),
        }
    }
}

/// The computation of both layers, which differ only in the type of the state.
macro_rules! run_with_one_tensor {
    ($layer:ident, $state:ident, $class:literal) => {
        impl $layer {
            fn run(
                &self,
                input: &Tensor,
                hx: Option<&$state>,
                train: bool,
            ) -> Result<(Tensor, $state)> {
                let (layers, hx) = (self.layers().0, hx.map(|state| &state.0));
                let (output, h) = self.base.run($class, layers, input, hx, train)?;
                Ok((output, $state(h)))
            }

            fn run_packed(
                &self,
                input: &PackedSequence,
                hx: Option<&$state>,
                train: bool,
            ) -> Result<(PackedSequence, $state)> {
                let (layers, hx) = (self.layers().1, hx.map(|state| &state.0));
                let (output, h) = self.base.run_packed(layers, input, hx, train)?;
                Ok((output, $state(h)))
            }

            fn zeros(&self, batch: i64) -> Result<$state> {
                Ok($state(self.base.zeros(self.base.hidden_shape(batch))?))
            }
        }

        forward_of!(
            $layer,
            $state,
            "have the shape `(D · num_layers, N, hidden_size)`."
        );
    };
}

run_with_one_tensor!(GRU, GRUState, "GRU");
run_with_one_tensor!(ElmanRNN, RNNState, "RNN");
