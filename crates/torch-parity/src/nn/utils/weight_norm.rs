//! Weight normalization: a weight as a magnitude times a direction.
//!
//! Source: `torch/nn/utils/weight_norm.py`, `torch/nn/utils/parametrizations.py`.

use std::borrow::Borrow;

use tch::nn::{Path, VarStore};
use tch::{Tensor, no_grad};

use crate::Result;
use crate::nn::{Weighted, check_new, or_panic};

/// A layer whose weight is `g` · `v` / ‖`v`‖.
#[derive(Debug)]
pub struct WeightNorm<L> {
    layer: L,
    /// The magnitudes: the size of the weight along `dim`, and 1 elsewhere.
    pub g: Tensor,
    /// The directions, of the weight's shape.
    pub v: Tensor,
    dim: i64,
}

/// `weight_norm(module, name="weight", dim=0)` of the layer that `layer` makes: the norm is that of
/// each slice along `dim`, or of the whole weight if it is `None`.
///
/// Adds the layer's `bias`, `weight_g` and `weight_v`, in place of its `weight`. Draws as the layer
/// does.
///
/// ```
/// use torch_parity::nn::{self, ModuleT, utils::weight_norm};
/// use tch::{Device, Kind, Tensor};
/// let vs = nn::VarStore::new(Device::Cpu);
/// // self.fc = weight_norm(nn::Linear(4, 3))
/// let fc = weight_norm(vs.root() / "fc", Some(0), |vs| nn::f_linear(vs, 4, 3, Default::default()));
/// assert_eq!(fc.forward_t(&Tensor::ones([2, 4], (Kind::Float, Device::Cpu)), true).size(), [2, 3]);
/// assert_eq!(vs.variables()["fc.weight_g"].size(), [3, 1]);
/// ```
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
    WeightNorm::new(vs, [(vs, "weight_g"), (vs, "weight_v")], dim, layer)
}

impl<L: Weighted> WeightNorm<L> {
    /// The layer with these names for its magnitudes and directions.
    pub(super) fn new(
        vs: &Path<'_>,
        [(of_g, g), (of_v, v)]: [(&Path<'_>, &str); 2],
        dim: Option<i64>,
        layer: impl FnOnce(&Path<'_>) -> Result<L>,
    ) -> Result<Self> {
        let dim = dim.unwrap_or(-1);
        let layer = without_weight(vs, layer)?;
        let weight = layer.weight().f_detach()?;
        let norms = no_grad(|| Tensor::f_norm_except_dim(&weight, 2, dim))?;
        check_new(of_g, g)?;
        check_new(of_v, v)?;
        Ok(Self {
            g: of_g.add(g, norms, true),
            v: of_v.add(v, weight, true),
            layer,
            dim,
        })
    }

    /// The weight.
    ///
    /// # Errors
    /// If libtorch refuses the parameters, as after one has been replaced.
    pub fn f_weight(&self) -> Result<Tensor> {
        Ok(Tensor::f_internal_weight_norm(&self.v, &self.g, self.dim)?)
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let bias = self.layer.bias().map(Tensor::shallow_clone);
        let layer = self.layer.with_parameters(self.f_weight()?, bias);
        layer.f_output(xs)
    }
}

/// The layer that `layer` makes, with its bias as a variable of `vs`, and its weight none.
pub(super) fn without_weight<L: Weighted>(
    vs: &Path<'_>,
    layer: impl FnOnce(&Path<'_>) -> Result<L>,
) -> Result<L> {
    let mut scratch = VarStore::new(vs.device());
    scratch.set_kind(vs.kind());
    let layer = layer(&scratch.root())?;
    if let Some(bias) = layer.bias() {
        check_new(vs, "bias")?;
        let _ = vs.add("bias", bias.shallow_clone(), true);
    }
    Ok(layer)
}

impl<L: Weighted> tch::nn::Module for WeightNorm<L> {
    #[track_caller]
    fn forward(&self, xs: &Tensor) -> Tensor {
        or_panic(self.f_forward(xs))
    }
}
