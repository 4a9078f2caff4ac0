//! libtorch's kernels that write into an existing tensor. This is the only file that calls
//! `kernels.cpp`.
//!
//! Each calls the same kernel as tch's function of that name, without libtorch's dispatcher and
//! without autograd, and gives the same bits. `out` and, if the name ends in `_`, the first tensor
//! are written. The kernels do not increment autograd's version counters, so use them only for
//! tensors that are part of no graph.

use std::ffi::c_char;

use tch::{Kind, Tensor};
use torch_sys::C_tensor;

use crate::torch::native::{NativeError, check};

/// A kernel's C function and its Rust function: the tensors that it writes, those that it reads,
/// and its numbers.
macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident = $native:ident(
        $($written:ident),+; $($read:ident),*; $($number:ident: $type:ty),*
    );)+) => {
        unsafe extern "C" {
            $(fn $native(
                $($written: *mut C_tensor,)+
                $($read: *const C_tensor,)*
                $($number: $type,)*
            ) -> *mut c_char;)+
        }

        $($(#[$doc])*
        ///
        /// # Errors
        /// If a tensor is not an ordinary CPU tensor, or if libtorch returns an error.
        pub(crate) fn $name(
            $($written: &Tensor,)+
            $($read: &Tensor,)*
            $($number: $type,)*
        ) -> Result<(), NativeError> {
            // SAFETY: the pointers are valid while the tensors are borrowed. The C++ side refuses
            // tensors that its kernels do not support, and the kernels check shapes, dtypes and
            // overlaps. A tensor is a reference-counted handle, written through as by tch's own
            // `out=` functions.
            unsafe { check($native($($written.as_ptr().cast_mut(),)+ $($read.as_ptr(),)* $($number,)*)) }
        })+
    };
}

kernels! {
    /// `out` = bias + a · b
    addmm_out = final_layer_addmm_out(out; bias, a, b;);
    /// `out` = a · b
    mm_out = final_layer_mm_out(out; a, b;);
    /// `out` = the sum of the rows of a
    sum_rows_out = final_layer_sum_rows_out(out; a;);
    /// a = max(a, 0)
    relu_ = final_layer_relu_(a;;);
    /// a = a where a > 0, else slope · a
    leaky_relu_ = final_layer_leaky_relu_(a;; slope: f64);
    /// a = tanh(a)
    tanh_ = final_layer_tanh_(a;;);
    /// a = 1 / (1 + exp(−a))
    sigmoid_ = final_layer_sigmoid_(a;;);
    /// `out` = 1 / (1 + exp(−a))
    sigmoid_out = final_layer_sigmoid_out(out; a;);
    /// grad = grad where value > 0, else 0
    relu_backward_ = final_layer_relu_backward_(grad; value;);
    /// grad = grad where value > 0, else slope · grad
    leaky_relu_backward_ = final_layer_leaky_relu_backward_(grad; value; slope: f64);
    /// grad = grad · (1 − value²)
    tanh_backward_ = final_layer_tanh_backward_(grad; value;);
    /// grad = grad · value · (1 − value)
    sigmoid_backward_ = final_layer_sigmoid_backward_(grad; value;);
    /// `out` = logits − ln Σ exp(logits), row by row
    log_softmax_out = final_layer_log_softmax_out(out; logits;);
    /// grad = grad − exp(value) · Σ grad, row by row
    log_softmax_backward_ = final_layer_log_softmax_backward_(grad; value;);
    /// loss = −mean of each row's a at its target; total_weight = the rows
    nll_loss_out = final_layer_nll_loss_out(loss, total_weight; a, target;);
    /// grad = −one / total_weight at each row's target, else 0
    nll_loss_backward_out =
        final_layer_nll_loss_backward_out(grad; one, a, target, total_weight;);
    /// losses = (a − target)²
    mse_losses_out = final_layer_mse_losses_out(losses; a, target;);
    /// grad = one · 2 (a − target) / their number
    mse_loss_backward_out = final_layer_mse_loss_backward_out(grad; one, a, target;);
    /// losses = −target · ln a − (1 − target) · ln(1 − a)
    binary_cross_entropies_out = final_layer_binary_cross_entropies_out(losses; a, target;);
    /// grad = one · (a − target) / (a (1 − a)) / their number
    binary_cross_entropy_backward_out =
        final_layer_binary_cross_entropy_backward_out(grad; one, a, target;);
    /// `out` = the mean of all of a
    mean_out = final_layer_mean_out(out; a;);
    /// a = a − b
    sub_ = final_layer_sub_(a; b;);
}

