// A linear layer: torch's init, fma chains where tiny, CBLAS where large.
#include "fovea/nn/linear.h"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "fovea/core/error.h"
#include "fovea/nn/steps.h"
#include "nn/blas.h"
#include "nn/shapes.h"

namespace fovea::nn {
namespace {

// CBLAS counts in int.
constexpr std::int64_t kLargestSize = std::numeric_limits<int>::max();

void require_sizes(std::int64_t in_features, std::int64_t out_features) {
  const auto fits = [](std::int64_t size) { return size >= 0 && size <= kLargestSize; };
  if (fits(in_features) && fits(out_features)) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("Linear: in_features {}, out_features {} given; 0 to {} are wanted",
                          in_features, out_features, kLargestSize));
}

// torch's kaiming_uniform_(a = sqrt(5)), expression by expression, rounded to float32 at the end as
// it does.
float init_bound(std::int64_t in_features) {
  if (in_features == 0) return 0;
  const double gain = std::sqrt(2.0 / (1 + 5));
  const double deviation = gain / std::sqrt(static_cast<double>(in_features));
  return static_cast<float>(std::sqrt(3.0) * deviation);
}

Tensor draw(const Shape& sizes, float bound, Generator& generator) {
  return uniform(sizes, -bound, bound, generator);
}

// y [rows, out] = x [rows, in] · weightᵀ, added to what y holds.
void multiply_large(const Tensor& x, const Tensor& weight, Tensor& y) {
  const std::int64_t in = weight.size(1);
  const std::int64_t out = weight.size(0);
  const std::int64_t rows = x.element_count() / in;
  require_blas_memory(1);
  const float* source = x.values<float>().data();
  float* target = y.values<float>().data();
  for (std::int64_t first = 0; first < rows; first += kLargestSize) {
    const BlasTurn turn;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans,
                static_cast<int>(std::min(rows - first, kLargestSize)), static_cast<int>(out),
                static_cast<int>(in), 1, source + first * in, static_cast<int>(in),
                weight.values<float>().data(), static_cast<int>(in), 1, target + first * out,
                static_cast<int>(out));
  }
}

}  // namespace

Linear::Linear(std::int64_t in_features, std::int64_t out_features, Bias bias, Generator& generator)
    : has_bias_(bias == Bias::yes) {
  require_sizes(in_features, out_features);
  const float bound = init_bound(in_features);
  weight_ = draw({out_features, in_features}, bound, generator);
  if (has_bias_) bias_ = draw({out_features}, bound, generator);
}

Linear::Linear(Tensor weight) : weight_(std::move(weight)) {
  if (weight_.dtype() != DType::f32 || weight_.rank() != 2) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Linear: weight is {} {}; f32 [out_features, in_features] is wanted",
                            name_of(weight_.dtype()), to_string(weight_.shape())));
  }
  require_sizes(in_features(), out_features());
}

Linear::Linear(Tensor weight, Tensor bias) : Linear(std::move(weight)) {
  bias_ = std::move(bias);
  has_bias_ = true;
  if (bias_.dtype() != DType::f32 || bias_.shape() != Shape{out_features()}) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Linear: bias is {} {}; f32 [{}] is wanted", name_of(bias_.dtype()),
                            to_string(bias_.shape()), out_features()));
  }
}

void Linear::set_weight(const TensorView& weight) {
  if (!weight.given() || weight.dtype() != DType::f32 || weight.shape() != weight_.shape()) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Linear: weight {} {} given; f32 {} is wanted", name_of(weight.dtype()),
                            to_string(weight.shape()), to_string(weight_.shape())));
  }
  weight_ = Tensor::copy_of(weight);
}

Tensor Linear::forward(const TensorView& x) const {
  if (!x.given() || x.dtype() != DType::f32 || x.rank() == 0 ||
      x.size(x.rank() - 1) != in_features()) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("Linear: input is {} {}; f32 [..., {}] is wanted", name_of(x.dtype()),
                            to_string(x.shape()), in_features()));
  }
  const std::int64_t out = out_features();
  const bool large = out > 0 && x.element_count() >= (kBlasProducts + out - 1) / out;
  if (!large) {
    Tensor product = matmul(x, weight().permuted({1, 0}));
    return has_bias_ ? add(product, bias()) : std::move(product);
  }
  Tensor y(DType::f32, joined(leading(x.shape(), 1), {out}));
  if (has_bias_) y = Tensor::copy_of(bias().broadcast_to(y.shape()));
  multiply_large(Tensor::copy_of(x), weight_, y);
  return y;
}

std::string Linear::repr() const {
  return fmt::format("Linear(in_features={}, out_features={}, bias={})", in_features(),
                     out_features(), has_bias_ ? "True" : "False");
}

}  // namespace fovea::nn
