// Weights after the fact, by weights_into: what is asked for is checked here, and computed there.
#include "fovea/insight/lens.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "fovea/attention/ragged_batch.h"
#include "fovea/attention/valid_attention.h"
#include "fovea/core/error.h"

namespace fovea {
namespace {

constexpr std::int64_t kDenseBytes = std::int64_t{256} << 20;

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorKind::invalid_argument,
              "lens: " + fmt::format(text, std::forward<Args>(args)...));
}

void check_index(const char* what, std::int64_t index, std::int64_t count) {
  if (index < 0 || index >= count) fail("{} is {}; there are {}", what, index, count);
}

void check_range(const char* what, const IndexRange& range, std::int64_t count) {
  if (range.first < 0 || range.count < 0 || range.first > count ||
      range.count > count - range.first) {
    fail("{} {} from {} asked for; there are {}", range.count, what, range.first, count);
  }
}

ValidAttention checked(const Attention& attention) {
  if (is_ragged(attention)) {
    throw Error(ErrorKind::unsupported,
                "lens: a ragged batch is given; ask about one sequence at a time");
  }
  return validate(attention, {});
}

// The rows' shape, of the query's rank.
Shape rows_shape(const Attention& attention, std::int64_t heads) {
  const Shape& query = attention.query.shape();
  Shape shape(std::span(query.begin(), static_cast<std::size_t>(query.rank() - 1)));
  if (shape.rank() >= 2) shape[shape.rank() - 2] = heads;
  return shape;
}

void check_statistics(const char* name, const TensorView& numbers, const Shape& wanted) {
  if (!numbers.given()) fail("{} is not given", name);
  if (numbers.dtype() != DType::f32)
    fail("{} is {}; f32 is wanted", name, name_of(numbers.dtype()));
  if (numbers.shape() != wanted) {
    fail("{} is {}; {} is wanted: one number for each row of the question", name,
         to_string(numbers.shape()), to_string(wanted));
  }
  if (numbers.element_count() > 0 && numbers.data() == nullptr) fail("{} is a null pointer", name);
}

std::vector<std::int64_t> all_of(std::int64_t heads) {
  std::vector<std::int64_t> list(static_cast<std::size_t>(heads));
  std::iota(list.begin(), list.end(), std::int64_t{0});
  return list;
}

// `numbers` [batch, observed heads, queries], each head's moved to its own place among all heads.
Tensor in_own_places(const Tensor& numbers, const std::vector<std::int64_t>& heads,
                     const Shape& shape) {
  if (numbers.shape() == shape) return Tensor::copy_of(numbers);
  Tensor all = Tensor::uninitialized(DType::f32, shape);
  std::ranges::fill(all.values<float>(), std::numeric_limits<float>::quiet_NaN());
  const std::int64_t queries = shape[shape.rank() - 1];
  const std::int64_t places = shape[shape.rank() - 2];
  const auto slots = static_cast<std::int64_t>(heads.size());
  const std::int64_t batch = shape.rank() == 3 ? shape[0] : 1;
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      const float* from = numbers.values<float>().data() + (b * slots + slot) * queries;
      const std::int64_t head = heads[static_cast<std::size_t>(slot)];
      std::copy_n(from, queries, all.values<float>().data() + (b * places + head) * queries);
    }
  }
  return all;
}

void check_observed_heads(const std::vector<std::int64_t>& observed, std::int64_t heads) {
  for (std::int64_t head : observed) {
    if (head < 0 || head >= heads)
      fail("the answer observed head {}; the question has {}", head, heads);
  }
}

}  // namespace

struct Lens::Cells {
  IndexRange queries;
  IndexRange keys;
};

Lens::Lens(const Attention& attention, const RowStatistics& statistics) : attention_(attention) {
  const ValidAttention valid = checked(attention);
  batch_ = valid.batch();
  heads_ = valid.query_heads();
  queries_ = valid.queries();
  keys_ = valid.keys();
  observed_ = all_of(heads_);
  const Shape shape = rows_shape(attention, heads_);
  check_statistics("log2_max", statistics.log2_max, shape);
  check_statistics("row_sum", statistics.row_sum, shape);
  log2_max_ = Tensor::copy_of(statistics.log2_max);
  row_sum_ = Tensor::copy_of(statistics.row_sum);
}