unsafe extern "C" {
    fn final_layer_is_shared(tensor: *const C_tensor) -> bool;
    fn final_layer_is_input(
        tensor: *const C_tensor,
        is_float: bool,
        size: *const i64,
        dimensions: usize,
    ) -> bool;
    fn final_layer_is_where_it_was(parameter: *const C_tensor, handle: *const C_tensor) -> bool;
    fn final_layer_wants_gradient(parameter: *const C_tensor) -> bool;
    fn final_layer_plain_bytes(
        tensor: *const C_tensor,
        start: *mut *mut u8,
        len: *mut usize,
    ) -> bool;
    fn final_layer_set_grad(parameter: *const C_tensor, grad: *const C_tensor) -> *mut c_char;
}

/// Returns true if anything else holds the tensor, a view of it, or another tensor in its memory.
pub(crate) fn is_shared(tensor: &Tensor) -> bool {
    // SAFETY: the pointer is valid while `tensor` is borrowed; the counts are atomic.
    unsafe { final_layer_is_shared(tensor.as_ptr()) }
}

/// Returns true if a kernel can read the tensor: an ordinary CPU tensor of this shape, contiguous,
/// that does not require a gradient. `kind` is float32 or int64.
pub(crate) fn is_input(tensor: &Tensor, kind: Kind, size: &[i64]) -> bool {
    let is_float = match kind {
        Kind::Float => true,
        Kind::Int64 => false,
        _ => return false,
    };
    // SAFETY: the pointer is valid while `tensor` is borrowed, and `size` has `size.len()` numbers.
    unsafe { final_layer_is_input(tensor.as_ptr(), is_float, size.as_ptr(), size.len()) }
}

/// Returns true if a parameter is an ordinary float32 CPU tensor that still has the shape and
/// memory of `handle`, a view of all of it.
pub(crate) fn is_where_it_was(parameter: &Tensor, handle: &Tensor) -> bool {
    // SAFETY: the pointers are valid while the tensors are borrowed, and both are only read.
    unsafe { final_layer_is_where_it_was(parameter.as_ptr(), handle.as_ptr()) }
}

/// Returns true if a backward pass would set the parameter's gradient: it is required and still
/// unset.
pub(crate) fn wants_gradient(parameter: &Tensor) -> bool {
    // SAFETY: the pointer is valid while `parameter` is borrowed, and it is only read.
    unsafe { final_layer_wants_gradient(parameter.as_ptr()) }
}

/// The memory of a tensor's elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes {
    pub start: *mut u8,
    pub len: usize,
}

/// The memory of an ordinary, contiguous CPU tensor of any dtype; `None` for any other tensor and
/// for one without elements.
pub(crate) fn plain_bytes(tensor: &Tensor) -> Option<Bytes> {
    let (mut start, mut len) = (std::ptr::null_mut(), 0);
    // SAFETY: the pointer is valid while `tensor` is borrowed; the others are places for a pointer
    // and a number.
    let plain = unsafe { final_layer_plain_bytes(tensor.as_ptr(), &mut start, &mut len) };
    plain.then_some(Bytes { start, len })
}

