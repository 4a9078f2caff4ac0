//! Updates element by element: one pass over memory, or three, where tensor operations take up to
//! nine.
//!
//! What is done to an element is what the tensor operations of [`Adam`](super::Adam) and
//! [`Sgd`](super::Sgd) do, with the roundings of libtorch's kernels: `lerp`, `addcmul` and
//! `add(alpha)` multiply and add in one rounding, `addcdiv` rounds the product, the quotient and the
//! sum. The square root is libtorch's own, as that of the mathematics library behind it is not the
//! float32 nearest to the root: of 1,021 numbers, 170 differed on an AMD EPYC with AVX-512.
//!
//! libtorch chooses its kernels by the processor; so an optimizer finds out first whether the bits
//! are the same on the one at hand ([`same_bits`]), and else keeps to the tensor form.

use std::slice;

use tch::{Device, Kind, Tensor};

/// The numbers of one step of Adam that all elements share.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdamStep {
    /// What the parameter is multiplied by first: AdamW's weight decay, or 1.
    pub decay: f64,
    /// β₁ and β₂.
    pub betas: (f64, f64),
    /// The square root of the second bias correction.
    pub bias_correction2_sqrt: f64,
    /// ε.
    pub eps: f64,
    /// Learning rate ÷ first bias correction.
    pub step_size: f64,
}

/// Adam's update of a parameter and its two moments, in three passes, between which `denom` keeps
/// what is computed. Returns false, and does nothing, for tensors that are not made for it.
pub(super) fn adam(
    param: &mut Tensor,
    grad: &mut Tensor,
    [exp_avg, exp_avg_sq, denom]: [&mut Tensor; 3],
    step: &AdamStep,
) -> bool {
    let all = [&mut *grad, exp_avg, exp_avg_sq, param, denom];
    let done = with_elements(all, |[g, m, v, ..]| adam_moments(g, m, v, step.betas));
    done && {
        let _ = exp_avg_sq.sqrt_out(denom);
        with_elements([param, exp_avg, denom], |[p, m, d]| {
            adam_param(p, m, d, step)
        })
    }
}

/// SGD's update of a parameter: p − lr·g. Returns as [`adam`].
pub(super) fn sgd(param: &mut Tensor, grad: &mut Tensor, lr: f64) -> bool {
    with_elements([param, grad], |[p, g]| sgd_elements(p, g, lr))
}

/// SGD's update of a parameter and its momentum: b ← μ·b + (1 − dampening)·g, p − lr·b. Returns as
/// [`adam`].
pub(super) fn momentum(
    param: &mut Tensor,
    grad: &mut Tensor,
    buffer: &mut Tensor,
    [lr, momentum, dampening]: [f64; 3],
) -> bool {
    with_elements([param, grad, buffer], |[p, g, b]| {
        momentum_elements(p, g, b, [lr, momentum, dampening]);
    })
}

// In libtorch, too, numbers become float32 before they meet a tensor.

#[inline(always)]
fn adam_moments(g: &[f32], m: &mut [f32], v: &mut [f32], (beta1, beta2): (f64, f64)) {
    let lerp_weight = (1. - beta1) as f32;
    let (beta2, weight2) = (beta2 as f32, (1. - beta2) as f32);
    for ((&g, m), v) in g.iter().zip(m).zip(v) {
        *m = lerp_weight.mul_add(g - *m, *m);
        *v = (g * weight2).mul_add(g, *v * beta2);
    }
}

#[inline(always)]
fn adam_param(p: &mut [f32], m: &[f32], sqrt: &[f32], step: &AdamStep) {
    let (decay, eps) = (step.decay as f32, step.eps as f32);
    let bias_correction2_sqrt = step.bias_correction2_sqrt as f32;
    let minus_step_size = -step.step_size as f32;
    for ((p, &m), &sqrt) in p.iter_mut().zip(m).zip(sqrt) {
        let denom = sqrt / bias_correction2_sqrt + eps;
        *p = *p * decay + m * minus_step_size / denom;
    }
}

#[inline(always)]
fn sgd_elements(p: &mut [f32], g: &[f32], lr: f64) {
    let minus_lr = -lr as f32;
    for (p, &g) in p.iter_mut().zip(g) {
        *p = g.mul_add(minus_lr, *p);
    }
}

#[inline(always)]
fn momentum_elements(p: &mut [f32], g: &[f32], b: &mut [f32], [lr, momentum, dampening]: [f64; 3]) {
    let (minus_lr, momentum, weight) = (-lr as f32, momentum as f32, (1. - dampening) as f32);
    for ((p, &g), b) in p.iter_mut().zip(g).zip(b) {
        *b = g.mul_add(weight, *b * momentum);
        *p = b.mul_add(minus_lr, *p);
    }
}

