//! Prices as probability distributions over a scale of prices.

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use crate::experiment::variants::{PRICES, softmax};

/// The prices over which softmax distributes its probabilities, evenly spaced from the lowest to
/// the highest of the training houses.
pub struct Scale {
    lowest: f64,
    step: f64,
}

impl Scale {
    /// The unit scale, on which a price is its index.
    pub const OF_PLACES: Self = Self {
        lowest: 0.,
        step: 1.,
    };

    pub fn new(train: &Tensor) -> Result<Self> {
        let (lowest, highest) = (f64::try_from(train.min())?, f64::try_from(train.max())?);
        let step = (highest - lowest) / (PRICES - 1) as f64;
        Ok(Self { lowest, step })
    }

    fn places() -> Tensor {
        Tensor::arange(PRICES, (Kind::Float, Device::Cpu))
    }

    /// Prices, `(N, 1)`, as probabilities, `(N, 21)`: a price between two of the scale is split
    /// between them, so that the mean is the price.
    pub fn shares(&self, prices: &Tensor) -> Tensor {
        let places = ((prices - self.lowest) / self.step).clamp(0., (PRICES - 1) as f64);
        ((places - Self::places()).abs() * -1. + 1.).clamp_min(0.)
    }

    /// The mean price, `(N, 1)`, under probabilities, `(N, 21)`.
    pub fn price(&self, probabilities: &Tensor) -> Tensor {
        let places = (probabilities * Self::places()).sum_dim_intlist(1, true, Kind::Float);
        places * self.step + self.lowest
    }

    /// The price, `(N, 1)`, predicted by outputs of [`SoftmaxOverPrices`].
    pub fn read(&self, logits: &Tensor) -> Tensor {
        self.price(&softmax(logits))
    }
}
