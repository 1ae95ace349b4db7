// Rows of a tensor that will be needed soon, brought into cache a few at a time between register
// tiles. Packing the queries and writing the output touch each line once and would wait for all of
// them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/score_tile.h"

namespace fovea::kernels {

class RowsAhead {
 public:
  void clear() noexcept {
    count_ = at_ = 0;
    row_ = 0;
    at_once_ = 0;
  }

  /// Adds the rows of a block in `tensor`, which has the query's or the output's shape. What is
  /// added first is fetched first; at most three lists. Tensor and rows must stay where they are
  /// until `clear`.
  void add(const TensorView& tensor, const TileRows& rows) noexcept {
    add(tensor, rows, {0, tensor.size(3)});
  }

  /// The same of elements `range` of each row, which lie side by side.
  void add(const TensorView& tensor, const TileRows& rows, const KeyRange& range) noexcept {
    const std::int64_t size = size_of(tensor.dtype());
    lists_[count_++] = {.data = static_cast<const std::byte*>(tensor.data()) +
                                (rows.batch * tensor.stride(0) + range.first) * size,
                        .head_stride = tensor.stride(1) * size,
                        .query_stride = tensor.stride(2) * size,
                        .bytes = (range.last - range.first) * size,
                        .rows = &rows};
    at_once_ += kAtOnce;
  }

  /// Begins to fetch the next few rows.
  void fetch() noexcept {
    if (at_ < count_) fetch_some();
  }

 private:
  static constexpr std::int64_t kLine = 64;
  static constexpr int kAtOnce = 3;  // a key block has some 33 tiles, 22 of them before its scores
                                     // are whole, for 64 rows of a list

  struct List {
    const std::byte* data;
    std::int64_t head_stride;  // bytes
    std::int64_t query_stride;
    std::int64_t bytes;
    const TileRows* rows;
  };

  // Into the second level of cache: more would push out what the products work on.
  void fetch_some() noexcept {
    const List& list = lists_[at_];
    const int last = std::min(row_ + at_once_, list.rows->count);
    for (; row_ < last; ++row_) {
      const auto lane = static_cast<std::size_t>(row_);
      const std::byte* const row = list.data + list.rows->head[lane] * list.head_stride +
                                   list.rows->query[lane] * list.query_stride;
      for (std::int64_t at = 0; at < list.bytes; at += kLine) __builtin_prefetch(row + at, 0, 2);
    }
    if (row_ < list.rows->count) return;
    row_ = 0;
    ++at_;
  }

  std::array<List, 3> lists_;
  std::size_t count_ = 0;
  std::size_t at_ = 0;
  int row_ = 0;
  int at_once_ = 0;
};

}  // namespace fovea::kernels
