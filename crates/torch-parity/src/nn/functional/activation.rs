//! The activations of `torch.nn.functional`, including softmax and related functions.

use tch::{Kind, Tensor};

use crate::nn::{functions, refuse};
use crate::{Result, native};

functions! {
    /// `F.leaky_relu(input, negative_slope=0.01)`: x where x > 0, else `negative_slope` · x.
    fn leaky_relu / f_leaky_relu(input: &Tensor, negative_slope: f64) -> Tensor {
        Ok(native::leaky_relu(input, negative_slope)?)
    }

    /// `F.elu(input, alpha=1.0)`: x where x > 0, else `alpha` · (eˣ − 1).
    fn elu / f_elu(input: &Tensor, alpha: f64) -> Tensor {
        Ok(native::elu(input, alpha)?)
    }

    /// `F.celu(input, alpha=1.0)`: max(0, x) + min(0, `alpha` · (e^(x / `alpha`) − 1)).
    fn celu / f_celu(input: &Tensor, alpha: f64) -> Tensor {
        Ok(native::celu(input, alpha)?)
    }

    /// `F.softplus(input, beta=1.0, threshold=20.0)`: ln(1 + e^(`beta` · x)) / `beta`, and x where
    /// `beta` · x > `threshold`.
    fn softplus / f_softplus(input: &Tensor, beta: f64, threshold: f64) -> Tensor {
        Ok(native::softplus(input, beta, threshold)?)
    }

    /// `F.hardtanh(input, min_val=-1.0, max_val=1.0)`: x clamped to [`min_val`, `max_val`].
    fn hardtanh / f_hardtanh(input: &Tensor, min_val: f64, max_val: f64) -> Tensor {
        if min_val > max_val {
            return refuse("min_val cannot be greater than max_val");
        }
        Ok(native::hardtanh(input, min_val, max_val)?)
    }

    /// `F.hardshrink(input, lambd=0.5)`: 0 where |x| ≤ `lambd`, else x.
    fn hardshrink / f_hardshrink(input: &Tensor, lambd: f64) -> Tensor {
        Ok(native::hardshrink(input, lambd)?)
    }

    /// `F.softshrink(input, lambd=0.5)`: 0 where |x| ≤ `lambd`, else x − `lambd` · sign(x).
    fn softshrink / f_softshrink(input: &Tensor, lambd: f64) -> Tensor {
        Ok(native::softshrink(input, lambd)?)
    }

    /// `F.rrelu(input, lower=1/8, upper=1/3, training=False)`: a leaky ReLU. In training the slope
    /// of each element is drawn from U(`lower`, `upper`); in evaluation it is the mean of the
    /// bounds.
    fn rrelu / f_rrelu(input: &Tensor, lower: f64, upper: f64, training: bool) -> Tensor {
        Ok(native::rrelu(input, lower, upper, training)?)
    }

    /// `F.threshold(input, threshold, value)`: x where x > `threshold`, else `value`.
    fn threshold / f_threshold(input: &Tensor, threshold: f64, value: f64) -> Tensor {
        Ok(input.f_threshold(threshold, value)?)
    }

    /// `F.selu(input)`: a scaled ELU that preserves mean 0 and variance 1.
    fn selu / f_selu(input: &Tensor) -> Tensor {
        Ok(input.f_selu()?)
    }

    /// `F.gelu(input, approximate="none")`: x · Φ(x), with the distribution function Φ of N(0, 1),
    /// or its approximation with `"tanh"`.
    fn gelu / f_gelu(input: &Tensor, approximate: &str) -> Tensor {
        Ok(input.f_gelu(approximate)?)
    }

    /// `F.glu(input, dim=-1)`: the first half along `dim` times the sigmoid of the second half.
    fn glu / f_glu(input: &Tensor, dim: i64) -> Tensor {
        if input.dim() == 0 {
            return refuse("glu does not support scalars because halving size must be even");
        }
        Ok(input.f_glu(dim)?)
    }

    /// `F.softmax(input, dim, dtype=None)`: eˣ divided by its sum along `dim`. With a `dtype`, the
    /// input is converted first.
    fn softmax / f_softmax(input: &Tensor, dim: i64, dtype: Option<Kind>) -> Tensor {
        Ok(input.f_softmax(dim, dtype)?)
    }

    /// `F.log_softmax(input, dim, dtype=None)`: the logarithm of [`softmax`].
    fn log_softmax / f_log_softmax(input: &Tensor, dim: i64, dtype: Option<Kind>) -> Tensor {
        Ok(input.f_log_softmax(dim, dtype)?)
    }

    /// `F.softmin(input, dim, dtype=None)`: the softmax of −x.
    fn softmin / f_softmin(input: &Tensor, dim: i64, dtype: Option<Kind>) -> Tensor {
        Ok(input.f_neg()?.f_softmax(dim, dtype)?)
    }

    /// `F.gumbel_softmax(logits, tau=1, hard=False, dim=-1)`: softmax of (`logits` + noise) /
    /// `tau`, with noise from the Gumbel distribution. With `hard`, the output is one-hot, with the
    /// gradient of the soft output. (Python's deprecated `eps` has no effect.)
    fn gumbel_softmax / f_gumbel_softmax(
        logits: &Tensor, tau: f64, hard: bool, dim: i64,
    ) -> Tensor {
        // Contiguous, whatever the memory layout of the logits.
        let empty = || Tensor::f_empty(logits.size(), (logits.kind(), logits.device()));
        let gumbels = empty()?.f_exponential_(1.)?.f_log()?.f_neg()?;
        let soft = logits.f_add(&gumbels)?.f_div_scalar(tau)?.f_softmax(dim, None::<Kind>)?;
        if !hard {
            return Ok(soft);
        }
        let (_, index) = soft.f_max_dim(dim, true)?;
        let one_hot = empty()?.f_zero_()?.f_scatter_value_(dim, &index, 1.)?;
        Ok(one_hot.f_sub(&soft.f_detach()?)?.f_add(&soft)?)
    }

    /// `F.tanhshrink(input)`: x − tanh(x).
    fn tanhshrink / f_tanhshrink(input: &Tensor) -> Tensor {
        Ok(input.f_sub(&input.f_tanh()?)?)
    }

    /// `F.softsign(input)`: x / (1 + |x|).
    fn softsign / f_softsign(input: &Tensor) -> Tensor {
        Ok(input.f_div(&(input.f_abs()?.f_add_scalar(1)?))?)
    }

    /// `F.relu(input)`: max(0, x).
    fn relu / f_relu(input: &Tensor) -> Tensor {
        Ok(input.f_relu()?)
    }

    /// `F.relu6(input)`: x clamped to [0, 6].
    fn relu6 / f_relu6(input: &Tensor) -> Tensor {
        Ok(input.f_relu6()?)
    }

    /// `F.sigmoid(input)`: 1 / (1 + e⁻ˣ).
    fn sigmoid / f_sigmoid(input: &Tensor) -> Tensor {
        Ok(input.f_sigmoid()?)
    }

    /// `F.logsigmoid(input)`: the logarithm of [`sigmoid`].
    fn logsigmoid / f_logsigmoid(input: &Tensor) -> Tensor {
        Ok(input.f_log_sigmoid()?)
    }

    /// `F.hardsigmoid(input)`: x/6 + 1/2 clamped to [0, 1].
    fn hardsigmoid / f_hardsigmoid(input: &Tensor) -> Tensor {
        Ok(input.f_hardsigmoid()?)
    }

    /// `F.hardswish(input)`: x · [`hardsigmoid`]\(x\).
    fn hardswish / f_hardswish(input: &Tensor) -> Tensor {
        Ok(input.f_hardswish()?)
    }

    /// `F.silu(input)`: x · [`sigmoid`]\(x\).
    fn silu / f_silu(input: &Tensor) -> Tensor {
        Ok(input.f_silu()?)
    }

    /// `F.mish(input)`: x · tanh(softplus(x)).
    fn mish / f_mish(input: &Tensor) -> Tensor {
        Ok(input.f_mish()?)
    }

    /// `F.tanh(input)`.
    fn tanh / f_tanh(input: &Tensor) -> Tensor {
        Ok(input.f_tanh()?)
    }

    /// `F.prelu(input, weight)`: x where x > 0, else `weight` · x, with one `weight` `(1,)` or one
    /// for each channel, `(C,)`.
    fn prelu / f_prelu(input: &Tensor, weight: &Tensor) -> Tensor {
        Ok(input.f_prelu(weight)?)
    }
}
