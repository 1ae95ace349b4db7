// Tensors as text, character for character as PyTorch prints them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fovea/core/tensor_view.h"

namespace fovea {

/// What torch.set_printoptions sets, and what torch knows of a tensor that a view does not.
struct PrintOptions {
  int precision = 4;              ///< digits after the point
  std::int64_t line_width = 80;   ///< columns before a line wraps
  std::int64_t threshold = 1000;  ///< more elements than this are summarised with "..."
  std::int64_t edge_items =
      3;  ///< entries shown at each end of an axis when summarised; at least 1
  std::optional<bool> scientific =
      std::nullopt;               ///< whether to print 1.0000e-04; by torch's rule unless given
  std::string_view grad_fn = {};  ///< "MmBackward0" ends the text with grad_fn=<MmBackward0>
  bool requires_grad = false;  ///< ends the text with requires_grad=True, where there is no grad_fn
  bool parameter =
      false;  ///< begins with the line "Parameter containing:" and implies requires_grad
};

/// Returns repr(tensor) of torch 2.13, e.g. "tensor([0.4419, 0.6515, 0.5683])", of a view of any
/// type, rank and strides; types other than f32, i64 and bool are named (`dtype=torch.float16`).
/// Text that a caller puts before it
/// ("Input vectors: ") does not change the indent of the later lines, in Python neither.
///
/// Digits after the point, one width for all shown elements; "1." where all finite values are whole
/// numbers;
/// "-inf" and "nan" padded; scientific where max / min > 1000, max > 1e8 or min < 1e-4 over the
/// finite nonzero magnitudes.
std::string format_tensor(const TensorView& tensor, const PrintOptions& options = {});

/// Returns repr(float) of Python: the fewest digits that give the same double. What `.item()` of a
/// float32 prints is this of its exact value: 0.9999999403953552.
std::string format_scalar(double value);

/// Returns a count with commas, as Python's f"{count:,}": "2,360,064".
std::string format_count(std::int64_t count);

}  // namespace fovea
