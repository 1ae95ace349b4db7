// The sizes (or the strides) of a tensor, outermost axis first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace fovea {

/// The most axes that a tensor may have. Attention and the files of models have 5 at most; a question is some sixty shapes,
/// and with numpy's 32 axes each they no longer fit into the nearest cache.
inline constexpr int kMaxRank = 8;

/// Up to 8 signed 64-bit numbers, held in place: copying one allocates nothing and costs its rank.
class Shape {
 public:
  Shape() noexcept : rank_(0) { std::fill_n(sizes_.begin(), kUsualRank, 0); }
  /// Throw Error{invalid_argument} when there are more than kMaxRank sizes.
  Shape(std::initializer_list<std::int64_t> sizes)
      : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const std::int64_t> sizes);
  Shape(const Shape& other) noexcept { copy(other); }
  Shape& operator=(const Shape& other) noexcept {
    copy(other);
    return *this;
  }

  int rank() const noexcept { return rank_; }
  std::int64_t operator[](int axis) const noexcept {
    return sizes_[static_cast<std::size_t>(axis)];
  }
  std::int64_t& operator[](int axis) noexcept { return sizes_[static_cast<std::size_t>(axis)]; }
  const std::int64_t* begin() const noexcept { return sizes_.data(); }
  const std::int64_t* end() const noexcept { return sizes_.data() + rank_; }

  /// Product of the sizes, 1 for rank 0. Throws Error{invalid_argument} when a size is negative or
  /// the product does not fit in 63 bits (a size of 0 anywhere gives 0).
  std::int64_t element_count() const;

  /// These sizes after `count` times `size`. Throws Error{invalid_argument} when they become more
  /// than kMaxRank.
  Shape with_leading(int count, std::int64_t size) const;

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  // A copy of this many sizes is two instructions; one of a number known at run time only is a
  // call, and a call of attend copies some sixty shapes.
  static constexpr int kUsualRank = 4;

  void copy(const Shape& other) noexcept {
    rank_ = other.rank_;
    std::copy_n(other.sizes_.begin(), kUsualRank, sizes_.begin());
    if (rank_ > kUsualRank) std::copy_n(other.sizes_.begin(), rank_, sizes_.begin());
  }

  int rank_;
  std::array<std::int64_t, kMaxRank> sizes_;  // only the first rank_ (and kUsualRank) are set
};

/// Returns "[2, 3]", "[]" for rank 0.
std::string to_string(const Shape& shape);

/// Strides, in elements, of a row-major tensor without gaps. Throws as element_count does.
Shape contiguous_strides(const Shape& sizes);

}  // namespace fovea
