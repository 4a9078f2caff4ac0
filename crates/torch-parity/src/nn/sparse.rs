//! `torch.nn.Embedding`, with the arguments that `tch` leaves out, and `torch.nn.EmbeddingBag`.
//!
//! | | `tch::nn::embedding` | `torch.nn.Embedding` |
//! | --- | --- | --- |
//! | row of `padding_idx` | drawn like the others | 0 |
//! | `max_norm` | missing | rows that are used are renormalized first |
//!
//! Source: `torch/nn/modules/sparse.py`.

use std::borrow::Borrow;

use tch::nn::{Init, Path};
use tch::{Tensor, no_grad};

use super::functional::{self as F, EmbeddingBagMode};
use super::{arguments, check_new, modules, new_parameter, or_panic, refuse};
use crate::Result;

arguments! {
    /// The arguments of `nn.Embedding`, in tch's spelling.
    #[derive(Clone, Copy, Debug)]
    pub struct EmbeddingConfig {
        /// If true, the weight's gradient is a sparse tensor.
        sparse: bool = false,
        /// If true, gradients are divided by the frequency of each row.
        scale_grad_by_freq: bool = false,
        /// The initialization of the weight.
        ws_init: Init = Init::Randn { mean: 0., stdev: 1. },
        /// The row of the padding index: initially 0, and without gradient. −1 is Python's `None`,
        /// as in tch; write a row counted from the end as `num_embeddings - 1` and so on.
        padding_idx: i64 = -1,
        /// The maximum norm of a row: rows that are used are renormalized in place.
        max_norm: Option<f64> = None,
        /// The exponent p of that norm.
        norm_type: f64 = 2.,
    }
}

/// `nn.Embedding`.
#[derive(Debug)]
pub struct Embedding {
    /// The weight `(num_embeddings, embedding_dim)`.
    pub ws: Tensor,
    config: EmbeddingConfig,
}

/// `nn.Embedding(num_embeddings, embedding_dim)`: int64 of any shape `(…)` to
/// `(…, embedding_dim)`.
///
/// Adds `weight` `(num_embeddings, embedding_dim)`, drawn from N(0, 1).
///
/// # Panics
/// If [`f_embedding`] returns an error.
#[track_caller]
pub fn embedding<'a, T: Borrow<Path<'a>>>(
    vs: T,
    num_embeddings: i64,
    embedding_dim: i64,
    config: EmbeddingConfig,
) -> Embedding {
    or_panic(f_embedding(vs, num_embeddings, embedding_dim, config))
}

/// As [`embedding`], but returns an error instead of panicking.
///
/// # Errors
/// If `padding_idx` is out of range, a size is negative, or the path has a layer already.
pub fn f_embedding<'a, T: Borrow<Path<'a>>>(
    vs: T,
    num_embeddings: i64,
    embedding_dim: i64,
    config: EmbeddingConfig,
) -> Result<Embedding> {
    let padding_idx = (config.padding_idx != -1).then_some(config.padding_idx);
    let size = [num_embeddings, embedding_dim];
    let ws = new_rows(vs.borrow(), size, config.ws_init, padding_idx)?;
    Ok(Embedding { ws, config })
}

/// `nn.Embedding.from_pretrained(embeddings, freeze=True)` with the other arguments in `config`,
/// whose `ws_init` is unused: the rows `(num_embeddings, embedding_dim)` as they are, also that of
/// the padding index. Unless `freeze` is set, they get gradients.
///
/// # Panics
/// If [`f_embedding_from_pretrained`] returns an error.
#[track_caller]
pub fn embedding_from_pretrained<'a, T: Borrow<Path<'a>>>(
    vs: T,
    embeddings: &Tensor,
    freeze: bool,
    config: EmbeddingConfig,
) -> Embedding {
    or_panic(f_embedding_from_pretrained(vs, embeddings, freeze, config))
}

/// As [`embedding_from_pretrained`], but returns an error instead of panicking.
///
/// # Errors
/// If the rows are not a matrix, `padding_idx` is out of range, or the path has a layer already.
pub fn f_embedding_from_pretrained<'a, T: Borrow<Path<'a>>>(
    vs: T,
    embeddings: &Tensor,
    freeze: bool,
    config: EmbeddingConfig,
) -> Result<Embedding> {
    let vs = vs.borrow();
    if embeddings.dim() != 2 {
        return refuse("Embeddings parameter is expected to be 2-dimensional");
    }
    if config.padding_idx != -1 {
        F::row_index(config.padding_idx, embeddings.size()[0])?;
    }
    check_new(vs, "weight")?;
    let rows = embeddings.f_detach()?.f_to(vs.device())?;
    let ws = vs.add("weight", rows, !freeze);
    Ok(Embedding { ws, config })
}

