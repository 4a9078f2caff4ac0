//! `torch.nn.utils.rnn`: sequences of different lengths in one tensor.
//!
//! Source: `torch/nn/utils/rnn.py`.

use tch::{Device, Kind, Tensor};

use crate::nn::{functions, or_panic};
use crate::{Error, Result};

/// `PackedSequence`: the time steps of all sequences without padding, step by step.
///
/// Created by [`pack_padded_sequence`]; the recurrent layers take it in `forward_packed_t`.
#[derive(Debug)]
pub struct PackedSequence {
    data: Tensor,
    batch_sizes: Tensor,
    /// The permutation by which the samples were sorted, and its inverse.
    order: Option<Order>,
}

#[derive(Debug)]
struct Order {
    sorted_indices: Tensor,
    unsorted_indices: Tensor,
}

impl PackedSequence {
    /// `(sum of the lengths, …)`: the first step of all sequences, then the second, and so on.
    pub fn data(&self) -> &Tensor {
        &self.data
    }

    /// The number of sequences with a first step, with a second, and so on: `int64`, on the CPU.
    pub fn batch_sizes(&self) -> &Tensor {
        &self.batch_sizes
    }

    /// The original index of each sequence in `data`, if they were sorted by length.
    pub fn sorted_indices(&self) -> Option<&Tensor> {
        self.order.as_ref().map(|order| &order.sorted_indices)
    }

    /// The index in `data` of each original sequence, if they were sorted by length.
    pub fn unsorted_indices(&self) -> Option<&Tensor> {
        self.order.as_ref().map(|order| &order.unsorted_indices)
    }

    /// The same lengths and order with other data, such as the data after dropout.
    pub fn with_data(&self, data: Tensor) -> Self {
        Self {
            data,
            batch_sizes: self.batch_sizes.shallow_clone(),
            order: self.order.as_ref().map(|order| Order {
                sorted_indices: order.sorted_indices.shallow_clone(),
                unsorted_indices: order.unsorted_indices.shallow_clone(),
            }),
        }
    }

    /// The number of sequences.
    pub(in crate::nn) fn batch_size(&self) -> Result<i64> {
        Ok(self.batch_sizes.f_int64_value(&[0])?)
    }

    /// A state `(layers, N, size)` in the order of `data`.
    pub(in crate::nn) fn sort(&self, state: &Tensor) -> Result<Tensor> {
        select(state, 1, self.sorted_indices())
    }

    /// A state `(layers, N, size)` in the original order of the sequences.
    pub(in crate::nn) fn unsort(&self, state: &Tensor) -> Result<Tensor> {
        select(state, 1, self.unsorted_indices())
    }
}

fn select(tensor: &Tensor, dim: i64, indices: Option<&Tensor>) -> Result<Tensor> {
    match indices {
        Some(indices) => Ok(tensor.f_index_select(dim, indices)?),
        None => Ok(tensor.shallow_clone()),
    }
}

/// `pack_padded_sequence(input, lengths, batch_first, enforce_sorted)`: packs sequences `(L, N,
/// …)`, or `(N, L, …)` with `batch_first`, of which the n-th is valid for `lengths[n]` steps.
///
/// With `enforce_sorted`, Python's default, the lengths must be in descending order. Otherwise the
/// sequences are sorted here, and the layers' states and [`pad_packed_sequence`] return them in the
/// original order.
///
/// ```
/// use torch_parity::nn::{self, utils::rnn::{pack_padded_sequence, pad_packed_sequence}};
/// use tch::{Device, Kind, Tensor};
/// let vs = nn::VarStore::new(Device::Cpu);
/// let gru = nn::gru(vs.root() / "gru", 10, 20, Default::default());
/// let input = Tensor::zeros([5, 3, 10], (Kind::Float, Device::Cpu));
/// let packed = pack_padded_sequence(&input, &[2, 5, 4], false, false);
/// let (output, _state) = gru.forward_packed_t(&packed, None, true);
/// let (output, lengths) = pad_packed_sequence(&output, false, 0., None);
/// assert_eq!(output.size(), [5, 3, 20]);
/// assert_eq!(Vec::<i64>::try_from(lengths).unwrap(), [2, 5, 4]);
/// ```
///
/// # Panics
/// If [`f_pack_padded_sequence`] returns an error.
#[track_caller]
pub fn pack_padded_sequence(
    input: &Tensor,
    lengths: &[i64],
    batch_first: bool,
    enforce_sorted: bool,
) -> PackedSequence {
    or_panic(f_pack_padded_sequence(
        input,
        lengths,
        batch_first,
        enforce_sorted,
    ))
}

/// As [`pack_padded_sequence`], but returns an error instead of panicking.
///
/// # Errors
/// If the numbers of lengths and sequences differ, if a length is below 1 or above L, or if
/// `enforce_sorted` is set and the lengths are not in descending order.
pub fn f_pack_padded_sequence(
    input: &Tensor,
    lengths: &[i64],
    batch_first: bool,
    enforce_sorted: bool,
) -> Result<PackedSequence> {
    let lengths = Tensor::f_from_slice(lengths)?;
    let (lengths, sorted_indices) = match enforce_sorted {
        true => (lengths, None),
        false => {
            let (lengths, indices) = lengths.f_sort(0, true)?;
            (lengths, Some(indices.f_to(input.device())?))
        }
    };
    let batch_dim = if batch_first { 0 } else { 1 };
    let input = select(input, batch_dim, sorted_indices.as_ref())?;
    let (data, batch_sizes) = input.f_internal_pack_padded_sequence(&lengths, batch_first)?;
    let order = match sorted_indices {
        Some(sorted_indices) => Some(Order {
            unsorted_indices: f_invert_permutation(&sorted_indices)?,
            sorted_indices,
        }),
        None => None,
    };
    Ok(PackedSequence {
        data,
        batch_sizes,
        order,
    })
}

