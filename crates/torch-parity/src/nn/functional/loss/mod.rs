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

/// What becomes of the losses of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// `"none"`: they stay as they are.
    None,
    /// `"mean"`: one number, their mean. Where classes or samples have weights it is as a rule the
    /// weighted mean: each loss says if it is another.
    #[default]
    Mean,
    /// `"sum"`: one number, their sum.
    Sum,
    /// `"batchmean"`: their sum over the size of the first dimension. For [`kl_div`] alone; the
    /// others refuse it.
    BatchMean,
}

impl Reduction {
    /// As `tch` spells it.
    fn known(self) -> Result<tch::Reduction> {
        match self {
            Self::None => Ok(tch::Reduction::None),
            Self::Mean => Ok(tch::Reduction::Mean),
            Self::Sum => Ok(tch::Reduction::Sum),
            Self::BatchMean => refuse("batchmean is not a valid value for reduction"),
        }
    }

    /// Applied to losses that are there.
    fn of(self, losses: Tensor) -> Result<Tensor> {
        Ok(match self.known()? {
            tch::Reduction::Mean => losses.f_mean(None::<Kind>)?,
            tch::Reduction::Sum => losses.f_sum(None::<Kind>)?,
            _ => losses,
        })
    }

    /// Applied to losses of which each has a weight, by which the mean is divided.
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
