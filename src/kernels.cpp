// libtorch's CPU kernels that write into an existing tensor, as C functions for kernels.rs.
//
// These functions are called without libtorch's dispatcher, which would select them for ordinary
// CPU tensors: autograd does not record them, and there is no lookup. So each first refuses any
// other tensor. The kernels themselves check shapes and dtypes.

#include "native.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_log_softmax_backward_data_cpu_dispatch.h>
#include <ATen/ops/_log_softmax_cpu_dispatch.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/binary_cross_entropy_backward_cpu_dispatch.h>
#include <ATen/ops/binary_cross_entropy_cpu_dispatch.h>
#include <ATen/ops/clamp_min_cpu_dispatch.h>
#include <ATen/ops/leaky_relu_backward_cpu_dispatch.h>
#include <ATen/ops/leaky_relu_cpu_dispatch.h>
#include <ATen/ops/mean_cpu_dispatch.h>
#include <ATen/ops/mm_cpu_dispatch.h>
#include <ATen/ops/mse_loss_backward_cpu_dispatch.h>
#include <ATen/ops/mse_loss_cpu_dispatch.h>
#include <ATen/ops/nll_loss_backward_cpu_dispatch.h>
#include <ATen/ops/nll_loss_forward_cpu_dispatch.h>
#include <ATen/ops/sigmoid_backward_cpu_dispatch.h>
#include <ATen/ops/sigmoid_cpu_dispatch.h>
#include <ATen/ops/sub_cpu_dispatch.h>
#include <ATen/ops/sum_cpu_dispatch.h>
#include <ATen/ops/tanh_backward_cpu_dispatch.h>
#include <ATen/ops/tanh_cpu_dispatch.h>
#include <ATen/ops/threshold_backward_cpu_dispatch.h>

#include <optional>

using namespace torch_parity;

namespace {

// The values of at::Reduction, whose header takes long to compile.
constexpr int64_t none = 0;
constexpr int64_t mean = 1;

// The default of Python's nll_loss; no class has this number.
constexpr int64_t ignore_index = -100;

void require_cpu(std::initializer_list<const at::Tensor*> tensors) {
  for (const at::Tensor* tensor : tensors) {
    TORCH_CHECK(is_ordinary(*tensor), "expected an ordinary tensor on the CPU");
  }
}

// Runs a kernel on ordinary tensors. Operations that it calls are not recorded either.
template <typename F>
char* kernel(std::initializer_list<const at::Tensor*> tensors, F&& run) noexcept {
  return caught([&] {
    require_cpu(tensors);
    const at::AutoDispatchBelowADInplaceOrView guard;
    run();
  });
}

} // namespace

