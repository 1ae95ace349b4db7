// The page's arrays as base64. Source: RFC 4648, section 4.
#include "report/page_numbers.h"

#include <algorithm>
#include <bit>
#include <string_view>

namespace fovea::report {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// Arrays begin at a multiple of this, as JavaScript's typed arrays want it.
constexpr std::int64_t kAlignment = 4;

void append_group(std::string& text, const std::byte* group) {
  const auto bits = static_cast<std::uint32_t>(group[0]) << 16 |
                    static_cast<std::uint32_t>(group[1]) << 8 |
                    static_cast<std::uint32_t>(group[2]);
  const std::array letters{kLetters[bits >> 18], kLetters[bits >> 12 & 63],
                           kLetters[bits >> 6 & 63], kLetters[bits & 63]};
  text.append(letters.data(), letters.size());
}

const char* name_in_page(DType type) noexcept {
  switch (type) {
    case DType::i16:
      return "i16";
    case DType::i32:
      return "i32";
    default:
      return "f32";
  }
}

}  // namespace

void PageNumbers::append(std::span<const std::byte> bytes) {
  bytes_ += std::ssize(bytes);
  while (rest_count_ > 0 && !bytes.empty()) {
    rest_[rest_count_++] = bytes.front();
    bytes = bytes.subspan(1);
    if (rest_count_ < rest_.size()) continue;
    append_group(text_, rest_.data());
    rest_count_ = 0;
  }
  for (; bytes.size() >= rest_.size(); bytes = bytes.subspan(rest_.size()))
    append_group(text_, bytes.data());
  for (const std::byte byte : bytes) rest_[rest_count_++] = byte;
}

nlohmann::ordered_json PageNumbers::add(std::span<const std::byte> bytes, const char* type,
                                        const Shape& shape) {
  static constexpr std::array<std::byte, kAlignment> kZeros = {};
  const std::int64_t gap = (kAlignment - bytes_ % kAlignment) % kAlignment;
  append(std::span(kZeros).first(static_cast<std::size_t>(gap)));
  const std::int64_t at = bytes_;
  append(bytes);
  return {{"at", at}, {"type", type}, {"shape", std::vector(shape.begin(), shape.end())}};
}

nlohmann::ordered_json PageNumbers::add(const Tensor& tensor) {
  return add(tensor.bytes(), name_in_page(tensor.dtype()), tensor.shape());
}

nlohmann::ordered_json PageNumbers::add(std::span<const std::uint8_t> values, const Shape& shape) {
  return add(std::as_bytes(values), "u8", shape);
}

std::string PageNumbers::finish() {
  if (rest_count_ > 0) {
    std::fill(rest_.begin() + static_cast<std::ptrdiff_t>(rest_count_), rest_.end(), std::byte{0});
    append_group(text_, rest_.data());
    const std::size_t padding = rest_.size() - rest_count_;
    text_.replace(text_.size() - padding, padding, padding, '=');
    rest_count_ = 0;
  }
  return std::move(text_);
}

}  // namespace fovea::report
