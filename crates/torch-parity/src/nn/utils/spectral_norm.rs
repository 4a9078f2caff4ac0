//! Spectral normalization: a weight divided by its largest singular value, by power iteration.
//!
//! Source: `torch/nn/utils/spectral_norm.py`, `torch/nn/utils/parametrizations.py`.

use std::borrow::Borrow;

use tch::nn::Path;
use tch::{Tensor, no_grad};

use super::weight_norm::without_weight;
use crate::Result;
use crate::nn::functional::f_normalize;
use crate::nn::{Weighted, arguments, check_new, new_buffer, or_panic, refuse};

arguments! {
    /// The arguments of `spectral_norm`.
    #[derive(Clone, Copy, Debug)]
    pub struct SpectralNormConfig {
        /// The number of power iterations of each forward pass in training.
        n_power_iterations: i64 = 1,
        /// The lower bound of the norms.
        eps: f64 = 1e-12,
        /// The dimension that counts the outputs; `None` is 1 for transposed convolutions and 0 for
        /// other layers.
        dim: Option<i64> = None,
    }
}

/// A layer whose weight is divided by its spectral norm. In training, each forward pass improves
/// the vectors `u` and `v` first.
#[derive(Debug)]
pub struct SpectralNorm<L> {
    layer: L,
    /// The weight before the division.
    pub original: Tensor,
    /// The left singular vector.
    pub u: Tensor,
    /// The right singular vector.
    pub v: Tensor,
    dim: i64,
    config: SpectralNormConfig,
    first: First,
}

/// The vector that a power iteration updates first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum First {
    U,
    V,
}

/// `spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None)` of the layer
/// that `layer` makes.
///
/// Adds the layer's `bias`, `weight_orig` in place of its `weight`, and the buffers `weight_u` and
/// `weight_v`, drawn in this order after the layer.
///
/// # Panics
/// If [`f_spectral_norm`] returns an error.
#[track_caller]
pub fn spectral_norm<'a, L: Weighted>(
    vs: impl Borrow<Path<'a>>,
    config: SpectralNormConfig,
    layer: impl FnOnce(&Path<'_>) -> Result<L>,
) -> SpectralNorm<L> {
    or_panic(f_spectral_norm(vs, config, layer))
}

/// As [`spectral_norm`], but returns an error instead of panicking.
///
/// # Errors
/// If the layer cannot be made, an argument is out of range, or the path has a layer already.
pub fn f_spectral_norm<'a, L: Weighted>(
    vs: impl Borrow<Path<'a>>,
    config: SpectralNormConfig,
    layer: impl FnOnce(&Path<'_>) -> Result<L>,
) -> Result<SpectralNorm<L>> {
    let vs = vs.borrow();
    let names = [(vs, "weight_orig"), (vs, "weight_u"), (vs, "weight_v")];
    SpectralNorm::new(vs, names, config, First::V, layer)
}

impl<L: Weighted> SpectralNorm<L> {
    /// The layer with these names for its weight and the two vectors.
    pub(super) fn new(
        vs: &Path<'_>,
        [(of_original, original), (of_u, u), (of_v, v)]: [(&Path<'_>, &str); 3],
        config: SpectralNormConfig,
        first: First,
        layer: impl FnOnce(&Path<'_>) -> Result<L>,
    ) -> Result<Self> {
        if config.n_power_iterations <= 0 {
            return refuse(format!(
                "Expected n_power_iterations to be positive, but got n_power_iterations={}",
                config.n_power_iterations
            ));
        }
        let layer = without_weight(vs, layer)?;
        let weight = layer.weight().f_detach()?;
        let n = weight.dim() as i64;
        let dim = config.dim.unwrap_or(L::OUTPUT_DIM);
        if !(-n..n).contains(&dim) {
            return refuse(format!(
                "Dimension out of range (expected to be in range of [{}, {}] but got {dim})",
                -n,
                n - 1
            ));
        }
        let dim = if dim < 0 { dim + n } else { dim };
        let size = matrix(&weight, dim)?.size();
        let draw = |length: i64| -> Result<Tensor> {
            let drawn = Tensor::f_randn([length], (weight.kind(), weight.device()))?;
            f_normalize(&drawn, 2., 0, config.eps)
        };
        // Both are drawn before either is normalized, which draws nothing.
        let (drawn_u, drawn_v) = (draw(size[0])?, draw(size[1])?);
        check_new(of_original, original)?;
        Ok(Self {
            original: of_original.add(original, weight, true),
            u: new_buffer(of_u, u, drawn_u)?,
            v: new_buffer(of_v, v, drawn_v)?,
            layer,
            dim,
            config,
            first,
        })
    }

    /// Improves `u` and `v`.
    pub(super) fn iterate(&self, times: i64) -> Result<()> {
        no_grad(|| {
            let weight = matrix(&self.original, self.dim)?;
            let transposed = weight.f_transpose(0, 1)?;
            let update = |matrix: &Tensor, from: &Tensor, to: &Tensor| -> Result<()> {
                let product = f_normalize(&matrix.f_mv(from)?, 2., 0, self.config.eps)?;
                Ok(to.shallow_clone().f_copy_(&product)?)
            };
            for _ in 0..times {
                match self.first {
                    First::U => {
                        update(&weight, &self.v, &self.u)?;
                        update(&transposed, &self.u, &self.v)?;
                    }
                    First::V => {
                        update(&transposed, &self.u, &self.v)?;
                        update(&weight, &self.v, &self.u)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// The weight; in training, after power iterations.
    ///
    /// # Errors
    /// If libtorch refuses the parameters, as after one has been replaced.
    pub fn f_weight(&self, train: bool) -> Result<Tensor> {
        if train {
            self.iterate(self.config.n_power_iterations)?;
        }
        // Copies, because a later pass changes the vectors before this one's backward pass.
        let (u, v) = no_grad(|| (self.u.copy(), self.v.copy()));
        let sigma = u.f_dot(&matrix(&self.original, self.dim)?.f_mv(&v)?)?;
        Ok(self.original.f_div(&sigma)?)
    }

    /// As `forward_t`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let bias = self.layer.bias().map(Tensor::shallow_clone);
        let layer = self.layer.with_parameters(self.f_weight(train)?, bias);
        layer.f_output(xs)
    }
}

/// The weight as a matrix, with `dim` as its rows.
fn matrix(weight: &Tensor, dim: i64) -> Result<Tensor> {
    let others = (0..weight.dim() as i64).filter(|&i| i != dim);
    let order: Vec<i64> = [dim].into_iter().chain(others).collect();
    let weight = match dim {
        0 => weight.shallow_clone(),
        _ => weight.f_permute(&order[..])?,
    };
    Ok(weight.f_reshape([weight.size()[0], -1])?)
}

impl<L: Weighted> tch::nn::ModuleT for SpectralNorm<L> {
    #[track_caller]
    fn forward_t(&self, xs: &Tensor, train: bool) -> Tensor {
        or_panic(self.f_forward_t(xs, train))
    }
}
