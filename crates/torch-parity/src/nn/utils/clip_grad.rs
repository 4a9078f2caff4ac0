//! Gradient clipping, between the backward pass and the optimizer's step.
//!
//! Source: `torch/nn/utils/clip_grad.py`, as executed on a CPU.

use tch::{Tensor, no_grad};

use crate::{Error, Result};

/// `clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)`: scales all gradients so
/// that their total norm, as that of one vector, is at most `max_norm`. Python's defaults are
/// `norm_type=2` and `error_if_nonfinite=False`; [`f64::INFINITY`] as `norm_type` is the maximum
/// norm. Parameters without a gradient are skipped.
///
/// Returns the norm before clipping, a scalar. If it is not finite, neither are the gradients
/// afterwards, unless `error_if_nonfinite` is set.
///
/// # Errors
/// If libtorch cannot compute the norm of a gradient, for example of a sparse one, or is out of
/// memory; with `error_if_nonfinite`, if the norm is infinite or NaN, and then no gradient is
/// scaled.
///
/// ```
/// use torch_parity::nn::utils::clip_grad_norm_;
/// use tch::{Kind, Tensor};
/// let w = Tensor::from_slice(&[3f32, 4.]).set_requires_grad(true);
/// (&w * &w / 2.).sum(Kind::Float).backward();
/// let norm = clip_grad_norm_(&[w.shallow_clone()], 1., 2., false)?;
/// assert_eq!(norm, Tensor::from(5f32));
/// assert!(w.grad().norm().double_value(&[]) < 1.);
/// # Ok::<(), torch_parity::Error>(())
/// ```
pub fn clip_grad_norm_(
    parameters: &[Tensor],
    max_norm: f64,
    norm_type: f64,
    error_if_nonfinite: bool,
) -> Result<Tensor> {
    let gradients = gradients(parameters)?;
    let total_norm = get_total_norm(&gradients, norm_type, error_if_nonfinite)?;
    clip_grads_with_norm_(parameters, max_norm, &total_norm)?;
    Ok(total_norm)
}

/// `get_total_norm(tensors, norm_type, error_if_nonfinite)`: the norm of all tensors as of one
/// vector, a scalar; 0 if there are no tensors.
///
/// # Errors
/// See [`clip_grad_norm_`].
pub fn get_total_norm(
    tensors: &[Tensor],
    norm_type: f64,
    error_if_nonfinite: bool,
) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        return Ok(Tensor::from(0f32)); // torch.tensor(0.0)
    };
    // torch.linalg.vector_norm over all dimensions, under tch's name.
    let norm = |tensor: &Tensor| tensor.f_norm_scalaropt_dim(norm_type, &[] as &[i64], false);
    no_grad(|| {
        let mut norms = Vec::new();
        for tensor in tensors {
            norms.push(norm(tensor)?.f_to_device(first.device())?);
        }
        let total_norm = norm(&Tensor::f_stack(&norms, 0)?)?;
        if error_if_nonfinite && !total_norm.f_double_value(&[])?.is_finite() {
            return Err(Error::Tensor(format!(
                "The total norm of order {norm_type:?} for gradients from `parameters` is \
                 non-finite, so it cannot be clipped. To disable this error and scale the \
                 gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
            )));
        }
        Ok(total_norm)
    })
}

/// `clip_grads_with_norm_(parameters, max_norm, total_norm)`: scales the gradients as if their norm
/// were `total_norm`.
///
/// # Errors
/// See [`clip_grad_norm_`].
pub fn clip_grads_with_norm_(
    parameters: &[Tensor],
    max_norm: f64,
    total_norm: &Tensor,
) -> Result<()> {
    no_grad(|| {
        // max_norm / (total_norm + 1e-6), which Python computes as the reciprocal times max_norm.
        let scale = total_norm.f_add_scalar(1e-6)?.f_reciprocal()?;
        let scale = scale.f_mul_scalar(max_norm)?.f_clamp_max(1.)?;
        for mut gradient in gradients(parameters)? {
            let _ = gradient.f_mul_(&scale.f_to_device(gradient.device())?)?;
        }
        Ok(())
    })
}

/// `clip_grad_value_(parameters, clip_value)`: clamps each element of the gradients to
/// [−`clip_value`, `clip_value`].
///
/// # Errors
/// See [`clip_grad_norm_`].
/// As [`clip_grad_norm_`].
pub fn clip_grad_value_(parameters: &[Tensor], clip_value: f64) -> Result<()> {
    no_grad(|| {
        for grad in &mut gradients(parameters)? {
            let _ = grad.f_clamp_(-clip_value, clip_value)?;
        }
        Ok(())
    })
}

/// The gradients of the parameters that have one.
fn gradients(parameters: &[Tensor]) -> Result<Vec<Tensor>> {
    let mut gradients = Vec::new();
    for parameter in parameters {
        let gradient = parameter.f_grad()?;
        if !gradient.defined() {
            continue;
        }
        // tch's functions that take a number panic if libtorch refuses the tensor.
        if gradient.is_sparse() {
            return Err(Error::Tensor("a sparse gradient cannot be clipped".into()));
        }
        gradients.push(gradient);
    }
    Ok(gradients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn sparse_gradients_are_refused() {
        let w = Tensor::ones([4, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let indices = Tensor::from_slice(&[1i64, 2]);
        Tensor::embedding(&w, &indices, -1, false, true)
            .sum(Kind::Float)
            .backward();
        assert!(w.grad().is_sparse());
        let refused = "a sparse gradient cannot be clipped";
        let norm = clip_grad_norm_(&[w.shallow_clone()], 1., 2., false);
        assert_eq!(norm.unwrap_err().to_string(), refused);
        let value = clip_grad_value_(&[w], 1.);
        assert_eq!(value.unwrap_err().to_string(), refused);
    }
}
