//! `torch.nn.GRU` and `torch.nn.RNN`: the layers whose state is one tensor.

use std::borrow::Borrow;

use tch::nn::{GRUState, Path, RNN};
use tch::{TchError, Tensor};

use super::base::{Base, check_state};
use super::{Nonlinearity, RNNConfig, refuse_nonlinearity};
use crate::nn::or_panic;
use crate::nn::utils::rnn::PackedSequence;
use crate::{Error, Result};

/// A gated recurrent unit, as [`gru`] makes it.
#[derive(Debug)]
pub struct GRU {
    base: Base,
}

/// Python's class `nn.RNN`, as [`rnn()`] makes it: h′ = tanh(W x + b + V h + c), or the same with
/// ReLU in place of tanh.
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

/// `nn.GRU(input_size, hidden_size)`: a sequence `(L, N, input_size)`, `(N, L, input_size)` with
/// `batch_first`, to `(L, N, D · hidden_size)` or `(N, L, D · hidden_size)`, with D = 2 where it is
/// bidirectional.
///
/// Adds, for each layer k and with `_reverse` behind the names for the second direction,
/// `weight_ih_lk` `(3 · hidden_size, input_size)`, above the first layer
/// `(3 · hidden_size, D · hidden_size)`, `weight_hh_lk` `(3 · hidden_size, hidden_size)`,
/// `bias_ih_lk` and `bias_hh_lk` `(3 · hidden_size,)`, all drawn from
/// U(−1/√hidden_size, 1/√hidden_size) in this order.
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
/// In Python's words, if a size or `num_layers` is not positive, `dropout` is not in [0, 1], or a
/// projection or a nonlinearity is given; if there is not enough memory, or if the path has a layer
/// already.
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

/// `nn.RNN(input_size, hidden_size)`: as [`gru`], with `hidden_size` rows in place of
/// `3 · hidden_size`, and with `nonlinearity` from the config.
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
/// In Python's words, if a size or `num_layers` is not positive, `dropout` is not in [0, 1], or a
/// projection is given; if there is not enough memory, or if the path has a layer already.
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

/// What `Tensor::f_gru` and its kin have in common.
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

/// What `Tensor::f_gru_data` and its kin have in common.
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

/// A state with a dimension for the samples.
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

/// The methods of both, which differ in nothing but the state's type.
macro_rules! forward_of {
    ($layer:ident, $state:ident, $class:literal) => {
        impl $layer {
            /// The output for a sequence, and the state after its last step.
            ///
            /// The input may also be one sample, `(L, input_size)`; then no shape here has an N.
            /// The state before the first step, zeros where it is `None`, and the one returned
            /// have the shape `(D · num_layers, N, hidden_size)`.
            ///
            /// # Panics
            /// If [`f_forward_t`](Self::f_forward_t) returns an error.
            #[track_caller]
            pub fn forward_t(
                &self,
                input: &Tensor,
                hx: Option<&$state>,
                train: bool,
            ) -> (Tensor, $state) {
                or_panic(self.f_forward_t(input, hx, train))
            }

            /// As [`forward_t`](Self::forward_t), but returns an error instead of panicking.
            ///
            /// # Errors
            /// In Python's words, if the input or the state has another shape or dtype.
            pub fn f_forward_t(
                &self,
                input: &Tensor,
                hx: Option<&$state>,
                train: bool,
            ) -> Result<(Tensor, $state)> {
                let hx = hx.map(|state| &state.0);
                let (layers, _) = self.layers();
                let (output, h) = self.base.run($class, layers, input, hx, train)?;
                Ok((output, $state(h)))
            }

            /// As [`forward_t`](Self::forward_t), for sequences of different lengths packed
            /// together.
            ///
            /// The state's samples stand in the order in which they were before they were packed.
            ///
            /// # Panics
            /// If [`f_forward_packed_t`](Self::f_forward_packed_t) returns an error.
            #[track_caller]
            pub fn forward_packed_t(
                &self,
                input: &PackedSequence,
                hx: Option<&$state>,
                train: bool,
            ) -> (PackedSequence, $state) {
                or_panic(self.f_forward_packed_t(input, hx, train))
            }

            /// As [`forward_packed_t`](Self::forward_packed_t), but returns an error instead of panicking.
            ///
            /// # Errors
            /// In Python's words, if the input or the state has another shape or dtype.
            pub fn f_forward_packed_t(
                &self,
                input: &PackedSequence,
                hx: Option<&$state>,
                train: bool,
            ) -> Result<(PackedSequence, $state)> {
                let hx = hx.map(|state| &state.0);
                let (_, layers) = self.layers();
                let (output, h) = self.base.run_packed(layers, input, hx, train)?;
                Ok((output, $state(h)))
            }
        }

        /// tch's trait, with the batch where `batch_first` says and dropout where the config's
        /// `train` does.
        impl RNN for $layer {
            type State = $state;

            #[track_caller]
            fn zero_state(&self, batch_dim: i64) -> $state {
                $state(or_panic(self.base.zeros(self.base.hidden_shape(batch_dim))))
            }

            /// The state after one step, from an input `(N, input_size)`.
            #[track_caller]
            fn step(&self, input: &Tensor, state: &$state) -> $state {
                let input = input.unsqueeze(self.base.time_dim());
                self.seq_init(&input, state).1
            }

            #[track_caller]
            fn seq(&self, input: &Tensor) -> (Tensor, $state) {
                self.forward_t(input, None, self.base.config.train)
            }

            #[track_caller]
            fn seq_init(&self, input: &Tensor, state: &$state) -> (Tensor, $state) {
                self.forward_t(input, Some(state), self.base.config.train)
            }
        }
    };
}

forward_of!(GRU, GRUState, "GRU");
forward_of!(ElmanRNN, RNNState, "RNN");
