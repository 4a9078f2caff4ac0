//! What libtorch can do and `tch` cannot say: the only place that calls `native.cpp`.
//!
//! The C++ side catches every exception. `build.rs` compiles it, in about 2 s of processor time.

// The optimizers are about to call the rest.
#![allow(dead_code)]

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use tch::Tensor;
use torch_sys::C_tensor;

/// What libtorch refused, in one line of its own words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NativeError(String);

unsafe extern "C" {
    fn final_layer_free(text: *mut c_char);
    fn final_layer_rng_state(state: *mut *mut C_tensor) -> *mut c_char;
    fn final_layer_set_rng_state(state: *const C_tensor) -> *mut c_char;
    fn final_layer_set_grad_to_none(tensor: *mut C_tensor) -> *mut c_char;
    fn final_layer_bump_version(tensor: *const C_tensor) -> *mut c_char;
    fn final_layer_tensor_id(tensor: *const C_tensor) -> *const c_void;
    fn final_layer_is_grad_enabled() -> bool;
    fn final_layer_is_plain_f32(tensor: *const C_tensor) -> bool;
}

/// Activations with the arguments that `tch` leaves at their defaults.
macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident = $native:ident($($arg:ident: $type:ty),+);)+) => {
        unsafe extern "C" {
            $(fn $native(
                output: *mut *mut C_tensor,
                input: *const C_tensor,
                $($arg: $type),+
            ) -> *mut c_char;)+
        }

        $($(#[$doc])*
        pub(crate) fn $name(input: &Tensor, $($arg: $type),+) -> Result<Tensor, NativeError> {
            let mut output = ptr::null_mut();
            // SAFETY: `output` is a place for one pointer, which the function fills where it
            // succeeds; the other pointer is valid while `input` is borrowed.
            check(unsafe { $native(&mut output, input.as_ptr(), $($arg),+) })?;
            // SAFETY: it points to a tensor that C++ made for this caller alone.
            Ok(unsafe { Tensor::from_ptr(output) })
        })+
    };
}

activations! {
    /// `at::celu`.
    celu = final_layer_celu(alpha: f64);
    /// `at::elu`, with the scales of its input and output at 1.
    elu = final_layer_elu(alpha: f64);
    /// `at::hardshrink`.
    hardshrink = final_layer_hardshrink(lambd: f64);
    /// `at::hardtanh`.
    hardtanh = final_layer_hardtanh(min: f64, max: f64);
    /// `at::leaky_relu`.
    leaky_relu = final_layer_leaky_relu(slope: f64);
    /// `at::rrelu`, drawing from the global generator.
    rrelu = final_layer_rrelu(lower: f64, upper: f64, training: bool);
    /// `at::softplus`.
    softplus = final_layer_softplus(beta: f64, threshold: f64);
    /// `at::softshrink`.
    softshrink = final_layer_softshrink(lambd: f64);
}

/// The state of the global generator of the CPU: uint8 `(5056,)`, as `torch.get_rng_state()`.
pub(crate) fn rng_state() -> Result<Tensor, NativeError> {
    let mut state = ptr::null_mut();
    // SAFETY: `state` is a place for one pointer, which the function fills where it succeeds.
    check(unsafe { final_layer_rng_state(&mut state) })?;
    // SAFETY: it points to a tensor that C++ made for this caller alone, as tch's own functions do.
    Ok(unsafe { Tensor::from_ptr(state) })
}

/// `torch.set_rng_state(state)` with libtorch's own checks, which leave the generator as it was.
///
/// They let a state pass that reads beyond its 624 words:
/// [`set_rng_state`](super::random::set_rng_state) refuses it.
pub(crate) fn set_rng_state(state: &Tensor) -> Result<(), NativeError> {
    // SAFETY: the pointer is valid while `state` is borrowed, and the tensor is only read.
    check(unsafe { final_layer_set_rng_state(state.as_ptr()) })
}

/// `tensor.grad = None`.
pub(crate) fn set_grad_to_none(tensor: &mut Tensor) -> Result<(), NativeError> {
    // SAFETY: the pointer is valid while `tensor` is borrowed. Handles to the old gradient stay
    // valid, as tensors are counted.
    check(unsafe { final_layer_set_grad_to_none(tensor.as_mut_ptr()) })
}

/// Raises autograd's version counter by one, as an in-place operation does, so that a graph that
/// saved the old values is refused.
///
/// # Errors
/// For a tensor that was made in inference mode: it has no counter.
pub(crate) fn bump_version(tensor: &Tensor) -> Result<(), NativeError> {
    // SAFETY: the pointer is valid while `tensor` is borrowed; the counter is atomic.
    check(unsafe { final_layer_bump_version(tensor.as_ptr()) })
}

/// What tells a tensor from all others that live: equal for two handles exactly if Python's `is`
/// holds. All undefined tensors are one.
pub(crate) fn tensor_id(tensor: &Tensor) -> usize {
    // SAFETY: the pointer is valid while `tensor` is borrowed, and what comes back is a number here.
    unsafe { final_layer_tensor_id(tensor.as_ptr()) }.addr()
}

/// `torch.is_grad_enabled()`: whether this thread records what gradients need.
pub(crate) fn is_grad_enabled() -> bool {
    // SAFETY: it reads one variable of this thread.
    unsafe { final_layer_is_grad_enabled() }
}

