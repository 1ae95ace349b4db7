// torch's tensor printing: choose one format for all shown elements, lay them out, wrap the
// suffixes.
#include "fovea/core/format_tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "fovea/core/error.h"

namespace fovea {
namespace {

using Texts = std::vector<std::string>;

template <typename T>
T load(const void* data) noexcept {
  return *static_cast<const T*>(data);
}

double floating_value(const void* data, DType type) noexcept {
  switch (type) {
    case DType::f64:
      return load<double>(data);
    case DType::f16:
      return static_cast<double>(to_float(load<Float16>(data)));
    case DType::bf16:
      return static_cast<double>(to_float(load<BFloat16>(data)));
    default:
      return static_cast<double>(load<float>(data));
  }
}

std::string integer_text(const void* data, DType type) {
  switch (type) {
    case DType::boolean:
      return load<bool>(data) ? "True" : "False";
    case DType::i8:
      return std::to_string(load<std::int8_t>(data));
    case DType::i16:
      return std::to_string(load<std::int16_t>(data));
    case DType::i32:
      return std::to_string(load<std::int32_t>(data));
    case DType::u8:
      return std::to_string(load<std::uint8_t>(data));
    case DType::u16:
      return std::to_string(load<std::uint16_t>(data));
    case DType::u32:
      return std::to_string(load<std::uint32_t>(data));
    case DType::u64:
      return std::to_string(load<std::uint64_t>(data));
    default:
      return std::to_string(load<std::int64_t>(data));
  }
}

std::string_view torch_name(DType type) noexcept {
  switch (type) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::f16:
      return "float16";
    case DType::bf16:
      return "bfloat16";
    case DType::boolean:
      return "bool";
    case DType::i8:
      return "int8";
    case DType::i16:
      return "int16";
    case DType::i32:
      return "int32";
    case DType::i64:
      return "int64";
    case DType::u8:
      return "uint8";
    case DType::u16:
      return "uint16";
    case DType::u32:
      return "uint32";
    case DType::u64:
      return "uint64";
  }
  return "unknown";
}

// True where an axis of this size is shown as its first and last entries around "...".
bool is_cut(std::int64_t size, bool summarise, const PrintOptions& options) noexcept {
  return summarise && options.edge_items <= (size - 1) / 2;
}

// Calls visit(entry) for the entries of an axis that are shown.
template <typename Visit>
void for_each_shown(std::int64_t size, bool cut, const PrintOptions& options, Visit visit) {
  for (std::int64_t entry = 0; entry < size; ++entry) {
    if (cut && entry == options.edge_items) entry = size - options.edge_items;
    visit(entry);
  }
}

// Calls visit(pointer) for every shown element in row-major order.
template <typename Visit>
void for_each_element(const TensorView& view, int axis, const std::byte* data, bool summarise,
                      const PrintOptions& options, const Visit& visit) {
  if (axis == view.rank()) {
    visit(data);
    return;
  }
  const std::int64_t step = view.stride(axis) * size_of(view.dtype());
  for_each_shown(view.size(axis), is_cut(view.size(axis), summarise, options), options,
                 [&](std::int64_t entry) {
                   for_each_element(view, axis + 1, data + entry * step, summarise, options, visit);
                 });
}

// fmt writes the sign of a NaN, Python does not.
std::string floating_text(double value, char presentation, int precision) {
  if (std::isnan(value)) return "nan";
  if (presentation == 'e') return fmt::format("{:.{}e}", value, precision);
  return fmt::format("{:.{}f}", value, precision);
}

// The texts of a tensor's shown elements, and the width that torch counts with: in a tensor of
// whole numbers it includes the point, and zeros, infinities and NaNs never widen it.
struct Cells {
  Texts texts;
  std::size_t width = 1;

  void widen(std::size_t length) { width = std::max(width, length); }
};

bool is_scientific(std::span<const double> magnitudes, const PrintOptions& options) {
  if (options.scientific) return *options.scientific;
  const auto [least, most] = std::minmax_element(magnitudes.begin(), magnitudes.end());
  return *most / *least > 1000.0 || *most > 1e8 || *least < 1e-4;
}

Cells floating_cells(std::span<const double> values, const PrintOptions& options) {
  std::vector<double> magnitudes;
  bool whole = true;
  for (double value : values) {
    if (!std::isfinite(value) || value == 0) continue;
    magnitudes.push_back(std::abs(value));
    whole = whole && value == std::ceil(value);
  }
  const bool scientific = !magnitudes.empty() && is_scientific(magnitudes, options);
  Cells cells;
  for (double value : values) {
    std::string text = scientific ? floating_text(value, 'e', options.precision)
                                  : floating_text(value, 'f', whole ? 0 : options.precision);
    if (whole && !scientific && std::isfinite(value)) text += '.';
    if (std::isfinite(value) && value != 0) cells.widen(text.size());
    cells.texts.push_back(std::move(text));
  }
  return cells;
}

Cells make_cells(const TensorView& view, bool summarise, const PrintOptions& options) {
  const auto* data = static_cast<const std::byte*>(view.data());
  Cells cells;
  if (is_floating(view.dtype())) {
    std::vector<double> values;
    for_each_element(view, 0, data, summarise, options, [&](const std::byte* element) {
      values.push_back(floating_value(element, view.dtype()));
    });
    cells = floating_cells(values, options);
  } else {
    for_each_element(view, 0, data, summarise, options, [&](const std::byte* element) {
      cells.texts.push_back(integer_text(element, view.dtype()));
      cells.widen(cells.texts.back().size());
    });
  }
  for (std::string& text : cells.texts) {
    if (text.size() < cells.width) text.insert(0, cells.width - text.size(), ' ');
  }
  return cells;
}

// Lays the cells out in brackets, axis by axis.
class Layout {
 public:
  Layout(const TensorView& view, const Cells& cells, bool summarise, const PrintOptions& options)
      : view_(view),
        next_(cells.texts.begin()),
        width_(cells.width),
        summarise_(summarise),
        options_(options) {}

