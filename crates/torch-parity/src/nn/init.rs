//! `torch.nn.init`: the initialization of parameters.
//!
//! The functions whose names end in `_` fill an existing tensor, without gradient and in the same
//! order as Python's. The others are initializations for the layers of [`nn`](super).
//!
//! Source: `torch/nn/init.py`.

use tch::nn::Init;
pub use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use tch::{Device, Kind, Tensor, no_grad};

use super::{functions, refuse};
use crate::Result;

/// `kaiming_uniform_(weight, a=a)`, for a leaky ReLU of negative slope `a`: U(−b, b) with
/// b = √3 · gain / √fan_in and gain = √(2 / (1 + a²)). For a = √5, the default of most layers, b is
/// 1/√fan_in.
pub fn kaiming_uniform(a: f64) -> Init {
    Init::Kaiming {
        dist: NormalOrUniform::Uniform,
        fan: FanInOut::FanIn,
        non_linearity: leaky_relu(a),
    }
}

/// The bias initialization of most layers: U(−1/√fan_in, 1/√fan_in), or zeros if fan_in is 0.
pub(super) fn bias_uniform(fan_in: i64) -> Init {
    let bound = match fan_in {
        0 => 0.,
        _ => 1.0 / (fan_in as f64).sqrt(),
    };
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// The bias initialization meant by `init`. A bias has no fan-in of its own, so the default of a
/// layer's weight, `kaiming_uniform(√5)`, means [`bias_uniform`] with the fan-in of the weight.
pub(super) fn bias_init(init: Init, weight: &Tensor) -> Init {
    match is_default(init) {
        true => bias_uniform(weight.size()[1..].iter().product()),
        false => init,
    }
}

/// Returns true if `init` is the default of a layer's weight, `kaiming_uniform(√5)`.
pub(super) fn is_default(init: Init) -> bool {
    let gain = |init| match init {
        Init::Kaiming {
            dist: NormalOrUniform::Uniform,
            fan: FanInOut::FanIn,
            non_linearity: NonLinearity::ExplicitGain(gain),
        } => Some(gain),
        _ => None,
    };
    gain(init) == gain(kaiming_uniform(5f64.sqrt()))
}

/// `"leaky_relu"` with a negative slope, by default 0 in Python's `kaiming_uniform_` and
/// `kaiming_normal_` and 0.01 in `calculate_gain`. The other nonlinearities are `tch`'s.
pub fn leaky_relu(negative_slope: f64) -> NonLinearity {
    NonLinearity::ExplicitGain((2. / (1. + negative_slope * negative_slope)).sqrt())
}

/// `nn.init.calculate_gain(nonlinearity, param)`.
pub fn calculate_gain(nonlinearity: NonLinearity) -> f64 {
    nonlinearity.gain()
}

/// The fan-in and the fan-out.
fn fan_in_and_out(tensor: &Tensor) -> Result<(f64, f64)> {
    let size = tensor.size();
    let [outputs, inputs, field @ ..] = &size[..] else {
        return refuse(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
        );
    };
    let field: i64 = field.iter().product();
    Ok(((inputs * field) as f64, (outputs * field) as f64))
}

fn correct_fan(tensor: &Tensor, mode: FanInOut) -> Result<f64> {
    let (fan_in, fan_out) = fan_in_and_out(tensor)?;
    Ok(match mode {
        FanInOut::FanIn => fan_in,
        FanInOut::FanOut => fan_out,
    })
}

/// The standard deviation of Xavier's rules.
fn xavier_std(tensor: &Tensor, gain: f64) -> Result<f64> {
    let (fan_in, fan_out) = fan_in_and_out(tensor)?;
    Ok(gain * (2. / (fan_in + fan_out)).sqrt())
}

functions! {
    /// `uniform_(tensor, a=0.0, b=1.0)`: from U(a, b).
    fn uniform_ / f_uniform_(tensor: &mut Tensor, a: f64, b: f64) -> () {
        let _ = no_grad(|| tensor.f_uniform_(a, b))?;
        Ok(())
    }

    /// `normal_(tensor, mean=0.0, std=1.0)`: from N(mean, std²).
    fn normal_ / f_normal_(tensor: &mut Tensor, mean: f64, std: f64) -> () {
        let _ = no_grad(|| tensor.f_normal_(mean, std))?;
        Ok(())
    }

    /// `constant_(tensor, val)`.
    fn constant_ / f_constant_(tensor: &mut Tensor, val: f64) -> () {
        let _ = no_grad(|| tensor.f_fill_(val))?;
        Ok(())
    }

    /// `ones_(tensor)`.
    fn ones_ / f_ones_(tensor: &mut Tensor) -> () {
        f_constant_(tensor, 1.)
    }

    /// `zeros_(tensor)`.
    fn zeros_ / f_zeros_(tensor: &mut Tensor) -> () {
        let _ = no_grad(|| tensor.f_zero_())?;
        Ok(())
    }

    /// `eye_(tensor)`: ones on the diagonal of an `(n, m)` tensor, zeros elsewhere.
    fn eye_ / f_eye_(tensor: &mut Tensor) -> () {
        let &[n, m] = &tensor.size()[..] else {
            return refuse("Only tensors with 2 dimensions are supported");
        };
        no_grad(|| tensor.f_copy_(&Tensor::f_eye_m(n, m, (tensor.kind(), tensor.device()))?))?;
        Ok(())
    }

    /// `dirac_(tensor, groups=1)`: a convolution weight that passes on its input, as far as there
    /// are channels.
    fn dirac_ / f_dirac_(tensor: &mut Tensor, groups: i64) -> () {
        let size = tensor.size();
        if !(3..=5).contains(&size.len()) {
            return refuse("Only tensors with 3, 4, or 5 dimensions are supported");
        }
        if groups <= 0 || size[0] % groups != 0 {
            return refuse("dim 0 must be divisible by groups");
        }
        let channels = size[0] / groups;
        no_grad(|| {
            let _ = tensor.f_zero_()?;
            for group in 0..groups {
                for channel in 0..channels.min(size[1]) {
                    let mut element = tensor.f_get(group * channels + channel)?.f_get(channel)?;
                    for length in &size[2..] {
                        element = element.f_get(length / 2)?;
                    }
                    let _ = element.f_fill_(1)?;
                }
            }
            Ok(())
        })
    }

    /// `xavier_uniform_(tensor, gain=1.0)`: from U(−a, a), a = gain · √(6 / (fan_in + fan_out)).
    fn xavier_uniform_ / f_xavier_uniform_(tensor: &mut Tensor, gain: f64) -> () {
        let bound = 3f64.sqrt() * xavier_std(tensor, gain)?;
        f_uniform_(tensor, -bound, bound)
    }

    /// `xavier_normal_(tensor, gain=1.0)`: from N(0, s²), s = gain · √(2 / (fan_in + fan_out)).
    fn xavier_normal_ / f_xavier_normal_(tensor: &mut Tensor, gain: f64) -> () {
        let std = xavier_std(tensor, gain)?;
        f_normal_(tensor, 0., std)
    }

    /// `kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu")`: from U(−b, b),
    /// b = gain · √(3 / fan). Python's `a` is the slope in [`leaky_relu`].
    fn kaiming_uniform_ / f_kaiming_uniform_(
        tensor: &mut Tensor, mode: FanInOut, nonlinearity: NonLinearity,
    ) -> () {
        if tensor.size().contains(&0) {
            return Ok(());
        }
        let std = calculate_gain(nonlinearity) / correct_fan(tensor, mode)?.sqrt();
        let bound = 3f64.sqrt() * std;
        f_uniform_(tensor, -bound, bound)
    }

    /// `kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu")`: from N(0, s²),
    /// s = gain / √fan. Python's `a` is the slope in [`leaky_relu`].
    fn kaiming_normal_ / f_kaiming_normal_(
        tensor: &mut Tensor, mode: FanInOut, nonlinearity: NonLinearity,
    ) -> () {
        if tensor.size().contains(&0) {
            return Ok(());
        }
        let std = calculate_gain(nonlinearity) / correct_fan(tensor, mode)?.sqrt();
        f_normal_(tensor, 0., std)
    }

    /// `orthogonal_(tensor, gain=1)`: makes the rows or columns of a flattened `(n, …)` tensor
    /// orthogonal, with length `gain`.
    fn orthogonal_ / f_orthogonal_(tensor: &mut Tensor, gain: f64) -> () {
        let size = tensor.size();
        if size.len() < 2 {
            return refuse("Only tensors with 2 or more dimensions are supported");
        }
        if size.contains(&0) {
            return Ok(());
        }
        let (rows, cols) = (size[0], size[1..].iter().product::<i64>());
        no_grad(|| {
            let mut flat = Tensor::f_empty([rows, cols], (tensor.kind(), tensor.device()))?;
            let mut flat = flat.f_normal_(0., 1.)?;
            if rows < cols {
                flat = flat.f_t_()?;
            }
            let (mut q, r) = Tensor::f_linalg_qr(&flat, "reduced")?;
            let signs = r.f_diag(0)?.f_sign()?;
            q = q.f_mul_(&signs)?;
            if rows < cols {
                q = q.f_t_()?;
            }
            tensor.f_view([rows, cols])?.f_copy_(&q)?;
            let _ = tensor.f_mul_scalar_(gain)?;
            Ok(())
        })
    }

    /// `sparse_(tensor, sparsity, std=0.01)`: from N(0, std²), with ⌈sparsity · n⌉ zeros in each
    /// column of an `(n, m)` tensor.
    fn sparse_ / f_sparse_(tensor: &mut Tensor, sparsity: f64, std: f64) -> () {
        let &[rows, cols] = &tensor.size()[..] else {
            return refuse("Only tensors with 2 dimensions are supported");
        };
        let zeros = (sparsity * rows as f64).ceil() as i64;
        no_grad(|| {
            let _ = tensor.f_normal_(0., std)?;
            for col in 0..cols {
                let order = Tensor::f_randperm(rows, (Kind::Int64, Device::Cpu))?;
                // As a slice in Python: the part beyond the end is empty, and a negative number
                // counts from the end.
                let count = if zeros < 0 { (rows + zeros).max(0) } else { zeros.min(rows) };
                let zeroed = order.f_narrow(0, 0, count)?.f_to(tensor.device())?;
                let _ = tensor.f_select(1, col)?.f_index_fill_(0, &zeroed, 0)?;
            }
            Ok(())
        })
    }

    /// `trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0)`: from N(mean, std²), truncated to
    /// [`a`, `b`].
    ///
    /// Drawn by rejection, as in torch 2.13.
    fn trunc_normal_ / f_trunc_normal_(
        tensor: &mut Tensor, mean: f64, std: f64, a: f64, b: f64,
    ) -> () {
        let below = |x: f64| (1. + erf(((x - mean) / std) / 2f64.sqrt())) / 2.;
        match below(b) - below(a) > 0.3 {
            true => no_grad(|| reject_normal(tensor, mean, std, a, b)),
            false => no_grad(|| reject_uniform(tensor, mean, std, a, b)),
        }
    }
}

/// The error function. It only selects one of two ways of drawing; no drawn number depends on it.
fn erf(x: f64) -> f64 {
    f64::try_from(Tensor::from(x).erf()).expect("one number")
}

/// Redraws the numbers outside the bounds, for bounds that exclude little.
fn reject_normal(tensor: &mut Tensor, mean: f64, std: f64, a: f64, b: f64) -> Result<()> {
    // The bounds in the tensor's dtype, so that the comparison does not round.
    let bound =
        |x: f64| f64::try_from(Tensor::from(x).to_kind(tensor.kind()).to_kind(Kind::Double));
    let (lo, hi) = (bound(a)?, bound(b)?);
    let mut result = tensor.f_normal_(mean, std)?;
    loop {
        let outside = result.f_lt(lo)?.f_bitwise_or_tensor(&result.f_gt(hi)?)?;
        if i64::try_from(outside.f_any()?)? == 0 {
            break;
        }
        let again = result.f_empty_like()?.f_normal_(mean, std)?;
        result = again.f_where_self(&outside, &result)?;
    }
    tensor.f_copy_(&result)?;
    Ok(())
}

/// Draws uniformly and rejects by the density, for bounds that exclude a lot.
fn reject_uniform(tensor: &mut Tensor, mean: f64, std: f64, a: f64, b: f64) -> Result<()> {
    let mode = a.max(mean.min(b));
    let log_peak = -0.5 * ((mode - mean) / std).powi(2);
    let density = |candidates: &Tensor| -> Result<Tensor> {
        let distance = candidates.f_sub_scalar(mean)?.f_div_scalar(std)?;
        let log = distance.f_pow_tensor_scalar(2)?.f_mul_scalar(-0.5)?;
        Ok(log.f_sub_scalar(log_peak)?)
    };
    let mut level = tensor.f_empty_like()?;
    let mut candidates = tensor.f_empty_like()?;
    let mut result = tensor.f_uniform_(a, b)?;
    let mut rejects = |density: Tensor| -> Result<Tensor> {
        Ok(level.f_uniform_(0., 1.)?.f_log_()?.f_gt_tensor(&density)?)
    };
    let mut pending = rejects(density(&result)?)?;
    while i64::try_from(pending.f_any()?)? != 0 {
        let drawn = candidates.f_uniform_(a, b)?;
        result = drawn.f_where_self(&pending, &result)?;
        pending = pending.f_logical_and(&rejects(density(&drawn)?)?)?;
    }
    tensor.f_copy_(&result)?;
    Ok(())
}