extern "C" {

char* final_layer_addmm_out(
    at::Tensor* out, const at::Tensor* bias, const at::Tensor* a, const at::Tensor* b) {
  return kernel({out, bias, a, b}, [&] { at::cpu::addmm_out(*out, *bias, *a, *b); });
}

char* final_layer_mm_out(at::Tensor* out, const at::Tensor* a, const at::Tensor* b) {
  return kernel({out, a, b}, [&] { at::cpu::mm_out(*out, *a, *b); });
}

char* final_layer_sum_rows_out(at::Tensor* out, const at::Tensor* a) {
  return kernel({out, a}, [&] { at::cpu::sum_out(*out, *a, at::IntArrayRef{0}); });
}

char* final_layer_relu_(at::Tensor* a) {
  return kernel({a}, [&] { at::cpu::clamp_min_(*a, 0); });
}

char* final_layer_leaky_relu_(at::Tensor* a, double slope) {
  return kernel({a}, [&] { at::cpu::leaky_relu_(*a, slope); });
}

char* final_layer_tanh_(at::Tensor* a) {
  return kernel({a}, [&] { at::cpu::tanh_(*a); });
}

char* final_layer_sigmoid_(at::Tensor* a) {
  return kernel({a}, [&] { at::cpu::sigmoid_(*a); });
}

char* final_layer_sigmoid_out(at::Tensor* out, const at::Tensor* a) {
  return kernel({out, a}, [&] { at::cpu::sigmoid_out(*out, *a); });
}

// The gradient of an activation's input, written over the gradient of its output.

char* final_layer_relu_backward_(at::Tensor* grad, const at::Tensor* value) {
  return kernel({grad, value}, [&] {
    at::cpu::threshold_backward_out(*grad, *grad, *value, 0);
  });
}

char* final_layer_leaky_relu_backward_(
    at::Tensor* grad, const at::Tensor* value, double slope) {
  return kernel({grad, value}, [&] {
    at::cpu::leaky_relu_backward_out(*grad, *grad, *value, slope, /*self_is_result=*/true);
  });
}

char* final_layer_tanh_backward_(at::Tensor* grad, const at::Tensor* value) {
  return kernel({grad, value}, [&] { at::cpu::tanh_backward_out(*grad, *grad, *value); });
}

char* final_layer_sigmoid_backward_(at::Tensor* grad, const at::Tensor* value) {
  return kernel({grad, value}, [&] { at::cpu::sigmoid_backward_out(*grad, *grad, *value); });
}

// Losses, and the gradients of their means, given the gradient `one` of the mean.

char* final_layer_log_softmax_out(at::Tensor* out, const at::Tensor* logits) {
  return kernel({out, logits}, [&] { at::cpu::_log_softmax_out(*out, *logits, 1, false); });
}

char* final_layer_log_softmax_backward_(at::Tensor* grad, const at::Tensor* value) {
  return kernel({grad, value}, [&] {
    at::cpu::_log_softmax_backward_data_out(*grad, *grad, *value, 1, at::kFloat);
  });
}

char* final_layer_nll_loss_out(
    at::Tensor* loss, at::Tensor* total_weight, const at::Tensor* a, const at::Tensor* target) {
  return kernel({loss, total_weight, a, target}, [&] {
    at::cpu::nll_loss_forward_out(
        *loss, *total_weight, *a, *target, std::nullopt, mean, ignore_index);
  });
}

char* final_layer_nll_loss_backward_out(
    at::Tensor* grad,
    const at::Tensor* one,
    const at::Tensor* a,
    const at::Tensor* target,
    const at::Tensor* total_weight) {
  return kernel({grad, one, a, target, total_weight}, [&] {
    at::cpu::nll_loss_backward_out(
        *grad, *one, *a, *target, std::nullopt, mean, ignore_index, *total_weight);
  });
}

char* final_layer_mse_losses_out(
    at::Tensor* losses, const at::Tensor* a, const at::Tensor* target) {
  return kernel({losses, a, target}, [&] { at::cpu::mse_loss_out(*losses, *a, *target, none); });
}

char* final_layer_mse_loss_backward_out(
    at::Tensor* grad, const at::Tensor* one, const at::Tensor* a, const at::Tensor* target) {
  return kernel({grad, one, a, target}, [&] {
    at::cpu::mse_loss_backward_out(*grad, *one, *a, *target, mean);
  });
}

char* final_layer_binary_cross_entropies_out(
    at::Tensor* losses, const at::Tensor* a, const at::Tensor* target) {
  return kernel({losses, a, target}, [&] {
    // The kernel writes into a view of `losses`, which would keep its shape.
    TORCH_CHECK(losses->sizes() == a->sizes(), "as many losses as numbers are expected");
    at::cpu::binary_cross_entropy_out(*losses, *a, *target, std::nullopt, none);
  });
}

char* final_layer_binary_cross_entropy_backward_out(
    at::Tensor* grad, const at::Tensor* one, const at::Tensor* a, const at::Tensor* target) {
  return kernel({grad, one, a, target}, [&] {
    at::cpu::binary_cross_entropy_backward_out(*grad, *one, *a, *target, std::nullopt, mean);
  });
}

char* final_layer_mean_out(at::Tensor* out, const at::Tensor* a) {
  return kernel({out, a}, [&] { at::cpu::mean_out(*out, *a, at::IntArrayRef{}); });
}

char* final_layer_sub_(at::Tensor* a, const at::Tensor* b) {
  return kernel({a, b}, [&] { at::cpu::sub_(*a, *b); });
}

// Bookkeeping of tensors that are reused.

// Returns true if a tensor or its memory has another owner than the handle `tensor`.
bool final_layer_is_shared(const at::Tensor* tensor) {
  return tensor->use_count() != 1 ||
      (tensor->has_storage() && tensor->storage().use_count() != 1);
}

// Returns true if a float32 or int64 tensor is ordinary, contiguous, of this shape, and does not
// require a gradient.
bool final_layer_is_input(
    const at::Tensor* tensor, bool is_float, const int64_t* size, size_t dimensions) {
  return is_plain(*tensor, is_float ? at::kFloat : at::kLong) && !tensor->requires_grad() &&
      tensor->sizes() == at::IntArrayRef(size, dimensions);
}

// Returns true if a parameter still has the shape and the memory from which its handle was made.
bool final_layer_is_where_it_was(const at::Tensor* parameter, const at::Tensor* handle) {
  return is_plain(*parameter, at::kFloat) && is_plain(*handle, at::kFloat) &&
      parameter->sizes() == handle->sizes() &&
      parameter->unsafeGetTensorImpl()->data() == handle->unsafeGetTensorImpl()->data();
}

// Returns true if a backward pass would set a new gradient of a parameter.
bool final_layer_wants_gradient(const at::Tensor* parameter) {
  return parameter->defined() && parameter->requires_grad() && parameter->is_leaf() &&
      !parameter->grad().defined();
}

// The memory of a plain tensor of any type, if it has elements.
bool final_layer_plain_bytes(const at::Tensor* tensor, void** start, size_t* length) {
  if (!tensor->defined() || !is_plain(*tensor, tensor->scalar_type())) return false;
  bool found = false;
  std::free(caught([&] {
    // A lazy copy gets its own memory here.
    *start = tensor->mutable_data_ptr();
    *length = tensor->nbytes();
    found = *length > 0;
  }));
  return found;
}

char* final_layer_set_grad(const at::Tensor* parameter, const at::Tensor* grad) {
  return caught([&] { parameter->mutable_grad() = *grad; });
}

} // extern "C"
