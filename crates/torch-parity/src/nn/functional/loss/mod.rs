//! The losses of `torch.nn.functional`, with the arguments that `tch` leaves at their defaults.

mod classification;
mod embedding;
mod regression;

use tch::{Kind, Tensor};

pub use classification::*;
pub use embedding::*;
pub use regression::*;

use crate::Result;
use crate::nn::refuse;

/// The reduction over the losses of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// `"none"`: no reduction.
    None,
    /// `"mean"`: the mean. If classes or samples have weights, it is weighted, unless the loss's
    /// documentation says otherwise.
    #[default]
    Mean,
    /// `"sum"`: the sum.
    Sum,
    /// `"batchmean"`: the sum divided by the size of the first dimension. Only [`kl_div`] supports
    /// it.
    BatchMean,
}

impl Reduction {
    /// The reduction in `tch`'s spelling.
    fn known(self) -> Result<tch::Reduction> {
        match self {
            Self::None => Ok(tch::Reduction::None),
            Self::Mean => Ok(tch::Reduction::Mean),
            Self::Sum => Ok(tch::Reduction::Sum),
            Self::BatchMean => refuse("batchmean is not a valid value for reduction"),
        }
    }

    /// Applies the reduction to computed losses.
    fn of(self, losses: Tensor) -> Result<Tensor> {
        Ok(match self.known()? {
            tch::Reduction::Mean => losses.f_mean(None::<Kind>)?,
            tch::Reduction::Sum => losses.f_sum(None::<Kind>)?,
            _ => losses,
        })
    }

    /// Applies the reduction to losses with weights, by whose sum the mean is divided.
    fn of_weighted(self, losses: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let weighted = losses.f_mul(weight)?;
        match self {
            Self::Mean => {
                let sum = weighted.f_sum(None::<Kind>)?;
                Ok(sum.f_div(&weight.f_sum(None::<Kind>)?)?)
            }
            other => other.of(weighted),
        }
    }
}

/// A size as Python prints it.
fn shown_size(tensor: &Tensor) -> String {
    format!("torch.Size({:?})", tensor.size())
}
