// A label is a token id; what differs is whose id a key bears: its own, or that of the key before.
#include "fovea/insight/token_labels.h"

#include "insight/row_facts.h"

namespace fovea {
namespace {

// Keys bear the token that lies `back` keys before them.
TokenLabels labels(const ValidAttention& valid, const TensorView& tokens, std::int64_t back) {
  const bool is_batch = valid.batch() != 1;
  const auto shape = [&](std::int64_t count) {
    return is_batch ? Shape{valid.batch(), count} : Shape{count};
  };
  TokenLabels result{.query = Tensor::uninitialized(DType::i32, shape(valid.queries())),
                     .key = Tensor::uninitialized(DType::i32, shape(valid.keys()))};
  std::int32_t* query = result.query.values<std::int32_t>().data();
  std::int32_t* key = result.key.values<std::int32_t>().data();
  for (std::int64_t b = 0; b < valid.batch(); ++b) {
    for (std::int64_t i = 0; i < valid.queries(); ++i)
      *query++ = insight::token_at(tokens, b, valid.diagonal_at(b, i));
    for (std::int64_t j = 0; j < valid.keys(); ++j) *key++ = insight::token_at(tokens, b, j - back);
  }
  return result;
}

}  // namespace

TokenLabels duplicate_labels(const Attention& attention, const TensorView& tokens) {
  const ValidAttention valid = validate(attention, {});
  return labels(valid, insight::checked_tokens(tokens, valid, "duplicate_labels"), 0);
}

TokenLabels induction_labels(const Attention& attention, const TensorView& tokens) {
  const ValidAttention valid = validate(attention, {});
  return labels(valid, insight::checked_tokens(tokens, valid, "induction_labels"), 1);
}

}  // namespace fovea
