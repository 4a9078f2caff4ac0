//! `torch.nn.utils.parametrizations`: the normalizations of [`utils`](super) under the names that
//! Python's parametrizations have in the state dict.
//!
//! Source: `torch/nn/utils/parametrizations.py`, `torch/nn/utils/parametrize.py`.

use std::borrow::Borrow;

use tch::nn::Path;

use super::spectral_norm::First;
use super::{SpectralNorm, SpectralNormConfig, WeightNorm};
use crate::Result;
use crate::nn::{Weighted, or_panic};

/// `weight_norm(module, name="weight", dim=0)` of the layer that `layer` makes: the norm is that of
/// each slice along `dim`, or of the whole weight if it is `None`.
///
/// Adds the layer's `bias`, `parametrizations.weight.original0`, the magnitudes, and `….original1`,
/// the directions, in place of its `weight`. Draws as the layer does.
///
/// # Panics
/// If [`f_weight_norm`] returns an error.
#[track_caller]
pub fn weight_norm<'a, L: Weighted>(
    vs: impl Borrow<Path<'a>>,
    dim: Option<i64>,
    layer: impl FnOnce(&Path<'_>) -> Result<L>,
) -> WeightNorm<L> {
    or_panic(f_weight_norm(vs, dim, layer))
}

/// As [`weight_norm`], but returns an error instead of panicking.
///
/// # Errors
/// If the layer cannot be made, the weight has no such dimension, or the path has a layer already.
pub fn f_weight_norm<'a, L: Weighted>(
    vs: impl Borrow<Path<'a>>,
    dim: Option<i64>,
    layer: impl FnOnce(&Path<'_>) -> Result<L>,
) -> Result<WeightNorm<L>> {
    let vs = vs.borrow();
    let list = vs / "parametrizations" / "weight";
    WeightNorm::new(vs, [(&list, "original0"), (&list, "original1")], dim, layer)
}

/// `spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None)` of the layer
/// that `layer` makes.
///
/// Adds the layer's `bias`, `parametrizations.weight.original` in place of its `weight`, and the
/// buffers `parametrizations.weight.0._u` and `….0._v`, drawn in this order after the layer and
/// improved by power iterations, as Python does when it registers the parametrization.
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
    let list = vs / "parametrizations" / "weight";
    let first = &list / 0;
    let names = [(&list, "original"), (&first, "_u"), (&first, "_v")];
    let layer = SpectralNorm::new(vs, names, config, First::U, layer)?;
    // 15 at construction; then Python calls the parametrization once to check its output.
    layer.iterate(15)?;
    layer.iterate(config.n_power_iterations)?;
    Ok(layer)
}
