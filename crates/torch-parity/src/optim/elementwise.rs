//! Elementwise updates: one pass over memory, or three, where tensor operations need up to nine.
//!
//! Each element is computed as by the tensor operations of [`Adam`](super::Adam) and
//! [`Sgd`](super::Sgd), with the roundings of libtorch's kernels: `lerp`, `addcmul` and
//! `add(alpha)` multiply and add with one rounding, `addcdiv` rounds the product, the quotient and
//! the sum. The square root is libtorch's own, since its mathematics library does not always return
//! the float32 nearest to the root: of 1,021 numbers, 170 differed on an AMD EPYC with AVX-512.
//!
//! libtorch selects its kernels by the processor. Therefore the first step of a process checks that
//! the bits are equal on this processor ([`agrees`]); if not, all steps use the tensor form. The
//! tensors are checked once for each update, by constructing a value ([`Plain`]) from which the
//! passes run, so that either all of them run or none does.

use std::slice;

use tch::{Kind, Tensor, no_grad};

use super::rule::Rule;
use super::state::State;
use crate::Result;
use crate::native::{bump_version, plain_elements};

/// The numbers of one step of Adam that are the same for all elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdamStep {
    /// The factor by which the parameter is multiplied first: AdamW's weight decay, or 1.
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

/// Plain tensors of one shape that share no element: float32, contiguous in CPU memory, and neither
/// sparse nor negated, ZeroTensors, expanded or transposed.
pub(super) struct Plain<'a, const N: usize> {
    tensors: [&'a Tensor; N],
    elements: [*mut f32; N],
}

impl<'a, const N: usize> Plain<'a, N> {
    /// The tensors, if they are plain.
    pub fn of(tensors: [&'a Tensor; N]) -> Option<Self> {
        let elements = plain_elements(tensors)?;
        Some(Self { tensors, elements })
    }

    /// Increments autograd's version counters of the tensors with these indices, which are about to
    /// be written: once for each update, whereas Python increments it in each operation.
    fn writes(&self, numbers: &[usize]) -> Result<()> {
        for &number in numbers {
            bump_version(self.tensors[number])?;
        }
        Ok(())
    }

    /// Runs one pass over the elements.
    #[inline(always)]
    fn pass(&mut self, update: impl FnOnce([&mut [f32]; N])) {
        let count = self.tensors[0].numel();
        let elements = self.elements.map(|start| {
            // SAFETY: `plain_elements` found `count` float32 numbers at `start`, contiguous,
            // aligned and disjoint from those of the other tensors. They stay valid while the
            // tensors keep their shape and memory, which no call between there and here changes.
            // Nothing else reads or writes them meanwhile: `update` runs on this thread and has no
            // tensor, and libtorch works on a tensor only when called. (A handle to the same tensor
            // on another thread would be the data race that tch's own in-place operations allow.)
            unsafe { slice::from_raw_parts_mut(start, count) }
        });
        with_fma(|| update(elements));
    }
}

impl Plain<'_, 5> {
    /// Adam's update of a parameter and its two moments, in three passes. The tensors are the
    /// parameter, the gradient, both moments, and a buffer for the denominator.
    pub fn adam(mut self, step: &AdamStep) -> Result<()> {
        self.writes(&[0, 2, 3])?;
        self.pass(|[_, g, m, v, _]| adam_moments(g, m, v, step.betas));
        let [.., v, denom] = self.tensors;
        let _ = v.f_sqrt_out(denom)?;
        self.pass(|[p, _, m, _, sqrt]| adam_param(p, m, sqrt, step));
        Ok(())
    }
}

impl Plain<'_, 2> {
    /// SGD's update of a parameter, p − lr·g. The tensors are the parameter and the gradient.
    pub fn sgd(mut self, lr: f64) -> Result<()> {
        self.writes(&[0])?;
        self.pass(|[p, g]| sgd_elements(p, g, lr));
        Ok(())
    }
}

impl Plain<'_, 3> {
    /// SGD's update of a parameter and its momentum: b ← μ·b + (1 − dampening)·g, p − lr·b. The
    /// tensors are the parameter, the gradient and the momentum.
    pub fn momentum(mut self, numbers: [f64; 3]) -> Result<()> {
        self.writes(&[0, 2])?;
        self.pass(|[p, g, b]| momentum_elements(p, g, b, numbers));
        Ok(())
    }
}

// As in libtorch, numbers are converted to float32 before they are combined with a tensor.

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

/// Runs `update`, compiled with fused multiply-add if the processor has it. On other processors
/// `mul_add` also rounds once, but slowly, whereas libtorch rounds twice.
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

/// Returns true if both forms of a rule give the same bits on this processor, for a few steps on
/// numbers of many magnitudes. Their count fills libtorch's vectors and leaves a remainder. A form
/// that returns an error does not agree.
pub(super) fn agrees<R: Rule>(rules: &[R]) -> bool {
    no_grad(|| {
        let grads = || (1..=3).map(numbers);
        rules
            .iter()
            .all(|rule| both_agree(rule, numbers(0), grads()))
    })
}

/// Returns true if both forms of `rule` give the same bits for `param`, which is updated, and for
/// the state.
fn both_agree<R: Rule>(rule: &R, param: Tensor, grads: impl Iterator<Item = Tensor>) -> bool {
    let (Ok(mut one), Ok(mut other)) = (State::new(rule, &param), State::new(rule, &param)) else {
        return false;
    };
    let params_agree = same_bits(
        param,
        grads,
        |param, grad| rule.single_tensor(param, grad, &mut one).is_ok(),
        |param, grad| matches!(rule.elementwise(param, grad, &mut other), Ok(true)),
    );
    let mut states = one.tensors().zip(other.tensors());
    params_agree
        && one.tensors().count() == other.tensors().count()
        && states.all(|(one, other)| equal(one, other))
}

