//! Losses based on distances and ranks.

use tch::Tensor;

use super::Reduction;
use crate::Result;
use crate::nn::functional::f_pairwise_distance;
use crate::nn::{functions, refuse};

/// A distance between two batches of samples, one number for each sample.
pub type Distance<'a> = &'a dyn Fn(&Tensor, &Tensor) -> Tensor;

functions! {
    /// `F.margin_ranking_loss(input1, input2, target, margin=0.0, reduction="mean")`: max(0, −y ·
    /// (x₁ − x₂) + `margin`), y = ±1.
    fn margin_ranking_loss / f_margin_ranking_loss(
        input1: &Tensor, input2: &Tensor, target: &Tensor, margin: f64, reduction: Reduction,
    ) -> Tensor {
        let n = input1.dim();
        if n != input2.dim() || n != target.dim() {
            let [a, b, c] = [input1, input2, target].map(super::shown_size);
            return refuse(format!(
                "margin_ranking_loss : All input tensors should have same dimension but got sizes: \
                 input1: {a}, input2: {b}, target: {c} "
            ));
        }
        let reduction = reduction.known()?;
        Ok(Tensor::f_margin_ranking_loss(input1, input2, target, margin, reduction)?)
    }

    /// `F.hinge_embedding_loss(input, target, margin=1.0, reduction="mean")` for distances: x where
    /// y = 1, and max(0, `margin` − x) where y = −1.
    fn hinge_embedding_loss / f_hinge_embedding_loss(
        input: &Tensor, target: &Tensor, margin: f64, reduction: Reduction,
    ) -> Tensor {
        Ok(input.f_hinge_embedding_loss(target, margin, reduction.known()?)?)
    }

    /// `F.cosine_embedding_loss(input1, input2, target, margin=0.0, reduction="mean")` for inputs
    /// `(N, D)` or `(D,)`: 1 − cos(x₁, x₂) where y = 1, and max(0, cos(x₁, x₂) − `margin`) where y
    /// = −1.
    fn cosine_embedding_loss / f_cosine_embedding_loss(
        input1: &Tensor, input2: &Tensor, target: &Tensor, margin: f64, reduction: Reduction,
    ) -> Tensor {
        let reduction = reduction.known()?;
        Ok(Tensor::f_cosine_embedding_loss(input1, input2, target, margin, reduction)?)
    }

    /// `F.triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False,
    /// reduction="mean")` for inputs `(N, D)` or `(D,)`: max(0, d(a, p) − d(a, n) + `margin`), with
    /// the distance d of [`pairwise_distance`](super::super::pairwise_distance). With `swap`, d(p,
    /// n) replaces d(a, n) if it is smaller.
    fn triplet_margin_loss / f_triplet_margin_loss(
        anchor: &Tensor, positive: &Tensor, negative: &Tensor, margin: f64, p: f64, eps: f64,
        swap: bool, reduction: Reduction,
    ) -> Tensor {
        let reduction = reduction.known()?;
        check_margin(margin)?;
        Ok(Tensor::f_triplet_margin_loss(
            anchor, positive, negative, margin, p, eps, swap, reduction,
        )?)
    }

    /// `F.triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=None,
    /// margin=1.0, swap=False, reduction="mean")`: [`triplet_margin_loss`] with another distance,
    /// by default `pairwise_distance`.
    fn triplet_margin_with_distance_loss / f_triplet_margin_with_distance_loss(
        anchor: &Tensor, positive: &Tensor, negative: &Tensor,
        distance_function: Option<Distance<'_>>, margin: f64, swap: bool,
        reduction: Reduction,
    ) -> Tensor {
        reduction.known()?;
        check_margin(margin)?;
        let [a, p, n] = [anchor, positive, negative].map(Tensor::dim);
        if a != p || p != n {
            return refuse(format!(
                "The anchor, positive, and negative tensors are expected to have the same number of \
                 dimensions, but got: anchor {a}D, positive {p}D, and negative {n}D inputs"
            ));
        }
        let distance = |a: &Tensor, b: &Tensor| match distance_function {
            Some(distance) => Ok(distance(a, b)),
            None => f_pairwise_distance(a, b, 2., 1e-6, false),
        };
        let to_positive = distance(anchor, positive)?;
        let mut to_negative = distance(anchor, negative)?;
        if swap {
            to_negative = to_negative.f_minimum(&distance(positive, negative)?)?;
        }
        let loss = to_positive.f_add_scalar(margin)?.f_sub(&to_negative)?.f_clamp_min(0)?;
        reduction.of(loss)
    }
}

fn check_margin(margin: f64) -> Result<()> {
    if margin <= 0. {
        return refuse(format!("margin must be greater than 0, got {margin:?}"));
    }
    Ok(())
}
