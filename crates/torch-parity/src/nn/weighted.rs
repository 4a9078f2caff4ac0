//! Layers whose weight can be replaced, for [`utils`](super::utils).

use tch::Tensor;
use tch::nn::Linear;

use super::{Conv, ConvTransposeND};
use crate::Result;

/// A layer with a weight and perhaps a bias: linear layers, convolutions and their transposes.
pub trait Weighted: std::fmt::Debug + Send + Sized {
    /// The dimension of the weight that counts the outputs.
    const OUTPUT_DIM: i64;

    /// The weight.
    fn weight(&self) -> &Tensor;

    /// The bias, if there is one.
    fn bias(&self) -> Option<&Tensor>;

    /// The same layer with other parameters.
    fn with_parameters(&self, weight: Tensor, bias: Option<Tensor>) -> Self;

    /// The layer's output.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    fn f_output(&self, xs: &Tensor) -> Result<Tensor>;
}

impl Weighted for Linear {
    const OUTPUT_DIM: i64 = 0;

    fn weight(&self) -> &Tensor {
        &self.ws
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bs.as_ref()
    }

    fn with_parameters(&self, ws: Tensor, bs: Option<Tensor>) -> Self {
        Self { ws, bs }
    }

    fn f_output(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_linear(&self.ws, self.bs.as_ref())?)
    }
}

impl<const N: usize> Weighted for Conv<[i64; N]> {
    const OUTPUT_DIM: i64 = 0;

    fn weight(&self) -> &Tensor {
        &self.ws
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bs.as_ref()
    }

    fn with_parameters(&self, ws: Tensor, bs: Option<Tensor>) -> Self {
        self.with(ws, bs)
    }

    fn f_output(&self, xs: &Tensor) -> Result<Tensor> {
        self.f_forward(xs)
    }
}

impl<const N: usize> Weighted for ConvTransposeND<[i64; N]> {
    const OUTPUT_DIM: i64 = 1;

    fn weight(&self) -> &Tensor {
        &self.ws
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bs.as_ref()
    }

    fn with_parameters(&self, ws: Tensor, bs: Option<Tensor>) -> Self {
        self.with(ws, bs)
    }

    fn f_output(&self, xs: &Tensor) -> Result<Tensor> {
        self.f_forward(xs)
    }
}