/// Returns true if two ways of updating `param` succeed and give the same bits after each step.
fn same_bits(
    mut param: Tensor,
    mut grads: impl Iterator<Item = Tensor>,
    mut one_way: impl FnMut(&mut Tensor, &Tensor) -> bool,
    mut other_way: impl FnMut(&mut Tensor, &Tensor) -> bool,
) -> bool {
    let mut copy = param.copy();
    grads.all(|grad| {
        one_way(&mut param, &grad) && other_way(&mut copy, &grad) && equal(&param, &copy)
    })
}

/// Returns true if two float32 tensors have the same bits.
fn equal(a: &Tensor, b: &Tensor) -> bool {
    a.view_dtype(Kind::Int).equal(&b.view_dtype(Kind::Int))
}

/// Float32 numbers of either sign from about 1e-9 to 1e9, always the same for one `seed`. The
/// global generator is not used.
fn numbers(seed: u64) -> Tensor {
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

/// Runs fifty steps of each rule, on a number of elements that leaves a remainder in vectors of any
/// length, and asserts that they have the bits of the tensor form. The form in use depends on the
/// processor; its bits do not.
#[cfg(test)]
pub(super) fn check_fifty_steps<R: Rule>(rules: &[R]) {
    use super::rule::update;
    println!("elementwise: {}", R::elementwise_is_exact());
    let columns = numbers(1).narrow(0, 0, 33).tanh();
    let matrix = |seed| numbers(seed).view([1021, 1]) * &columns;
    no_grad(|| {
        for rule in rules {
            let new_state = || State::new(rule, &columns).unwrap();
            assert!(matches!(
                rule.elementwise(&columns.copy(), &columns, &mut new_state()),
                Ok(true)
            ));
            let (mut in_use, mut tensors) = (None, State::new(rule, &matrix(0)).unwrap());
            let param = matrix(0);
            let agree = same_bits(
                param.shallow_clone(),
                (0..50).map(matrix),
                |param, grad| update(rule, param, grad, &mut in_use).is_ok(),
                |param, grad| rule.single_tensor(param, grad, &mut tensors).is_ok(),
            );
            assert!(agree, "{rule:?}");
            assert!(bool::try_from(param.isfinite().all()).unwrap());
            assert!(!equal(&param, &matrix(0)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(tensors: [&Tensor; 2]) -> bool {
        let Some(mut plain) = Plain::of(tensors) else {
            return false;
        };
        plain.pass(|[a, b]| {
            for (a, b) in a.iter_mut().zip(b) {
                *a = *b * 2.;
            }
        });
        true
    }

    #[test]
    fn elements_are_those_of_the_tensors() {
        let (a, b) = (numbers(0), numbers(1));
        assert!(double([&a, &b]));
        assert!(equal(&a, &(numbers(1) * 2.)));
        assert!(equal(&b, &numbers(1)));
        // A contiguous part of a tensor, too; the elements around it stay unchanged.
        let whole = numbers(0);
        assert!(double([
            &whole.narrow(0, 8, 4),
            &numbers(1).narrow(0, 0, 4)
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
        let good = numbers(0);
        let others = [
            numbers(1).to_kind(Kind::Double),
            numbers(1).view_dtype(Kind::Int),
            numbers(1).narrow(0, 0, 1020),
            numbers(1).view([1021, 1]),
            numbers(1).internal_neg_view(),
            numbers(1).to_sparse(None, None::<&[i64]>, None),
            Tensor::internal_efficientzerotensor([1021], (Kind::Float, tch::Device::Cpu)),
            numbers(1).narrow(0, 0, 1).expand([1021], false),
            Tensor::new(),
        ];
        for other in &others {
            assert!(!double([&good, other]), "{other:?}");
            assert!(!double([other, &good]), "{other:?}");
        }
        let same = good.shallow_clone();
        assert!(!double([&good, &same]), "the same elements twice");
        // Every other element of a tensor.
        let strided = numbers(1).narrow(0, 0, 1020).view([510, 2]).select(1, 0);
        assert!(!double([&strided, &numbers(2).narrow(0, 0, 510)]));
        // Two parts of one tensor, that overlap and that do not.
        let whole = numbers(3);
        let [first, second] = [0, 10].map(|start| whole.narrow(0, start, 11));
        assert!(!double([&first, &second]));
        let [first, second] = [0, 11].map(|start| whole.narrow(0, start, 11));
        assert!(double([&first, &second]));
        let [a, b] = [0, 1].map(|_| Tensor::from_slice::<f32>(&[]));
        assert!(!double([&a, &b]));
        assert!(equal(&good, &numbers(0)));
    }

    #[test]
    fn one_rounding_more_is_seen() {
        let grads = || (1..=3).map(numbers);
        let fused = |param: &mut Tensor, grad: &Tensor| {
            let plain = Plain::of([&*param, grad]).expect("plain tensors");
            plain.sgd(0.1).is_ok()
        };
        assert!(same_bits(numbers(0), grads(), fused, fused));
        let twice = |param: &mut Tensor, grad: &Tensor| {
            *param += grad * -0.1;
            true
        };
        assert!(!same_bits(numbers(0), grads(), fused, twice));
    }
}
