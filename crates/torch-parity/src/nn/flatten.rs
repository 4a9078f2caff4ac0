//! `torch.nn.Flatten` and `Unflatten`, which `tch` has only as methods.
//!
//! Source: `torch/nn/modules/flatten.py`.

use tch::Tensor;

use super::{arguments, modules};
use crate::Result;

arguments! {
    /// `nn.Flatten(start_dim=1, end_dim=-1)`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flatten {
        /// The first dimension that is merged.
        start_dim: i64 = 1,
        /// The last dimension that is merged; a negative one counts from the end.
        end_dim: i64 = -1,
    }
}

impl Flatten {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input lacks these dimensions.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_flatten(self.start_dim, self.end_dim)?)
    }
}

/// `nn.Unflatten(dim, unflattened_size)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unflatten {
    /// The dimension that is split.
    pub dim: i64,
    /// The dimensions that replace it; one may be −1 and is then inferred.
    pub unflattened_size: Vec<i64>,
}

impl Unflatten {
    /// Creates the layer from its two arguments.
    pub fn new(dim: i64, unflattened_size: impl Into<Vec<i64>>) -> Self {
        Self {
            dim,
            unflattened_size: unflattened_size.into(),
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the dimension cannot be split in this way.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_unflatten(self.dim, &self.unflattened_size[..])?)
    }
}

modules!(Flatten, Unflatten);
