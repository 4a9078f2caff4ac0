// Functions of libtorch that tch does not offer, as C functions for native.rs. They catch all
// exceptions: a function that can fail returns null, or a text that the caller passes to
// torch_parity_free.
//
// Only these headers: they take 2 s of processor time, whereas torch/torch.h takes 15.

#include "native.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ScalarOps.h>
#include <ATen/ops/celu_ops.h>
#include <ATen/ops/elu_ops.h>
#include <ATen/ops/hardshrink_ops.h>
#include <ATen/ops/hardtanh_ops.h>
#include <ATen/ops/leaky_relu_ops.h>
#include <ATen/ops/multi_margin_loss_ops.h>
#include <ATen/ops/multinomial_ops.h>
#include <ATen/ops/rrelu_ops.h>
#include <ATen/ops/softplus_ops.h>
#include <ATen/ops/softshrink_ops.h>
#include <c10/core/GradMode.h>

#include <mutex>
#include <optional>

using namespace torch_parity;

namespace {

// The addresses of the elements of plain tensors of one shape, if no two of them share an element.
bool plain_elements(const at::Tensor* const* tensors, size_t n, float** elements) {
  for (size_t i = 0; i < n; ++i) {
    if (!is_plain(*tensors[i], at::kFloat) || tensors[i]->sizes() != tensors[0]->sizes()) return false;
  }
  const int64_t count = tensors[0]->numel();
  for (size_t i = 0; i < n; ++i) {
    // A lazy copy gets its own memory here.
    elements[i] = tensors[i]->mutable_data_ptr<float>();
    for (size_t j = 0; j < i; ++j) {
      if (elements[i] < elements[j] + count && elements[j] < elements[i] + count) return false;
    }
  }
  return true;
}

} // namespace