/// Runs `update` over the elements of float32 tensors on the CPU that lie in order, are as many in
/// each, and share none. Returns false for other tensors.
fn with_elements<const N: usize>(
    tensors: [&mut Tensor; N],
    update: impl FnOnce([&mut [f32]; N]),
) -> bool {
    let count = tensors[0].numel();
    let fits = |tensor: &&mut Tensor| {
        tensor.numel() == count
            && tensor.kind() == Kind::Float
            && tensor.device() == Device::Cpu
            && tensor.is_contiguous()
    };
    if count == 0 || !tensors.iter().all(fits) {
        return false;
    }
    let starts = tensors.each_ref().map(|tensor| tensor.data_ptr() as usize);
    let apart = |(i, &a): (usize, &usize)| {
        let others = &starts[i + 1..];
        others
            .iter()
            .all(|&b| a.abs_diff(b) >= count * size_of::<f32>())
    };
    if !starts.iter().enumerate().all(apart) {
        return false;
    }
    let elements = tensors.map(|tensor| {
        // SAFETY: libtorch keeps `count` float32 from `data_ptr` on, in order, initialized and
        // aligned, for a contiguous float32 tensor on the CPU, as checked above, and keeps them as
        // long as `tensor`, which is borrowed. The slices do not overlap, as checked above. Nothing
        // else reads or writes these elements meanwhile: `update` runs on this thread and knows of
        // no tensor, and libtorch works on a tensor only when it is called. (A handle to the same
        // elements on another thread would be the data race that tch's own in-place operations
        // allow.)
        unsafe { slice::from_raw_parts_mut(tensor.data_ptr().cast(), count) }
    });
    with_fma(|| update(elements));
    true
}

/// Runs `update`, compiled for processors that multiply and add in one instruction where this is
/// one. On others `mul_add` rounds once, too, but slowly, and libtorch rounds twice.
#[inline(always)]
fn with_fma(update: impl FnOnce()) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn compiled_for_fma(update: impl FnOnce()) {
            update();
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has both features.
            return unsafe { compiled_for_fma(update) };
        }
    }
    update();
}

/// Whether two ways of updating parameters give the same bits on this processor: tried for a few
/// steps on numbers of many sizes, as many as fill libtorch's vectors and leave a rest.
pub(super) fn same_bits(
    mut one_way: impl FnMut(&mut Tensor, &mut Tensor),
    mut other_way: impl FnMut(&mut Tensor, &mut Tensor),
) -> bool {
    let mut params = [0, 1].map(|_| numbers(0));
    for step in 1..=3 {
        one_way(&mut params[0], &mut numbers(step));
        other_way(&mut params[1], &mut numbers(step));
        if !equal(&params[0], &params[1]) {
            return false;
        }
    }
    true
}

/// Whether two float32 tensors have the same bits.
pub(super) fn equal(a: &Tensor, b: &Tensor) -> bool {
    a.view_dtype(Kind::Int).equal(&b.view_dtype(Kind::Int))
}

/// Float32 numbers of either sign from about 1e-9 to 1e9, always the same for one `seed`. The global
/// generator is left alone.
pub(super) fn numbers(seed: u64) -> Tensor {
    const COUNT: u64 = 1021;
    let number = |i: u64| {
        // The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
        let mut bits = (seed * COUNT + i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let (sign, exponent) = (bits & 1 << 31, 97 + (bits >> 32) % 60);
        f32::from_bits((sign | exponent << 23 | bits & 0x7f_ffff) as u32)
    };
    Tensor::from_slice(&(0..COUNT).map(number).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(tensors: [&mut Tensor; 2]) -> bool {
        with_elements(tensors, |[a, b]| {
            for (a, b) in a.iter_mut().zip(b) {
                *a = *b * 2.;
            }
        })
    }

    #[test]
    fn elements_are_those_of_the_tensors() {
        let (mut a, mut b) = (numbers(0), numbers(1));
        assert!(double([&mut a, &mut b]));
        assert!(equal(&a, &(numbers(1) * 2.)));
        assert!(equal(&b, &numbers(1)));
        // A part of a tensor that lies in order, too; what is around it stays.
        let whole = numbers(0);
        assert!(double([
            &mut whole.narrow(0, 8, 4),
            &mut numbers(1).narrow(0, 0, 4)
        ]));
        assert!(equal(
            &whole.narrow(0, 8, 4),
            &(numbers(1).narrow(0, 0, 4) * 2.)
        ));
        for (start, length) in [(0, 8), (12, 1009)] {
            let around = |tensor: &Tensor| tensor.narrow(0, start, length);
            assert!(equal(&around(&whole), &around(&numbers(0))));
        }
    }

    #[test]
    fn other_tensors_are_left_alone() {
        let mut good = numbers(0);
        let mut others = [
            numbers(1).to_kind(Kind::Double),
            numbers(1).view_dtype(Kind::Int),
            numbers(1).narrow(0, 0, 1020),
            good.shallow_clone(),
        ];
        for other in &mut others[..3] {
            assert!(!double([&mut good, other]));
            assert!(!double([other, &mut good]));
        }
        assert!(
            !double([&mut good, &mut others[3]]),
            "the same elements twice"
        );
        // Every other element of a tensor.
        let mut strided = numbers(1).narrow(0, 0, 1020).view([510, 2]).select(1, 0);
        assert!(!double([&mut strided, &mut numbers(2).narrow(0, 0, 510)]));
        // Two parts of one tensor, that overlap and that do not.
        let whole = numbers(3);
        let [mut first, mut second] = [0, 10].map(|start| whole.narrow(0, start, 11));
        assert!(!double([&mut first, &mut second]));
        let [mut first, mut second] = [0, 11].map(|start| whole.narrow(0, start, 11));
        assert!(double([&mut first, &mut second]));
        let mut none = [0, 1].map(|_| Tensor::from_slice::<f32>(&[]));
        let [a, b] = &mut none;
        assert!(!double([a, b]));
        assert!(equal(&good, &numbers(0)));
    }

    #[test]
    fn one_rounding_more_is_seen() {
        let fused = |param: &mut Tensor, grad: &mut Tensor| {
            assert!(sgd(param, grad, 0.1));
        };
        assert!(same_bits(fused, fused));
        let twice = |param: &mut Tensor, grad: &mut Tensor| *param += &*grad * -0.1;
        assert!(!same_bits(fused, twice));
    }
}
