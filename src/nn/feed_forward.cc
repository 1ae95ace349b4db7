// The book's feed-forward part: two linear layers around GELU.
#include "fovea/nn/feed_forward.h"

#include <fmt/format.h>

#include <limits>

#include "fovea/core/error.h"

namespace fovea::nn {
namespace {

// Checked before the product, so that it cannot overflow.
std::int64_t four_times(std::int64_t size) {
  if (size >= 0 && size <= std::numeric_limits<std::int32_t>::max() / 4) return 4 * size;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("FeedForward: size {} given; 0 to {} are wanted", size,
                          std::numeric_limits<std::int32_t>::max() / 4));
}

}  // namespace

FeedForward::FeedForward(std::int64_t size, Generator& generator)
    : in_(size, four_times(size), Bias::yes, generator),
      out_(four_times(size), size, Bias::yes, generator) {}

Tensor FeedForward::forward(const TensorView& x) const {
  Tensor inner = in_.forward(x);
  gelu(Gelu::tanh, inner.values<float>());
  return out_.forward(inner);
}

}  // namespace fovea::nn