functions! {
    /// `invert_permutation(permutation)`: the permutation, int64 `(N,)`, that undoes another.
    fn invert_permutation / f_invert_permutation(permutation: &Tensor) -> Tensor {
        let count = permutation.numel() as i64;
        let places = Tensor::f_arange(count, (Kind::Int64, permutation.device()))?;
        let mut inverse = permutation.f_empty_like()?;
        Ok(inverse.f_scatter_(0, permutation, &places)?)
    }

    /// `pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right")`: the
    /// sequences `(Lₙ, …)` in one tensor `(L, N, …)`, or `(N, L, …)` with `batch_first`.
    fn pad_sequence / f_pad_sequence(
        sequences: &[Tensor], batch_first: bool, padding_value: f64, padding_side: &str,
    ) -> Tensor {
        if sequences.is_empty() {
            return Err(Error::Argument("received an empty list of sequences".into()));
        }
        Ok(Tensor::f_pad_sequence(sequences, batch_first, padding_value, padding_side)?)
    }

    /// `unpad_sequence(padded_sequences, lengths, batch_first=False)`: the sequences of these
    /// lengths in a tensor `(L, N, …)`, or `(N, L, …)` with `batch_first`. Python also transposes
    /// the caller's tensor in place if not `batch_first`; this does not.
    fn unpad_sequence / f_unpad_sequence(
        padded_sequences: &Tensor, lengths: &[i64], batch_first: bool,
    ) -> Vec<Tensor> {
        let padded = match batch_first {
            true => padded_sequences.shallow_clone(),
            false => padded_sequences.f_transpose(0, 1)?,
        };
        let size = padded.size();
        if size[0] != lengths.len() as i64 {
            let found = lengths.len();
            return Err(Error::Argument(format!(
                "expected a length for each of {} sequences, got {found}", size[0]
            )));
        }
        let mut sequences = Vec::new();
        for (i, length) in lengths.iter().enumerate() {
            let sequence = padded.f_select(0, i as i64)?;
            sequences.push(sequence.f_narrow(0, 0, *length.clamp(&0, &size[1]))?);
        }
        Ok(sequences)
    }

    /// `pack_sequence(sequences, enforce_sorted=True)`: packs sequences `(Lₙ, …)`.
    fn pack_sequence / f_pack_sequence(
        sequences: &[Tensor], enforce_sorted: bool,
    ) -> PackedSequence {
        let lengths: Vec<i64> = sequences.iter().map(|sequence| sequence.size()[0]).collect();
        let padded = f_pad_sequence(sequences, false, 0., "right")?;
        f_pack_padded_sequence(&padded, &lengths, false, enforce_sorted)
    }

    /// `unpack_sequence(packed_sequences)`: the sequences `(Lₙ, …)`, in their original order.
    fn unpack_sequence / f_unpack_sequence(packed_sequences: &PackedSequence) -> Vec<Tensor> {
        let (padded, lengths) = f_pad_packed_sequence(packed_sequences, true, 0., None)?;
        f_unpad_sequence(&padded, &Vec::<i64>::try_from(lengths)?, true)
    }
}

/// `pad_packed_sequence(sequence, batch_first, padding_value, total_length)`: the sequences `(L, N,
/// …)`, or `(N, L, …)` with `batch_first`, and their lengths `(N,)`, `int64`.
///
/// L is `total_length` or, if `None`, the maximum length. `padding_value`, in Python 0 by default,
/// fills the steps after the end of each sequence.
///
/// # Panics
/// If [`f_pad_packed_sequence`] returns an error.
#[track_caller]
pub fn pad_packed_sequence(
    sequence: &PackedSequence,
    batch_first: bool,
    padding_value: f64,
    total_length: Option<i64>,
) -> (Tensor, Tensor) {
    or_panic(f_pad_packed_sequence(
        sequence,
        batch_first,
        padding_value,
        total_length,
    ))
}

/// As [`pad_packed_sequence`], but returns an error instead of panicking.
///
/// # Errors
/// With Python's message, if `total_length` is less than the longest length.
pub fn f_pad_packed_sequence(
    sequence: &PackedSequence,
    batch_first: bool,
    padding_value: f64,
    total_length: Option<i64>,
) -> Result<(Tensor, Tensor)> {
    let longest = sequence.batch_sizes.size()[0];
    let length = total_length.unwrap_or(longest);
    if length < longest {
        return Err(Error::Argument(format!(
            "Expected total_length to be at least the length of the longest sequence in input, \
             but got total_length={length} and max sequence length being {longest}"
        )));
    }
    let (padded, lengths) = Tensor::f_internal_pad_packed_sequence(
        &sequence.data,
        &sequence.batch_sizes,
        batch_first,
        padding_value,
        length,
    )?;
    let Some(indices) = sequence.unsorted_indices() else {
        return Ok((padded, lengths));
    };
    let batch_dim = if batch_first { 0 } else { 1 };
    let lengths = lengths.f_index_select(0, &indices.f_to(Device::Cpu)?)?;
    Ok((padded.f_index_select(batch_dim, indices)?, lengths))
}