  // The text of everything below `axis`; `indent` is the column of its opening bracket.
  std::string text(int axis, std::int64_t indent) {
    if (axis == view_.rank()) return *next_++;
    const bool innermost = axis + 1 == view_.rank();
    const std::int64_t size = view_.size(axis);
    const bool cut = is_cut(size, summarise_, options_);
    Texts items;
    for_each_shown(size, cut, options_, [&](std::int64_t entry) {
      if (cut && entry == size - options_.edge_items) items.push_back(innermost ? " ..." : "...");
      items.push_back(text(axis + 1, indent + 1));
    });
    return innermost ? join_lines(items, indent) : join_rows(items, view_.rank() - axis, indent);
  }

 private:
  // As many cells a line as fit, counting a comma and a space for each.
  std::string join_lines(const Texts& items, std::int64_t indent) const {
    const std::int64_t room = options_.line_width - indent;
    const std::int64_t cell = static_cast<std::int64_t>(width_) + 2;
    const auto per_line = static_cast<std::size_t>(std::max<std::int64_t>(1, room / cell));
    const std::string next_line = ",\n" + std::string(static_cast<std::size_t>(indent) + 1, ' ');
    std::string result = "[";
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) result += i % per_line == 0 ? next_line : std::string(", ");
      result += items[i];
    }
    return result + "]";
  }

  // One empty line between matrices, two between batches of matrices, and so on.
  static std::string join_rows(const Texts& items, int axes, std::int64_t indent) {
    const std::string separator = fmt::format(",{:\n>{}}{:{}}", "", axes - 1, "", indent + 1);
    return fmt::format("[{}]", fmt::join(items, separator));
  }

  TensorView view_;
  Texts::const_iterator next_;
  std::size_t width_;
  bool summarise_;
  const PrintOptions& options_;
};

// Python's tuple of the sizes: "(0, 3)", "(0,)".
std::string size_tuple(const Shape& sizes) {
  return fmt::format("({}{})", fmt::join(sizes.begin(), sizes.end(), ", "),
                     sizes.rank() == 1 ? "," : "");
}

Texts make_suffixes(const TensorView& view, const PrintOptions& options) {
  Texts suffixes;
  const bool empty = view.element_count() == 0;
  const bool is_default =
      view.dtype() == DType::f32 ||
      (!empty && (view.dtype() == DType::i64 || view.dtype() == DType::boolean));
  if (empty && view.rank() != 1) suffixes.push_back("size=" + size_tuple(view.shape()));
  if (!is_default) suffixes.push_back(fmt::format("dtype=torch.{}", torch_name(view.dtype())));
  if (!options.grad_fn.empty()) {
    suffixes.push_back(fmt::format("grad_fn=<{}>", options.grad_fn));
  } else if (options.requires_grad || options.parameter) {
    suffixes.emplace_back("requires_grad=True");
  }
  return suffixes;
}

}  // namespace

std::string format_tensor(const TensorView& tensor, const PrintOptions& options) {
  if (options.precision < 0 || options.edge_items < 1) {
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format(
            "format_tensor: precision {} and edge_items {} given; at least 0 and 1 are wanted",
            options.precision, options.edge_items));
  }
  constexpr std::string_view kPrefix = "tensor(";
  const std::int64_t count = tensor.element_count();
  std::string result(kPrefix);
  if (count == 0) {
    result += "[]";
  } else {
    const bool summarise = count > options.threshold;
    const Cells cells = make_cells(tensor, summarise, options);
    result += Layout(tensor, cells, summarise, options)
                  .text(0, static_cast<std::int64_t>(kPrefix.size()));
  }
  // torch counts two columns more than the last line has.
  const std::size_t line_start = result.rfind('\n') + 1;
  auto column = static_cast<std::int64_t>(result.size() - line_start + 2);
  for (const std::string& suffix : make_suffixes(tensor, options)) {
    const auto length = static_cast<std::int64_t>(suffix.size());
    if (column + length + 2 > options.line_width) {
      result += ",\n" + std::string(kPrefix.size(), ' ') + suffix;
      column = static_cast<std::int64_t>(kPrefix.size()) + length;
    } else {
      result += ", " + suffix;
      column += length + 2;
    }
  }
  result += ')';
  return options.parameter ? "Parameter containing:\n" + result : result;
}

std::string format_scalar(double value) {
  if (std::isnan(value)) return "nan";
  std::string text = fmt::format("{}", value);
  if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string format_count(std::int64_t count) {
  std::string text = std::to_string(count);
  const std::size_t first_digit = count < 0 ? 1 : 0;
  for (std::size_t place = text.size(); place > first_digit + 3;) text.insert(place -= 3, 1, ',');
  return text;
}

}  // namespace fovea