/// `parameter.grad = grad`; both have the same shape and dtype.
pub(crate) fn set_grad(parameter: &Tensor, grad: &Tensor) -> Result<(), NativeError> {
    // SAFETY: the pointers are valid while the tensors are borrowed.
    unsafe { check(final_layer_set_grad(parameter.as_ptr(), grad.as_ptr())) }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::torch::native::set_grad_to_none;

    fn ones(size: &[i64]) -> Tensor {
        Tensor::ones(size, (Kind::Float, Device::Cpu))
    }

    /// Any argument gives a result or an error of one line, never a crash.
    #[test]
    fn kernels_refuse_tensors_that_are_not_ordinary() {
        let complex = Tensor::complex(&ones(&[2, 2]), &ones(&[2, 2]));
        let others = [
            Tensor::new(),
            ones(&[2, 2]).to_sparse(None, None::<&[i64]>, None),
            ones(&[2, 2]).to_mkldnn(),
            ones(&[2, 2]).quantize_per_tensor(0.1, 0, Kind::QInt8),
            ones(&[2, 2]).internal_neg_view(),
            Tensor::internal_efficientzerotensor([2, 2], (Kind::Float, Device::Cpu)),
            complex.conj(),
        ];
        let good = || ones(&[2, 2]);
        for other in &others {
            let results = [
                addmm_out(&good(), &good(), other, &good()),
                mm_out(other, &good(), &good()),
                relu_(other),
                relu_backward_(&good(), other),
                mse_loss_backward_out(&good(), other, &good(), &good()),
                sub_(&good(), other),
            ];
            for result in results {
                let text = result.unwrap_err().to_string();
                assert_eq!(text, "expected an ordinary tensor on the CPU");
            }
        }
    }

    #[test]
    fn kernels_refuse_mismatched_shapes_and_values() {
        let classes = Tensor::from_slice(&[0i64, 7]);
        let results = [
            mm_out(&ones(&[2, 2]), &ones(&[2, 3]), &ones(&[2, 3])),
            mm_out(
                &ones(&[2, 2]).to_kind(Kind::Double),
                &ones(&[2, 2]),
                &ones(&[2, 2]),
            ),
            mm_out(
                &ones(&[2, 2]),
                &ones(&[2, 2]).to_kind(Kind::Double),
                &ones(&[2, 2]),
            ),
            addmm_out(&ones(&[2, 2]), &ones(&[3]), &ones(&[2, 2]), &ones(&[2, 2])),
            nll_loss_out(&ones(&[]), &ones(&[]), &ones(&[2, 3]), &classes),
            nll_loss_out(&ones(&[]), &ones(&[]), &ones(&[2, 3]), &ones(&[2])),
            sub_(&ones(&[2]), &ones(&[3])),
            relu_backward_(&ones(&[2]), &ones(&[3])),
            // Probabilities above 1.
            binary_cross_entropies_out(&ones(&[2, 1]), &(ones(&[2, 1]) * 3.), &ones(&[2, 1])),
            binary_cross_entropies_out(&ones(&[]), &ones(&[2, 1]), &ones(&[2, 1])),
        ];
        for (number, result) in results.into_iter().enumerate() {
            let text = result.expect_err(&number.to_string()).to_string();
            assert!(!text.is_empty() && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn a_tensor_is_shared_with_handles_views_and_gradients() {
        let tensor = ones(&[2, 2]);
        assert!(!is_shared(&tensor));
        let others: [fn(&Tensor) -> Tensor; 3] =
            [Tensor::shallow_clone, Tensor::detach, |tensor| {
                tensor.select(0, 1)
            }];
        for other in others {
            let held = other(&tensor);
            assert!(is_shared(&tensor));
            drop(held);
            assert!(!is_shared(&tensor));
        }
        let mut w = ones(&[2, 2]).set_requires_grad(true);
        set_grad(&w, &tensor).unwrap();
        assert!(is_shared(&tensor));
        assert_eq!(w.grad(), tensor);
        set_grad_to_none(&mut w).unwrap();
        assert!(!is_shared(&tensor));
    }

    #[test]
    fn is_input_accepts_what_a_kernel_can_read() {
        let good = ones(&[3, 2]);
        assert!(is_input(&good, Kind::Float, &[3, 2]));
        assert!(is_input(&Tensor::from_slice(&[1i64, 2]), Kind::Int64, &[2]));
        assert!(!is_input(&good, Kind::Float, &[2, 3]));
        assert!(!is_input(&good, Kind::Int64, &[3, 2]));
        assert!(!is_input(
            &good.to_kind(Kind::Double),
            Kind::Double,
            &[3, 2]
        ));
        assert!(!is_input(&ones(&[2, 3]).tr(), Kind::Float, &[3, 2]));
        assert!(!is_input(&Tensor::new(), Kind::Float, &[3, 2]));
        let wants_gradient = ones(&[3, 2]).set_requires_grad(true);
        assert!(!is_input(&wants_gradient, Kind::Float, &[3, 2]));
    }

    #[test]
    fn plain_bytes_are_the_bytes_of_the_elements() {
        let numbers = Tensor::from_slice(&[1i64, 2, 3]);
        let bytes = plain_bytes(&numbers.narrow(0, 1, 2)).unwrap();
        assert_eq!(bytes.len, 16);
        assert_eq!(bytes.start.addr(), numbers.data_ptr().addr() + 8);
        for other in [
            Tensor::new(),
            ones(&[0]),
            ones(&[2, 3]).tr(),
            ones(&[1]).expand([3], false),
            ones(&[2, 2]).to_sparse(None, None::<&[i64]>, None),
            ones(&[2]).internal_neg_view(),
        ] {
            assert!(plain_bytes(&other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn is_where_it_was_detects_a_moved_parameter() {
        let new = || ones(&[2, 2]).set_requires_grad(true);
        let w = new();
        let handle = w.detach();
        assert!(is_where_it_was(&w, &handle) && wants_gradient(&w));
        (&w * &w).sum(Kind::Float).backward();
        assert!(is_where_it_was(&w, &handle) && !wants_gradient(&w));
        set_grad_to_none(&mut w.shallow_clone()).unwrap();
        assert!(wants_gradient(&w));
        assert!(!wants_gradient(&w.set_requires_grad(false)));
        assert!(!wants_gradient(&(new() * 2.)) && !wants_gradient(&Tensor::new()));
        let others = [
            ones(&[2, 2]),
            ones(&[4]),
            ones(&[2, 2]).to_kind(Kind::Double),
            ones(&[0]),
        ];
        for other in &others {
            let mut w = new();
            let handle = w.detach();
            w.set_data(other);
            assert!(!is_where_it_was(&w, &handle), "{other:?}");
        }
        let w = new();
        let handle = w.detach();
        let _ = tch::no_grad(|| w.detach().resize_([100]));
        let _ = tch::no_grad(|| w.data().resize_([0]));
        assert_eq!(
            is_where_it_was(&w, &handle),
            w.data_ptr() == handle.data_ptr()
        );
    }
}