extern "C" {

void torch_parity_free(char* text) {
  std::free(text);
}

// The state of the global CPU generator, in a new tensor.
char* torch_parity_rng_state(at::Tensor** state) {
  return caught([&] {
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    *state = new at::Tensor(generator.get_state());
  });
}

char* torch_parity_set_rng_state(const at::Tensor* state) {
  return caught([&] {
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(*state);
  });
}

// torch.multinomial with a generator in the state `state`. Returns the numbers and the new state in
// new tensors.
char* torch_parity_multinomial(
    const at::Tensor* weights,
    int64_t count,
    bool replacement,
    const at::Tensor* state,
    at::Tensor** drawn,
    at::Tensor** new_state) {
  return caught([&] {
    at::Generator generator = at::detail::createCPUGenerator();
    generator.set_state(*state);
    at::Tensor numbers = at::_ops::multinomial::call(*weights, count, replacement, generator);
    at::Tensor after = generator.get_state();
    *drawn = new at::Tensor(std::move(numbers));
    *new_state = new at::Tensor(std::move(after));
  });
}

char* torch_parity_set_grad_to_none(at::Tensor* tensor) {
  return caught([&] {
    // All undefined tensors are one object, which must not be written.
    if (tensor->defined()) tensor->mutable_grad().reset();
  });
}

char* torch_parity_bump_version(const at::Tensor* tensor) {
  return caught([&] {
    if (tensor->defined()) tensor->unsafeGetTensorImpl()->bump_version();
  });
}

const void* torch_parity_tensor_id(const at::Tensor* tensor) {
  return tensor->unsafeGetTensorImpl();
}

bool torch_parity_is_grad_enabled() {
  return c10::GradMode::is_enabled();
}

bool torch_parity_plain_elements(const at::Tensor* const* tensors, size_t n, float** elements) {
  bool plain = false;
  std::free(caught([&] { plain = plain_elements(tensors, n, elements); }));
  return plain;
}

// Activations that tch offers only with default arguments. Python's functions dispatch to the same
// operators. The headers of the C++ functions, such as at::elu, would take 3 s more.

char* torch_parity_celu(at::Tensor** output, const at::Tensor* input, double alpha) {
  return made(output, [&] { return at::_ops::celu::call(*input, alpha); });
}

char* torch_parity_elu(at::Tensor** output, const at::Tensor* input, double alpha) {
  return made(output, [&] { return at::_ops::elu::call(*input, alpha, 1, 1); });
}

char* torch_parity_hardshrink(at::Tensor** output, const at::Tensor* input, double lambd) {
  return made(output, [&] { return at::_ops::hardshrink::call(*input, lambd); });
}

char* torch_parity_hardtanh(at::Tensor** output, const at::Tensor* input, double min, double max) {
  return made(output, [&] { return at::_ops::hardtanh::call(*input, min, max); });
}

char* torch_parity_leaky_relu(at::Tensor** output, const at::Tensor* input, double slope) {
  return made(output, [&] { return at::_ops::leaky_relu::call(*input, slope); });
}

char* torch_parity_rrelu(
    at::Tensor** output, const at::Tensor* input, double lower, double upper, bool training) {
  return made(output, [&] {
    return at::_ops::rrelu::call(*input, lower, upper, training, std::nullopt);
  });
}

char* torch_parity_softplus(
    at::Tensor** output, const at::Tensor* input, double beta, double threshold) {
  return made(output, [&] { return at::_ops::softplus::call(*input, beta, threshold); });
}

char* torch_parity_softshrink(at::Tensor** output, const at::Tensor* input, double lambd) {
  return made(output, [&] { return at::_ops::softshrink::call(*input, lambd); });
}

// Their forms in place.

char* torch_parity_celu_(at::Tensor* input, double alpha) {
  return caught([&] { at::_ops::celu_::call(*input, alpha); });
}

char* torch_parity_elu_(at::Tensor* input, double alpha) {
  return caught([&] { at::_ops::elu_::call(*input, alpha, 1, 1); });
}

char* torch_parity_hardtanh_(at::Tensor* input, double min, double max) {
  return caught([&] { at::_ops::hardtanh_::call(*input, min, max); });
}

char* torch_parity_leaky_relu_(at::Tensor* input, double slope) {
  return caught([&] { at::_ops::leaky_relu_::call(*input, slope); });
}

char* torch_parity_rrelu_(at::Tensor* input, double lower, double upper, bool training) {
  return caught([&] { at::_ops::rrelu_::call(*input, lower, upper, training, std::nullopt); });
}

// The only loss that tch lacks. `weight` may be null.
char* torch_parity_multi_margin_loss(
    at::Tensor** output,
    const at::Tensor* input,
    const at::Tensor* target,
    double p,
    double margin,
    const at::Tensor* weight,
    int64_t reduction) {
  return made(output, [&] {
    const auto weights = weight ? std::optional<at::Tensor>(*weight) : std::nullopt;
    return at::_ops::multi_margin_loss::call(*input, *target, p, margin, weights, reduction);
  });
}

// Operations of optimizers for which tch lacks a factor, exchanges the arguments, or panics: its
// functions that take a number drop the number while an error is pending, and take the error for
// their own.

// Python's a.mul_(number). at::mul_(Tensor, Scalar) exchanges the factors and so first rounds the
// number to bfloat16 or float16.
char* torch_parity_mul_(at::Tensor* a, double number) {
  return caught([&] { a->mul_(at::native::wrapped_scalar_tensor(number)); });
}

char* torch_parity_add(const at::Tensor* a, const at::Tensor* b, double alpha, at::Tensor** sum) {
  return caught([&] { *sum = new at::Tensor(a->add(*b, alpha)); });
}

char* torch_parity_add_(at::Tensor* a, const at::Tensor* b, double alpha) {
  return caught([&] { a->add_(*b, alpha); });
}

char* torch_parity_addcmul_(
    at::Tensor* a, const at::Tensor* b, const at::Tensor* c, double value) {
  return caught([&] { a->addcmul_(*b, *c, value); });
}

char* torch_parity_addcdiv_(
    at::Tensor* a, const at::Tensor* b, const at::Tensor* c, double value) {
  return caught([&] { a->addcdiv_(*b, *c, value); });
}

char* torch_parity_div_(at::Tensor* a, double number) {
  return caught([&] { a->div_(number); });
}

char* torch_parity_add_number_(at::Tensor* a, double number) {
  return caught([&] { a->add_(number); });
}

char* torch_parity_fill_(at::Tensor* a, double number) {
  return caught([&] { a->fill_(number); });
}

char* torch_parity_lerp_(at::Tensor* a, const at::Tensor* end, double weight) {
  return caught([&] { a->lerp_(*end, weight); });
}

char* torch_parity_clone(const at::Tensor* tensor, at::Tensor** clone) {
  return caught([&] { *clone = new at::Tensor(tensor->clone()); });
}

} // extern "C"
