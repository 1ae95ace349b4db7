// The notebooks' arithmetic: plain loops whose order of operations is the contract.
#include "fovea/nn/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "fovea/core/error.h"
#include "nn/shapes.h"

namespace fovea::nn {
namespace {

void require_f32(std::string_view where, const TensorView& x) {
  if (x.given() && x.dtype() == DType::f32) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: the argument is {}; f32 is wanted", where,
                          x.given() ? name_of(x.dtype()) : "missing"));
}

[[noreturn]] void refuse_shapes(std::string_view where, const TensorView& a, const TensorView& b,
                                std::string_view want) {
  throw Error(ErrorKind::invalid_argument,
              fmt::format("{}: {} and {} given; {} are wanted", where, to_string(a.shape()),
                          to_string(b.shape()), want));
}

void require_rank(std::string_view where, const TensorView& x, int least) {
  require_f32(where, x);
  if (x.rank() >= least) return;
  throw Error(ErrorKind::invalid_argument, fmt::format("{}: {} given; at least {} axes are wanted",
                                                       where, to_string(x.shape()), least));
}

// A row-major copy with `change` applied to each element.
template <typename Change>
Tensor map(std::string_view where, const TensorView& x, Change change) {
  require_f32(where, x);
  Tensor result = Tensor::copy_of(x);
  for (float& value : result.values<float>()) value = change(value);
  return result;
}

// A row-major copy with `change` applied to each row: a span over the last axis.
template <typename Change>
Tensor map_rows(std::string_view where, const TensorView& x, Change change) {
  require_rank(where, x, 1);
  Tensor result = Tensor::copy_of(x);
  const auto width = static_cast<std::size_t>(x.size(x.rank() - 1));
  const std::span<float> values = result.values<float>();
  for (std::size_t first = 0; width > 0 && first < values.size(); first += width)
    change(values.subspan(first, width));
  return result;
}

// A row-major copy with the entries above the diagonal of each matrix set to `hidden`.
Tensor fill_future(std::string_view where, const TensorView& x, float hidden) {
  require_rank(where, x, 2);
  const std::int64_t rows = x.size(x.rank() - 2);
  std::int64_t row = 0;
  return map_rows(where, x, [&](std::span<float> values) {
    for (auto i = static_cast<std::size_t>(row) + 1; i < values.size(); ++i) values[i] = hidden;
    row = (row + 1) % rows;
  });
}

// exp through double: rounded correctly but where exp lies within 2^-52 (relative) of a tie between
// two floats.
float rounded_exp(float x) noexcept {
  return static_cast<float>(std::exp(static_cast<double>(x)));
}

// Four running sums of lane `lane` of the groups of `lanes` values, the incomplete four at the end
// going into the first.
float sum_lane(std::span<const float> x, std::size_t lane, std::size_t lanes) noexcept {
  const std::size_t groups = x.size() / lanes;
  std::array<float, 4> parts{};
  for (std::size_t i = 0; i < groups; ++i) {
    float& part = parts[i < groups / 4 * 4 ? i % 4 : 0];
    part += x[i * lanes + lane];
  }
  return ((parts[0] + parts[1]) + parts[2]) + parts[3];
}

float sum_of(std::span<const float> x) noexcept {
  constexpr std::size_t kLanes = 8;
  if (x.size() < kLanes) return sum_lane(x, 0, 1);
  float total = 0;
  for (std::size_t i = x.size() / kLanes * kLanes; i < x.size(); ++i) total += x[i];
  for (std::size_t lane = 0; lane < kLanes; ++lane) total += sum_lane(x, lane, kLanes);
  return total;
}

// The exponentials of each value less `shift`, divided by their sum.
void exponentials_over_sum(std::span<float> row, float shift) noexcept {
  for (float& value : row) value = rounded_exp(value - shift);
  const float total = sum_of(row);
  for (float& value : row) value /= total;
}

// The leading axes that a and b broadcast to, by numpy's rule.
Shape broadcast_leading(const TensorView& a, const TensorView& b) {
  const TensorView& longer = a.rank() >= b.rank() ? a : b;
  const TensorView& shorter = a.rank() >= b.rank() ? b : a;
  Shape sizes = leading(longer.shape(), 2);
  const int added = longer.rank() - shorter.rank();
  for (int axis = 0; axis < shorter.rank() - 2; ++axis) {
    const std::int64_t size = shorter.size(axis);
    if (sizes[axis + added] == 1) {
      sizes[axis + added] = size;
    } else if (size != 1 && size != sizes[axis + added]) {
      refuse_shapes("matmul", a, b, "leading axes that are equal or 1");
    }
  }
  return sizes;
}

// Both have at least two axes.
Tensor multiply_matrices(const TensorView& a, const TensorView& b) {
  const std::int64_t rows = a.size(a.rank() - 2);
  const std::int64_t inner = a.size(a.rank() - 1);
  const std::int64_t columns = b.size(b.rank() - 1);
  const Shape batch = broadcast_leading(a, b);
  const Tensor left = Tensor::copy_of(a.broadcast_to(joined(batch, {rows, inner})));
  const Tensor right = Tensor::copy_of(b.broadcast_to(joined(batch, {inner, columns})));
  Tensor result(DType::f32, joined(batch, {rows, columns}));
  const float* x = left.values<float>().data();
  float* out = result.values<float>().data();
  const std::int64_t all_rows = batch.element_count() * rows;
  for (std::int64_t row = 0; row < all_rows; ++row) {
    const float* y = right.values<float>().data() + row / rows * inner * columns;
    for (std::int64_t k = 0; k < inner; ++k) {
      for (std::int64_t column = 0; column < columns; ++column) {
        out[row * columns + column] =
            std::fma(x[row * inner + k], y[k * columns + column], out[row * columns + column]);
      }
    }
  }
  return result;
}

}  // namespace