/// Whether the elements are float32 numbers that lie in order in memory of the CPU and mean what
/// they say, so that they may be read and written through `data_ptr`.
///
/// That leaves out undefined, sparse, quantized, negated and conjugated tensors, ZeroTensors, other
/// devices, expanded and transposed views, and tensors without any memory.
pub(crate) fn is_plain_f32(tensor: &Tensor) -> bool {
    // SAFETY: the pointer is valid while `tensor` is borrowed, and the tensor is only read.
    unsafe { final_layer_is_plain_f32(tensor.as_ptr()) }
}

/// The error, if `text` is one.
fn check(text: *mut c_char) -> Result<(), NativeError> {
    if text.is_null() {
        return Ok(());
    }
    // SAFETY: a text that is not null ends in a null byte and belongs to this caller, who gives it
    // back below and does not use it afterwards.
    let message = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let first_line = message.lines().next().unwrap_or_default().to_owned();
    // SAFETY: as above.
    unsafe { final_layer_free(text) };
    Err(NativeError(first_line))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn ones(size: &[i64]) -> Tensor {
        Tensor::ones(size, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn gradients_are_enabled_but_in_no_grad() {
        assert!(is_grad_enabled());
        tch::no_grad(|| {
            assert!(!is_grad_enabled());
            tch::with_grad(|| assert!(is_grad_enabled()));
        });
        assert!(is_grad_enabled());
    }

    #[test]
    fn a_gradient_goes_away() {
        let mut w = ones(&[2]).set_requires_grad(true);
        w.sum(Kind::Float).backward();
        let kept = w.grad();
        set_grad_to_none(&mut w).unwrap();
        assert!(!w.grad().defined());
        assert_eq!(kept, ones(&[2]));
        // It may come back, and go without having been there.
        w.sum(Kind::Float).backward();
        assert_eq!(w.grad(), ones(&[2]));
        set_grad_to_none(&mut ones(&[2])).unwrap();
        set_grad_to_none(&mut Tensor::new()).unwrap();
        assert!(!Tensor::new().defined());
    }

    #[test]
    fn a_graph_with_old_values_is_refused() {
        let w = ones(&[2]).set_requires_grad(true);
        let loss = (&w * &w).sum(Kind::Float);
        let version = w.internal_version();
        bump_version(&w).unwrap();
        assert_eq!(w.internal_version(), version + 1);
        let error = loss.f_backward().unwrap_err().to_string();
        assert!(
            error.contains("modified by an inplace operation"),
            "{error}"
        );
        bump_version(&Tensor::new()).unwrap();
    }

    #[test]
    fn handles_to_one_tensor_have_one_id() {
        let a = ones(&[2]);
        assert_eq!(tensor_id(&a), tensor_id(&a.shallow_clone()));
        for other in [ones(&[2]), a.view([2]), a.detach(), Tensor::new()] {
            assert_ne!(tensor_id(&a), tensor_id(&other));
        }
    }

    #[test]
    fn only_plain_elements_are_plain() {
        let plain = ones(&[4, 3]);
        let w = ones(&[4, 3]).set_requires_grad(true);
        w.sum(Kind::Float).backward();
        // The gradient of a sum is expanded, and laid out when it is kept.
        for tensor in [
            &plain,
            &w,
            &w.grad(),
            &plain.narrow(0, 1, 2),
            &w.detach(),
            &ones(&[]),
        ] {
            assert!(is_plain_f32(tensor), "{tensor:?}");
        }
        let complex = Tensor::complex(&plain, &plain);
        let others = [
            ("undefined", Tensor::new()),
            ("transposed", plain.tr()),
            ("expanded", ones(&[1]).expand([3], false)),
            ("sparse", plain.to_sparse(None, None::<&[i64]>, None)),
            ("sparse rows", plain.to_sparse_csr(None)),
            ("mkldnn", plain.to_mkldnn()),
            ("quantized", plain.quantize_per_tensor(0.1, 0, Kind::QInt8)),
            ("negated", plain.internal_neg_view()),
            ("part of a conjugated one", complex.conj().imag()),
            ("complex", complex.shallow_clone()),
            (
                "zero",
                Tensor::internal_efficientzerotensor([3], (Kind::Float, Device::Cpu)),
            ),
            ("double", plain.to_kind(Kind::Double)),
            ("without elements", ones(&[0])),
        ];
        for (name, tensor) in &others {
            assert!(!is_plain_f32(tensor), "{name}");
        }
    }

    #[test]
    fn activations_take_any_tensor() {
        let whole = Tensor::from_slice(&[-1i64, 2]);
        let others = [
            Tensor::new(),
            ones(&[0]),
            ones(&[2]).to_sparse(None, None::<&[i64]>, None),
        ];
        for input in others.iter().chain([&whole]) {
            // Whatever comes back, it is no crash, and an error is one line.
            let results = [
                celu(input, 0.),
                elu(input, 0.5),
                hardshrink(input, 0.5),
                hardtanh(input, 1., -1.),
                leaky_relu(input, f64::NAN),
                rrelu(input, 2., 1., true),
                softplus(input, 1., 20.),
                softshrink(input, -1.),
            ];
            for error in results.iter().filter_map(|result| result.as_ref().err()) {
                let text = error.to_string();
                assert!(!text.is_empty() && !text.contains('\n'), "{text}");
            }
            assert!(results[0].is_err() || input.numel() == 0, "{input:?}");
        }
        let output = leaky_relu(&Tensor::from_slice(&[-1f32, 2.]), 0.5).unwrap();
        assert_eq!(output, Tensor::from_slice(&[-0.5f32, 2.]));
    }

    #[test]
    fn a_refusal_is_one_line() {
        for state in [
            Tensor::new(),
            ones(&[5056]),
            ones(&[3]).to_kind(Kind::Uint8),
        ] {
            let error = set_rng_state(&state).unwrap_err().to_string();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
}
