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
  /// Digits after the point.
  int precision = 4;
  /// Columns before a line wraps.
  std::int64_t line_width = 80;
  /// More elements than this are summarised with "...".
  std::int64_t threshold = 1000;
  /// Entries shown at each end of an axis when summarised; at least 1.
  std::int64_t edge_items = 3;
  /// Whether to print 1.0000e-04; by torch's rule unless given.
  std::optional<bool> scientific = std::nullopt;
  /// "MmBackward0" ends the text with grad_fn=<MmBackward0>.
  std::string_view grad_fn = {};
  /// Ends the text with requires_grad=True where there is no grad_fn.
  bool requires_grad = false;
  /// Begins the text with the line "Parameter containing:" and implies requires_grad.
  bool parameter = false;
};

/// Returns repr(tensor) of torch 2.13, e.g. "tensor([0.4419, 0.6515, 0.5683])", of a view of any
/// type, rank and strides; types other than f32, i64 and bool are named (`dtype=torch.float16`).
/// Later lines are indented for a text that begins in the first column, as in torch: a caller's own
/// "Input vectors: " before it does not move them.
///
/// Digits after the point and one width for all shown elements; "1." where all finite values are
/// whole numbers; "-inf" and "nan" padded; scientific where, over the finite nonzero magnitudes,
/// max / min > 1000, max > 1e8 or min < 1e-4. Throws Error{invalid_argument} for a negative
/// precision and for fewer than one edge item.
std::string format_tensor(const TensorView& tensor, const PrintOptions& options = {});

/// Returns repr(float) of Python: the fewest digits that give the same double. What `.item()` of a
/// float32 prints is this of its exact value: 0.9999999403953552.
std::string format_scalar(double value);

/// Returns a count with commas, as Python's f"{count:,}": "2,360,064".
std::string format_count(std::int64_t count);

}  // namespace fovea