/// The weight, with zeros in the padding row.
fn new_rows(vs: &Path, size: [i64; 2], init: Init, padding_idx: Option<i64>) -> Result<Tensor> {
    let padding_idx = padding_idx.map(|index| F::row_index(index, size[0]));
    let padding_idx = padding_idx.transpose()?;
    let ws = new_parameter(vs, "weight", &size, init)?;
    if let Some(index) = padding_idx {
        let _ = no_grad(|| ws.f_get(index)?.f_fill_(0))?;
    }
    Ok(ws)
}

impl Embedding {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If an index is out of range.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let config = &self.config;
        F::f_embedding(
            xs,
            &self.ws,
            (config.padding_idx != -1).then_some(config.padding_idx),
            config.max_norm,
            config.norm_type,
            config.scale_grad_by_freq,
            config.sparse,
        )
    }
}

arguments! {
    /// The arguments of `nn.EmbeddingBag`.
    #[derive(Clone, Copy, Debug)]
    pub struct EmbeddingBagConfig {
        /// The maximum norm of a row: rows that are used are renormalized in place.
        max_norm: Option<f64> = None,
        /// The exponent p of that norm.
        norm_type: f64 = 2.,
        /// If true, gradients are divided by the frequency of each row.
        scale_grad_by_freq: bool = false,
        /// The reduction over the rows of a bag.
        mode: EmbeddingBagMode = EmbeddingBagMode::Mean,
        /// If true, the weight's gradient is a sparse tensor.
        sparse: bool = false,
        /// If true, the last offset is the end of the last bag.
        include_last_offset: bool = false,
        /// The row that is ignored; a negative index counts from the end.
        padding_idx: Option<i64> = None,
    }
}

/// `nn.EmbeddingBag`.
#[derive(Debug)]
pub struct EmbeddingBag {
    /// The weight `(num_embeddings, embedding_dim)`.
    pub ws: Tensor,
    config: EmbeddingBagConfig,
}

/// `nn.EmbeddingBag(num_embeddings, embedding_dim)`: int64 `(B, L)` to `(B, embedding_dim)`.
///
/// Adds `weight` `(num_embeddings, embedding_dim)`, drawn from N(0, 1).
///
/// # Panics
/// If [`f_embedding_bag`] returns an error.
#[track_caller]
pub fn embedding_bag<'a, T: Borrow<Path<'a>>>(
    vs: T,
    num_embeddings: i64,
    embedding_dim: i64,
    config: EmbeddingBagConfig,
) -> EmbeddingBag {
    or_panic(f_embedding_bag(vs, num_embeddings, embedding_dim, config))
}

/// As [`embedding_bag`], but returns an error instead of panicking.
///
/// # Errors
/// If `padding_idx` is out of range, a size is negative, or the path has a layer already.
pub fn f_embedding_bag<'a, T: Borrow<Path<'a>>>(
    vs: T,
    num_embeddings: i64,
    embedding_dim: i64,
    config: EmbeddingBagConfig,
) -> Result<EmbeddingBag> {
    let init = EmbeddingConfig::default().ws_init;
    let size = [num_embeddings, embedding_dim];
    let ws = new_rows(vs.borrow(), size, init, config.padding_idx)?;
    Ok(EmbeddingBag { ws, config })
}

impl EmbeddingBag {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// See [`f_forward_bags`](Self::f_forward_bags).
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        self.f_forward_bags(xs, None, None)
    }

    /// `forward(input, offsets, per_sample_weights)`: bags of rows that begin at `offsets` `(B,)`
    /// in an input `(L,)`, each row multiplied by its weight.
    ///
    /// # Errors
    /// If an index is out of range, or the tensors do not match each other or the mode.
    pub fn f_forward_bags(
        &self,
        xs: &Tensor,
        offsets: Option<&Tensor>,
        per_sample_weights: Option<&Tensor>,
    ) -> Result<Tensor> {
        let config = &self.config;
        let rows = self.ws.size()[0];
        let padding_idx = config.padding_idx.map(|index| F::row_index(index, rows));
        F::f_embedding_bag(
            xs,
            &self.ws,
            offsets,
            config.max_norm,
            config.norm_type,
            config.scale_grad_by_freq,
            config.mode,
            config.sparse,
            per_sample_weights,
            config.include_last_offset,
            padding_idx.transpose()?,
        )
    }
}

modules!(Embedding, EmbeddingBag);
