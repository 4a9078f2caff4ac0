//! `torch.nn.functional.dropout` and related functions.

use tch::Tensor;

use crate::Result;
use crate::nn::{functions, refuse};

functions! {
    /// `F.dropout(input, p=0.5, training=True)`: zeros elements and divides the others by 1 − p.
    fn dropout / f_dropout(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        Ok(input.f_dropout(p, training)?)
    }

    /// `F.alpha_dropout(input, p=0.5, training=False)`: preserves mean 0 and variance 1, for use
    /// with [`selu`](super::selu).
    fn alpha_dropout / f_alpha_dropout(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        Ok(input.f_alpha_dropout(p, training)?)
    }

    /// `F.feature_alpha_dropout(input, p=0.5, training=False)`: [`alpha_dropout`] for whole
    /// channels.
    fn feature_alpha_dropout / f_feature_alpha_dropout(
        input: &Tensor, p: f64, training: bool,
    ) -> Tensor {
        check_probability(p)?;
        Ok(input.f_feature_alpha_dropout(p, training)?)
    }

    /// `F.dropout1d(input, p=0.5, training=True)`: zeros whole channels of `(N, C, L)` or `(C, L)`.
    fn dropout1d / f_dropout1d(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        let dim = input.dim();
        if dim != 2 && dim != 3 {
            return refuse(format!(
                "dropout1d: Expected 2D or 3D input, but received a {dim}D input"
            ));
        }
        feature_dropout(input, p, training, 3)
    }

    /// `F.dropout2d(input, p=0.5, training=True)`: zeros whole channels of `(N, C, H, W)`. Three
    /// dimensions are `(N, C, L)` here, as in Python.
    fn dropout2d / f_dropout2d(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        Ok(input.f_feature_dropout(p, training)?)
    }

    /// `F.dropout3d(input, p=0.5, training=True)`: zeros whole channels of `(N, C, D, H, W)` or
    /// `(C, D, H, W)`.
    fn dropout3d / f_dropout3d(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        feature_dropout(input, p, training, 5)
    }
}

/// Returns an error unless `p` is from 0 to 1.
pub(in crate::nn) fn check_probability(p: f64) -> Result<()> {
    if (0. ..=1.).contains(&p) {
        return Ok(());
    }
    refuse(format!(
        "dropout probability has to be between 0 and 1, but got {p:?}"
    ))
}

/// Feature dropout for an input that may lack the batch dimension; `batched` is the number of
/// dimensions with it.
fn feature_dropout(input: &Tensor, p: f64, training: bool, batched: usize) -> Result<Tensor> {
    if input.dim() == batched {
        return Ok(input.f_feature_dropout(p, training)?);
    }
    let output = input.f_unsqueeze(0)?.f_feature_dropout(p, training)?;
    Ok(output.f_squeeze_dim(0)?)
}
