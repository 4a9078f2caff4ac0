// Common helpers for C++ functions that are called from Rust.

#pragma once

#include <ATen/core/Tensor.h>

#include <cstdlib>
#include <cstring>

namespace torch_parity {

// The text of an error without libtorch's stack frames. Never null.
inline char* text_of(const char* text) {
  char* copy = strdup(text != nullptr && *text != '\0' ? text : "unknown error");
  // Without memory for a few words, nothing can be reported any more.
  if (copy == nullptr) std::abort();
  return copy;
}

template <typename F>
char* caught(F&& run) noexcept {
  try {
    run();
    return nullptr;
  } catch (const c10::Error& error) {
    return text_of(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return text_of(error.what());
  } catch (...) {
    return text_of(nullptr);
  }
}

// As `caught`, for functions that return a tensor: the caller owns `*output` if the text is null.
template <typename F>
char* made(at::Tensor** output, F&& run) noexcept {
  return caught([&] { *output = new at::Tensor(run()); });
}

// The dispatch keys of an ordinary CPU tensor: its backend, and the bookkeeping added to it.
// Sparse, quantized, mkldnn and nested tensors, negated and conjugated views, ZeroTensors, other
// devices and wrappers of any kind have further keys or another backend.
inline constexpr c10::DispatchKeySet plain_keys =
    c10::DispatchKeySet(c10::DispatchKey::CPU) |
    c10::DispatchKeySet(c10::DispatchKey::AutogradCPU) |
    c10::DispatchKeySet(c10::DispatchKey::AutocastCPU) |
    c10::DispatchKeySet(c10::DispatchKey::ADInplaceOrView);

// Returns true for such a tensor, with any memory layout.
inline bool is_ordinary(const at::Tensor& tensor) {
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  const c10::DispatchKeySet keys = impl->key_set();
  return keys.has(c10::DispatchKey::CPU) && (keys | plain_keys) == plain_keys && impl->has_storage();
}

// Returns true if its elements have this type and are contiguous.
inline bool is_plain(const at::Tensor& tensor, at::ScalarType type) {
  if (!is_ordinary(tensor) || tensor.scalar_type() != type) return false;
  if (!tensor.is_contiguous()) return false;
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  const c10::Storage& storage = impl->unsafe_storage();
  const size_t end =
      static_cast<size_t>(impl->storage_offset() + impl->numel()) * c10::elementSize(type);
  return storage.data() != nullptr && end <= storage.nbytes();
}

} // namespace torch_parity