float dot(const TensorView& a, const TensorView& b) {
  require_f32("dot", a);
  require_f32("dot", b);
  if (a.rank() != 1 || a.shape() != b.shape())
    refuse_shapes("dot", a, b, "two vectors of one length");
  float total = 0;
  for (std::int64_t i = 0; i < a.size(0); ++i)
    total = std::fma(a.at<float>(i), b.at<float>(i), total);
  return total;
}

Tensor matmul(const TensorView& a, const TensorView& b) {
  require_rank("matmul", a, 1);
  require_rank("matmul", b, 1);
  const TensorView left = a.rank() == 1 ? a.with_leading_axis() : a;
  const TensorView right = b.rank() == 1 ? b.with_leading_axis().permuted({1, 0}) : b;
  if (left.size(left.rank() - 1) != right.size(right.rank() - 2)) {
    refuse_shapes("matmul", a, b, "[..., n, k] and [..., k, m]");
  }
  Tensor product = multiply_matrices(left, right);
  if (a.rank() > 1 && b.rank() > 1) return product;
  Shape sizes = leading(product.shape(), 2);
  if (a.rank() > 1) sizes = joined(sizes, {product.size(product.rank() - 2)});
  if (b.rank() > 1) sizes = joined(sizes, {product.size(product.rank() - 1)});
  return Tensor::of<float>(sizes, product.values<float>());
}

Tensor transpose(const TensorView& x) {
  require_rank("transpose", x, 2);
  Shape order = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) order[axis] = axis;
  std::swap(order[x.rank() - 2], order[x.rank() - 1]);
  return Tensor::copy_of(x.permuted(order));
}

float sum(const TensorView& values) {
  require_f32("sum", values);
  if (values.rank() != 1) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("sum: {} given; a vector is wanted", to_string(values.shape())));
  }
  const Tensor copy = Tensor::copy_of(values);
  return sum_of(copy.values<float>());
}

Tensor sum_rows(const TensorView& x) {
  require_rank("sum_rows", x, 1);
  const Tensor copy = Tensor::copy_of(x);
  Tensor sums(DType::f32, leading(x.shape(), 1));
  const auto width = static_cast<std::size_t>(x.size(x.rank() - 1));
  std::size_t first = 0;
  for (float& total : sums.values<float>()) {
    total = sum_of(copy.values<float>().subspan(first, width));
    first += width;
  }
  return sums;
}

Tensor exp(const TensorView& x) {
  return map("exp", x, rounded_exp);
}

Tensor multiply(const TensorView& x, double factor) {
  return map("multiply", x, [by = static_cast<float>(factor)](float value) { return value * by; });
}

Tensor divide(const TensorView& x, double divisor) {
  return map("divide", x, [by = static_cast<float>(divisor)](float value) { return value / by; });
}

Tensor add(const TensorView& a, const TensorView& b) {
  require_f32("add", a);
  require_f32("add", b);
  const Tensor other = Tensor::copy_of(b.broadcast_to(a.shape()));
  const float* term = other.values<float>().data();
  return map("add", a, [&](float value) { return value + *term++; });
}

Tensor normalise_by_sum(const TensorView& scores) {
  return map_rows("normalise_by_sum", scores, [](std::span<float> row) {
    const float total = sum_of(row);
    for (float& value : row) value /= total;
  });
}

Tensor naive_softmax(const TensorView& scores) {
  return map_rows("naive_softmax", scores,
                  [](std::span<float> row) { exponentials_over_sum(row, 0); });
}

Tensor softmax(const TensorView& scores) {
  return map_rows("softmax", scores, [](std::span<float> row) {
    exponentials_over_sum(row, *std::max_element(row.begin(), row.end()));
  });
}

Tensor causal_mask(std::int64_t tokens) {
  Tensor ones = Tensor::uninitialized(DType::f32, {tokens, tokens});
  std::ranges::fill(ones.values<float>(), 1.0f);
  return zero_future(ones);
}

Tensor zero_future(const TensorView& weights) {
  return fill_future("zero_future", weights, 0);
}

Tensor hide_future(const TensorView& scores) {
  return fill_future("hide_future", scores, -std::numeric_limits<float>::infinity());
}

Tensor contributions(const TensorView& weights, const TensorView& values) {
  require_f32("contributions", weights);
  require_f32("contributions", values);
  if (weights.rank() != 1 || values.rank() != 2 || weights.size(0) != values.size(0)) {
    refuse_shapes("contributions", weights, values, "weights [n] and values [n, d]");
  }
  std::int64_t row = 0;
  return map_rows("contributions", values, [&](std::span<float> entries) {
    for (float& entry : entries) entry *= weights.at<float>(row);
    ++row;
  });
}

Tensor context_vector(const TensorView& weights, const TensorView& values) {
  const Tensor shares = contributions(weights, values);
  Tensor context(DType::f32, {values.size(1)});
  const float* share = shares.values<float>().data();
  for (std::int64_t row = 0; row < values.size(0); ++row) {
    for (float& entry : context.values<float>()) entry += *share++;
  }
  return context;
}

}  // namespace fovea::nn
