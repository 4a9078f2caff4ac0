//! The functions of libtorch that `tch` does not offer. This is the only file that calls
//! `native.cpp`.
//!
//! The C++ side catches every exception. A call costs 2 to 10 ns, of which `plain_elements` takes
//! most.
//!
//! Most of these functions are internal to this crate. A crate with its own C++ includes
//! `native.h`, from the folder that its build script gets as `DEP_TORCH_PARITY_INCLUDE`, and checks
//! the results of its functions with [`check`].

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use tch::{TchError, Tensor};
use torch_sys::C_tensor;

use super::Error;

/// An error of libtorch: the first line of its message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NativeError(String);

impl NativeError {
    /// Keeps the first line of `text`: any further lines are libtorch's stack frames.
    fn first_line(text: &str) -> Self {
        Self(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl From<NativeError> for Error {
    fn from(NativeError(text): NativeError) -> Self {
        Self::Libtorch(TchError::Torch(text))
    }
}

impl From<TchError> for NativeError {
    fn from(error: TchError) -> Self {
        match error {
            TchError::Torch(text) => Self::first_line(&text),
            error => Self::first_line(&error.to_string()),
        }
    }
}

unsafe extern "C" {
    fn torch_parity_free(text: *mut c_char);
    fn torch_parity_rng_state(state: *mut *mut C_tensor) -> *mut c_char;
    fn torch_parity_set_rng_state(state: *const C_tensor) -> *mut c_char;
    fn torch_parity_multinomial(
        weights: *const C_tensor,
        count: i64,
        replacement: bool,
        state: *const C_tensor,
        drawn: *mut *mut C_tensor,
        new_state: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn torch_parity_set_grad_to_none(tensor: *mut C_tensor) -> *mut c_char;
    fn torch_parity_bump_version(tensor: *const C_tensor) -> *mut c_char;
    fn torch_parity_tensor_id(tensor: *const C_tensor) -> *const c_void;
    fn torch_parity_plain_elements(
        tensors: *const *const C_tensor,
        n: usize,
        elements: *mut *mut f32,
    ) -> bool;
    fn torch_parity_add(
        a: *const C_tensor,
        b: *const C_tensor,
        alpha: f64,
        sum: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn torch_parity_add_(a: *mut C_tensor, b: *const C_tensor, alpha: f64) -> *mut c_char;
    fn torch_parity_addcmul_(
        a: *mut C_tensor,
        b: *const C_tensor,
        c: *const C_tensor,
        value: f64,
    ) -> *mut c_char;
    fn torch_parity_addcdiv_(
        a: *mut C_tensor,
        b: *const C_tensor,
        c: *const C_tensor,
        value: f64,
    ) -> *mut c_char;
    fn torch_parity_mul_(a: *mut C_tensor, number: f64) -> *mut c_char;
    fn torch_parity_div_(a: *mut C_tensor, number: f64) -> *mut c_char;
    fn torch_parity_add_number_(a: *mut C_tensor, number: f64) -> *mut c_char;
    fn torch_parity_fill_(a: *mut C_tensor, number: f64) -> *mut c_char;
    fn torch_parity_lerp_(a: *mut C_tensor, end: *const C_tensor, weight: f64) -> *mut c_char;
    fn torch_parity_clone(tensor: *const C_tensor, clone: *mut *mut C_tensor) -> *mut c_char;
    fn torch_parity_is_grad_enabled() -> bool;
    fn torch_parity_multi_margin_loss(
        output: *mut *mut C_tensor,
        input: *const C_tensor,
        target: *const C_tensor,
        p: f64,
        margin: f64,
        weight: *const C_tensor,
        reduction: i64,
    ) -> *mut c_char;
}

/// Activations that `tch` offers only with the default arguments.
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
            // SAFETY: `output` is a place for one pointer, which the function fills if it succeeds;
            // the other pointer is valid while `input` is borrowed.
            unsafe { check($native(&mut output, input.as_ptr(), $($arg),+)) }?;
            // SAFETY: it points to a tensor that C++ made for this caller alone.
            Ok(unsafe { Tensor::from_ptr(output) })
        })+
    };
}

activations! {
    /// `at::celu`.
    celu = torch_parity_celu(alpha: f64);
    /// `at::elu`, with the scales of its input and output at 1.
    elu = torch_parity_elu(alpha: f64);
    /// `at::hardshrink`.
    hardshrink = torch_parity_hardshrink(lambd: f64);
    /// `at::hardtanh`.
    hardtanh = torch_parity_hardtanh(min: f64, max: f64);
    /// `at::leaky_relu`.
    leaky_relu = torch_parity_leaky_relu(slope: f64);
    /// `at::rrelu`, drawing from the global generator.
    rrelu = torch_parity_rrelu(lower: f64, upper: f64, training: bool);
    /// `at::softplus`.
    softplus = torch_parity_softplus(beta: f64, threshold: f64);
    /// `at::softshrink`.
    softshrink = torch_parity_softshrink(lambd: f64);
}

/// The forms in place of activations that `tch` offers only with the default arguments.
macro_rules! activations_in_place {
    ($($(#[$doc:meta])* $name:ident = $native:ident($($arg:ident: $type:ty),+);)+) => {
        unsafe extern "C" {
            $(fn $native(input: *mut C_tensor, $($arg: $type),+) -> *mut c_char;)+
        }

        $($(#[$doc])*
        pub(crate) fn $name(input: &mut Tensor, $($arg: $type),+) -> Result<(), NativeError> {
            // SAFETY: `input` is borrowed.
            unsafe { check($native(input.as_mut_ptr(), $($arg),+)) }
        })+
    };
}

activations_in_place! {
    /// `at::celu_`.
    celu_ = torch_parity_celu_(alpha: f64);
    /// `at::elu_`, with the scales of its input and output at 1.
    elu_ = torch_parity_elu_(alpha: f64);
    /// `at::hardtanh_`.
    hardtanh_ = torch_parity_hardtanh_(min: f64, max: f64);
    /// `at::leaky_relu_`.
    leaky_relu_ = torch_parity_leaky_relu_(slope: f64);
    /// `at::rrelu_`, drawing from the global generator.
    rrelu_ = torch_parity_rrelu_(lower: f64, upper: f64, training: bool);
}

/// The state of the global generator of the CPU: uint8 `(5056,)`, as `torch.get_rng_state()`.
pub(crate) fn rng_state() -> Result<Tensor, NativeError> {
    let mut state = ptr::null_mut();
    // SAFETY: `state` is a place for one pointer, which the function fills if it succeeds.
    unsafe { check(torch_parity_rng_state(&mut state)) }?;
    // SAFETY: it points to a tensor that C++ made for this caller alone, as tch's own functions do.
    Ok(unsafe { Tensor::from_ptr(state) })
}

/// `torch.set_rng_state(state)` with libtorch's own checks. If they fail, the generator is
/// unchanged.
///
/// They accept a state whose position lies beyond its 624 words;
/// [`set_rng_state`](super::random::set_rng_state) refuses it.
pub(crate) fn set_rng_state(state: &Tensor) -> Result<(), NativeError> {
    // SAFETY: the pointer is valid while `state` is borrowed, and the tensor is only read.
    unsafe { check(torch_parity_set_rng_state(state.as_ptr())) }
}

/// `torch.multinomial(weights, count, replacement, generator)` with a generator in the state
/// `state`. Returns the numbers and the generator's new state. The state must be one that
/// [`set_rng_state`](super::random::set_rng_state) accepts.
pub(crate) fn multinomial(
    weights: &Tensor,
    count: i64,
    replacement: bool,
    state: &Tensor,
) -> Result<(Tensor, Tensor), NativeError> {
    let (mut drawn, mut new_state) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the tensors are borrowed and only read; the last two are places for one pointer each,
    // which the function fills if it succeeds.
    unsafe {
        check({
            let (weights, state) = (weights.as_ptr(), state.as_ptr());
            torch_parity_multinomial(
                weights,
                count,
                replacement,
                state,
                &mut drawn,
                &mut new_state,
            )
        })
    }?;
    // SAFETY: both point to tensors that C++ made for this caller alone.
    Ok(unsafe { (Tensor::from_ptr(drawn), Tensor::from_ptr(new_state)) })
}

/// `tensor.grad = None`.
pub fn set_grad_to_none(tensor: &mut Tensor) -> Result<(), NativeError> {
    // SAFETY: the pointer is valid while `tensor` is borrowed. Handles to the old gradient stay
    // valid, as tensors are reference-counted.
    unsafe { check(torch_parity_set_grad_to_none(tensor.as_mut_ptr())) }
}

/// Increments autograd's version counter, as an in-place operation does, so that a backward pass
/// through a graph that saved the old values is an error.
///
/// # Errors
/// If the tensor was made in inference mode and so has no version counter.
pub(crate) fn bump_version(tensor: &Tensor) -> Result<(), NativeError> {
    // SAFETY: the pointer is valid while `tensor` is borrowed; the counter is atomic.
    unsafe { check(torch_parity_bump_version(tensor.as_ptr())) }
}

/// The identity of a tensor: equal for two handles exactly if Python's `is` holds. All undefined
/// tensors have the same identity.
pub fn tensor_id(tensor: &Tensor) -> usize {
    // SAFETY: the pointer is valid while `tensor` is borrowed, and the result is only used as a
    // number.
    unsafe { torch_parity_tensor_id(tensor.as_ptr()) }.addr()
}

/// `torch.is_grad_enabled()`: true if this thread records operations for autograd.
pub fn is_grad_enabled() -> bool {
    // SAFETY: it reads one variable of this thread.
    unsafe { torch_parity_is_grad_enabled() }
}

/// The addresses of the elements of plain tensors that have one shape and share no element; `None`
/// if they are not.
///
/// A plain tensor holds float32 numbers, contiguous in CPU memory, that can be read and written
/// there directly. Undefined, sparse, quantized, negated and conjugated tensors, ZeroTensors,
/// tensors on other devices, expanded and transposed views, and tensors without memory are not
/// plain.
pub(crate) fn plain_elements<const N: usize>(tensors: [&Tensor; N]) -> Option<[*mut f32; N]> {
    let tensors = tensors.map(Tensor::as_ptr);
    let mut elements = [ptr::null_mut(); N];
    // SAFETY: the tensors are borrowed, and both arrays have N places.
    let plain = unsafe { torch_parity_plain_elements(tensors.as_ptr(), N, elements.as_mut_ptr()) };
    plain.then_some(elements)
}

/// `a.add(b, alpha=alpha)`
pub(crate) fn add(a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor, NativeError> {
    // SAFETY: both are borrowed, and only read.
    made(|sum| unsafe { torch_parity_add(a.as_ptr(), b.as_ptr(), alpha, sum) })
}

/// `a.add_(b, alpha=alpha)`
pub(crate) fn add_(a: &mut Tensor, b: &Tensor, alpha: f64) -> Result<(), NativeError> {
    // SAFETY: both are borrowed; libtorch allows them to share memory, as in tch's own `add_`.
    unsafe { check(torch_parity_add_(a.as_mut_ptr(), b.as_ptr(), alpha)) }
}

/// `a.addcmul_(b, c, value=value)`
pub(crate) fn addcmul_(
    a: &mut Tensor,
    b: &Tensor,
    c: &Tensor,
    value: f64,
) -> Result<(), NativeError> {
    // SAFETY: as in `add_`.
    unsafe {
        check(torch_parity_addcmul_(
            a.as_mut_ptr(),
            b.as_ptr(),
            c.as_ptr(),
            value,
        ))
    }
}

/// `a.addcdiv_(b, c, value=value)`
pub(crate) fn addcdiv_(
    a: &mut Tensor,
    b: &Tensor,
    c: &Tensor,
    value: f64,
) -> Result<(), NativeError> {
    // SAFETY: as in `add_`.
    unsafe {
        check(torch_parity_addcdiv_(
            a.as_mut_ptr(),
            b.as_ptr(),
            c.as_ptr(),
            value,
        ))
    }
}

/// `a.mul_(number)`
pub(crate) fn mul_(a: &mut Tensor, number: f64) -> Result<(), NativeError> {
    // SAFETY: `a` is borrowed.
    unsafe { check(torch_parity_mul_(a.as_mut_ptr(), number)) }
}

/// `a.div_(number)`
pub fn div_(a: &mut Tensor, number: f64) -> Result<(), NativeError> {
    // SAFETY: `a` is borrowed.
    unsafe { check(torch_parity_div_(a.as_mut_ptr(), number)) }
}

/// `a.add_(number)`
pub(crate) fn add_number_(a: &mut Tensor, number: f64) -> Result<(), NativeError> {
    // SAFETY: `a` is borrowed.
    unsafe { check(torch_parity_add_number_(a.as_mut_ptr(), number)) }
}

/// `a.fill_(number)`
pub(crate) fn fill_(a: &mut Tensor, number: f64) -> Result<(), NativeError> {
    // SAFETY: `a` is borrowed.
    unsafe { check(torch_parity_fill_(a.as_mut_ptr(), number)) }
}

/// `a.lerp_(end, weight)`
pub(crate) fn lerp_(a: &mut Tensor, end: &Tensor, weight: f64) -> Result<(), NativeError> {
    // SAFETY: as in `add_`.
    unsafe { check(torch_parity_lerp_(a.as_mut_ptr(), end.as_ptr(), weight)) }
}

/// `tensor.clone()`: a copy, sparse if the tensor is.
pub(crate) fn clone(tensor: &Tensor) -> Result<Tensor, NativeError> {
    // SAFETY: it is borrowed, and only read.
    made(|clone| unsafe { torch_parity_clone(tensor.as_ptr(), clone) })
}

/// `at::multi_margin_loss`.
pub(crate) fn multi_margin_loss(
    input: &Tensor,
    target: &Tensor,
    p: f64,
    margin: f64,
    weight: Option<&Tensor>,
    reduction: i64,
) -> Result<Tensor, NativeError> {
    let (x, y) = (input.as_ptr(), target.as_ptr());
    let weight = weight.map_or(ptr::null(), Tensor::as_ptr);
    // SAFETY: all are borrowed, and only read; the weight may be null.
    made(|loss| unsafe { torch_parity_multi_margin_loss(loss, x, y, p, margin, weight, reduction) })
}

/// Returns the tensor that `make` writes to the place that it is given.
fn made(make: impl FnOnce(*mut *mut C_tensor) -> *mut c_char) -> Result<Tensor, NativeError> {
    let mut tensor = ptr::null_mut();
    // SAFETY: `make` returns the result of a C function of native.cpp, everywhere in this file.
    unsafe { check(make(&mut tensor)) }?;
    // SAFETY: it points to a tensor that C++ made for this caller alone, as tch's own functions do.
    Ok(unsafe { Tensor::from_ptr(tensor) })
}

/// Returns the error in the result of a C function, which is null on success.
///
/// # Safety
/// `text` is null, or the result of `caught` or `made` in `native.h` and not used by anything else.
///
/// # Errors
/// If `text` is not null: its first line.
pub unsafe fn check(text: *mut c_char) -> Result<(), NativeError> {
    if text.is_null() {
        return Ok(());
    }
    // SAFETY: a text that is not null ends in a null byte and belongs to this caller, who frees it
    // below and does not use it afterwards.
    let message = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let error = NativeError::first_line(&message);
    // SAFETY: as above.
    unsafe { torch_parity_free(text) };
    Err(error)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn ones(size: &[i64]) -> Tensor {
        Tensor::ones(size, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn gradients_are_enabled_outside_no_grad() {
        assert!(is_grad_enabled());
        tch::no_grad(|| {
            assert!(!is_grad_enabled());
            tch::with_grad(|| assert!(is_grad_enabled()));
        });
        assert!(is_grad_enabled());
    }

    #[test]
    fn a_gradient_is_set_to_none() {
        let mut w = ones(&[2]).set_requires_grad(true);
        w.sum(Kind::Float).backward();
        let kept = w.grad();
        set_grad_to_none(&mut w).unwrap();
        assert!(!w.grad().defined());
        assert_eq!(kept, ones(&[2]));
        // A later backward pass may set it again, and clearing an absent gradient is a no-op.
        w.sum(Kind::Float).backward();
        assert_eq!(w.grad(), ones(&[2]));
        set_grad_to_none(&mut ones(&[2])).unwrap();
        set_grad_to_none(&mut Tensor::new()).unwrap();
        assert!(!Tensor::new().defined());
    }

    #[test]
    fn a_backward_pass_with_outdated_values_is_refused() {
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
    fn only_plain_tensors_have_plain_elements() {
        let plain = ones(&[4, 3]);
        let w = ones(&[4, 3]).set_requires_grad(true);
        w.sum(Kind::Float).backward();
        // The gradient of a sum is expanded, and made contiguous when it is stored.
        for tensor in [
            &plain,
            &w,
            &w.grad(),
            &plain.narrow(0, 1, 2),
            &w.detach(),
            &ones(&[]),
        ] {
            assert!(plain_elements([tensor]).is_some(), "{tensor:?}");
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
            (
                "the imaginary part of a conjugated tensor",
                complex.conj().imag(),
            ),
            ("complex", complex.shallow_clone()),
            (
                "zero",
                Tensor::internal_efficientzerotensor([3], (Kind::Float, Device::Cpu)),
            ),
            ("double", plain.to_kind(Kind::Double)),
            ("without elements", ones(&[0])),
        ];
        for (name, tensor) in &others {
            assert!(plain_elements([tensor]).is_none(), "{name}");
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
            // Whatever the result, it is not a crash, and an error is one line.
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
        for input in others.iter().chain([&whole]) {
            let mut input = input.shallow_clone();
            let results = [
                celu_(&mut input, 0.),
                elu_(&mut input, 0.5),
                hardtanh_(&mut input, 1., -1.),
                leaky_relu_(&mut input, f64::NAN),
                rrelu_(&mut input, 2., 1., true),
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
    fn an_error_is_one_line() {
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