Lens::Lens(const Attention& attention, const Attended& answer) : attention_(attention) {
  const ValidAttention valid = checked(attention);
  batch_ = valid.batch();
  heads_ = valid.query_heads();
  queries_ = valid.queries();
  keys_ = valid.keys();
  const Observed& seen = answer.observed;
  if (seen.log2_max.element_count() == 0 && valid.rows() > 0) {
    fail("the answer has no row statistics; ask attend with Observe::row_statistics");
  }
  observed_ = seen.heads;
  check_observed_heads(observed_, heads_);
  const Shape shape = rows_shape(attention, heads_);
  if (valid.rows() > 0) {
    const auto slots = static_cast<std::int64_t>(observed_.size());
    check_statistics("log2_max", seen.log2_max, rows_shape(attention, slots));
    check_statistics("row_sum", seen.row_sum, rows_shape(attention, slots));
    log2_max_ = in_own_places(seen.log2_max, observed_, shape);
    row_sum_ = in_own_places(seen.row_sum, observed_, shape);
  } else {
    log2_max_ = Tensor(DType::f32, shape);
    row_sum_ = Tensor(DType::f32, shape);
  }
}

void Lens::check_head(const HeadAt& at) const {
  check_index("batch entry", at.batch, batch_);
  check_index("head", at.head, heads_);
  if (std::ranges::binary_search(observed_, at.head)) return;
  fail("head {} was not observed; the answer has heads {}", at.head, fmt::join(observed_, ", "));
}

void Lens::write(const HeadAt& at, const Cells& cells, float* to) const {
  if (cells.queries.count == 0 || cells.keys.count == 0) return;
  weights_into(attention_, {.log2_max = log2_max_, .row_sum = row_sum_},
               {.batch = at.batch,
                .head = at.head,
                .first_query = cells.queries.first,
                .queries = cells.queries.count,
                .first_key = cells.keys.first,
                .keys = cells.keys.count},
               MutableTensorView(to, {cells.queries.count, cells.keys.count}));
}

float Lens::cell(const HeadAt& at, std::int64_t query, std::int64_t key) const {
  check_head(at);
  check_index("query", query, queries_);
  check_index("key", key, keys_);
  float weight = 0;
  write(at, {{query, 1}, {key, 1}}, &weight);
  return weight;
}

Tensor Lens::row(const HeadAt& at, std::int64_t query) const {
  check_head(at);
  check_index("query", query, queries_);
  Tensor weights = Tensor::uninitialized(DType::f32, {keys_});
  write(at, {{query, 1}, {0, keys_}}, weights.values<float>().data());
  return weights;
}

Tensor Lens::column(const HeadAt& at, std::int64_t key) const {
  check_head(at);
  check_index("key", key, keys_);
  Tensor weights = Tensor::uninitialized(DType::f32, {queries_});
  write(at, {{0, queries_}, {key, 1}}, weights.values<float>().data());
  return weights;
}

std::vector<KeyWeight> Lens::top(const HeadAt& at, std::int64_t query, std::int64_t k) const {
  if (k < 0) fail("the {} largest weights asked for; k must be 0 or more", k);
  const Tensor weights = row(at, query);
  std::vector<KeyWeight> list;
  for (std::int64_t j = 0; j < keys_; ++j) {
    const float weight = weights.values<float>()[static_cast<std::size_t>(j)];
    if (weight > 0) list.push_back({j, weight});
  }
  const auto wanted = std::min<std::int64_t>(k, static_cast<std::int64_t>(list.size()));
  std::partial_sort(list.begin(), list.begin() + wanted, list.end(),
                    [](const KeyWeight& a, const KeyWeight& b) {
                      return a.weight != b.weight ? a.weight > b.weight : a.key < b.key;
                    });
  list.resize(static_cast<std::size_t>(wanted));
  return list;
}

Tensor Lens::block(const HeadAt& at, const IndexRange& queries, const IndexRange& keys) const {
  check_head(at);
  check_range("queries", queries, queries_);
  check_range("keys", keys, keys_);
  Tensor weights = Tensor::uninitialized(DType::f32, {queries.count, keys.count});
  write(at, {queries, keys}, weights.values<float>().data());
  return weights;
}

Tensor Lens::dense(std::int64_t batch, DenseLimit limit) const {
  check_index("batch entry", batch, batch_);
  for (std::int64_t head = 0; head < heads_; ++head) check_head({.head = head, .batch = batch});
  // As a double, so that no product of sizes overflows.
  const double bytes = static_cast<double>(heads_) * static_cast<double>(queries_) *
                       static_cast<double>(keys_) * sizeof(float);
  if (limit == DenseLimit::mib_256 && bytes > static_cast<double>(kDenseBytes)) {
    throw Error(ErrorKind::unsupported,
                fmt::format("lens: all weights, {} f32, take {:.0f} bytes; above 256 MiB ask for "
                            "blocks, or give DenseLimit::none",
                            to_string(Shape{heads_, queries_, keys_}), bytes));
  }
  Tensor weights = Tensor::uninitialized(DType::f32, {heads_, queries_, keys_});
  for (std::int64_t head = 0; head < heads_; ++head) {
    write({.head = head, .batch = batch}, {{0, queries_}, {0, keys_}},
          weights.values<float>().data() + head * queries_ * keys_);
  }
  return weights;
}

}  // namespace fovea
