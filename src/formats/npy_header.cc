// Reads the dict with a cursor that only moves forward: no recursion, nothing evaluated, no memory
// beyond the text.
#include "formats/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::formats {
namespace {

constexpr std::string_view kWanted = "'descr', 'fortran_order' and 'shape'";

struct TypeName {
  std::string_view code;  // without the byte order
  DType dtype;
};

// For writing, the first line of a type counts. bf16 stands last: u2 is read as u16.
constexpr std::array kTypeNames{
    TypeName{"f4", DType::f32},     TypeName{"f8", DType::f64}, TypeName{"f2", DType::f16},
    TypeName{"b1", DType::boolean}, TypeName{"i1", DType::i8},  TypeName{"i2", DType::i16},
    TypeName{"i4", DType::i32},     TypeName{"i8", DType::i64}, TypeName{"u1", DType::u8},
    TypeName{"u2", DType::u16},     TypeName{"u4", DType::u32}, TypeName{"u8", DType::u64},
    TypeName{"u2", DType::bf16},
};

// What an element type is that is not read, for people.
std::string refused_type(std::string_view code) {
  if (code.empty()) return "no element type";
  if (code == "V2")
    return "raw elements of 2 bytes (numpy saves bfloat16 so; save array.view('u2'))";
  switch (code.front()) {
    case 'O':
      return "pickled Python objects, which are never read";
    case 'c':
      return "complex numbers";
    case 'f':
      return "floats of another width";
    case 'S':
    case 'a':
    case 'U':
      return "text";
    case 'V':
      return "raw or structured elements";
    case 'M':
    case 'm':
      return "dates or times";
    default:
      return "elements of an unknown type";
  }
}

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const NpyOrigin& origin) : text_(text), origin_(origin) {}

  NpyEntries parse() {
    expect('{', "the header is no Python dict");
    skip_spaces();
    while (!take('}')) {
      parse_entry();
      skip_spaces();
      if (take(',')) {
        skip_spaces();
      } else if (!at('}')) {
        fail(fmt::format("found {} where ',' or '}}' is wanted", next()));
      }
    }
    skip_spaces();
    if (place_ < text_.size()) fail(fmt::format("found {} after the dict", next()));
    if (!has_descr_) fail(fmt::format("the header lacks 'descr'; wanted are {}", kWanted));
    if (!has_order_) fail(fmt::format("the header lacks 'fortran_order'; wanted are {}", kWanted));
    if (!has_shape_) fail(fmt::format("the header lacks 'shape'; wanted are {}", kWanted));
    return entries_;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(ErrorKind::format,
                fmt::format("{}: byte {}: {}", origin_.name,
                            origin_.offset + static_cast<std::int64_t>(place_), what));
  }

  void skip_spaces() noexcept {
    while (place_ < text_.size() && std::string_view(" \t\r\n").find(text_[place_]) != text_.npos)
      ++place_;
  }
  bool at(char wanted) const noexcept { return place_ < text_.size() && text_[place_] == wanted; }
  bool take(char wanted) noexcept {
    const bool here = at(wanted);
    place_ += here ? 1 : 0;
    return here;
  }
  // What stands here, for messages.
  std::string next() const {
    return place_ < text_.size() ? in_quotes(text_.substr(place_, 1)) : "the header's end";
  }
  void expect(char wanted, std::string_view otherwise) {
    skip_spaces();
    if (!take(wanted))
      fail(fmt::format("{}: found {} where '{}' is wanted", otherwise, next(), wanted));
  }

  std::string_view parse_string(std::string_view otherwise) {
    skip_spaces();
    const char quote = at('"') ? '"' : '\'';
    expect(quote, otherwise);
    const std::size_t end = text_.find(quote, place_);
    if (end == text_.npos) fail("a string has no end");
    const std::string_view string = text_.substr(place_, end - place_);
    if (string.find('\\') != string.npos) fail(fmt::format("{} has an escape", in_quotes(string)));
    place_ = end + 1;
    return string;
  }

  void parse_entry() {
    const std::size_t start = place_;
    const std::string_view key = parse_string("keys are strings");
    bool* seen = key == "descr"           ? &has_descr_
                 : key == "fortran_order" ? &has_order_
                 : key == "shape"         ? &has_shape_
                                          : nullptr;
    if (seen == nullptr || *seen) {
      place_ = start;
      fail(fmt::format("key {} is {}; wanted are {}, once each", in_quotes(key),
                       seen == nullptr ? "unknown" : "repeated", kWanted));
    }
    *seen = true;
    expect(':', "after a key");
    skip_spaces();
    if (key == "descr") parse_type();
    if (key == "fortran_order") parse_order();
    if (key == "shape") parse_shape();
  }

  void parse_type() {
    const std::size_t start = place_;
    if (at('['))
      fail("'descr' is a list: structured elements are not read; wanted are plain numbers");
    const std::string_view descr = parse_string("'descr' must be a string");
    std::string_view code = descr;
    if (!code.empty() && std::string_view("<>|=").find(code.front()) != code.npos) {
      entries_.is_big_endian = code.front() == '>';
      code.remove_prefix(1);
    }
    const auto* found = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                     [&](const TypeName& type) { return type.code == code; });
    if (found == kTypeNames.end()) {
      place_ = start;
      fail(
          fmt::format("'descr' is {}: {}; wanted are floats of 16, 32 or 64 bits, bool or integers",
                      in_quotes(descr), refused_type(code)));
    }
    entries_.dtype = found->dtype;
  }

  void parse_order() {
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.substr(place_).starts_with(word)) continue;
      place_ += word.size();
      entries_.is_fortran_order = word == "True";
      return;
    }
    fail(fmt::format("'fortran_order' begins with {}; it must be True or False", next()));
  }

  void parse_shape() {
    expect('(', "'shape' must be a tuple of sizes");
    std::array<std::int64_t, kMaxRank> sizes{};
    std::size_t rank = 0;
    bool has_comma = true;
    skip_spaces();
    while (!take(')')) {
      if (!has_comma) fail(fmt::format("found {} in 'shape' where ',' or ')' is wanted", next()));
      if (rank == sizes.size()) fail(fmt::format("'shape' has more than {} sizes", kMaxRank));
      sizes[rank++] = parse_size();
      skip_spaces();
      has_comma = take(',');
      skip_spaces();
    }
    // (3) is a number in Python, (3,) a tuple.
    if (rank == 1 && !has_comma) fail("'shape' is a number; wanted is a tuple, such as (3,)");
    entries_.shape = Shape(std::span(sizes.data(), rank));
  }

  std::int64_t parse_size() {
    if (at('-')) fail("a size in 'shape' is negative; it must be 0 or more");
    const char* begin = text_.data() + place_;
    const char* end = text_.data() + text_.size();
    std::int64_t size = 0;
    const auto [stopped, error] = std::from_chars(begin, end, size);
    if (stopped == begin) fail(fmt::format("found {} in 'shape' where a size is wanted", next()));
    if (error != std::errc()) fail("a size in 'shape' is more than 63 bits hold");
    if (*begin == '0' && stopped - begin > 1) fail("a size in 'shape' begins with 0");
    place_ += static_cast<std::size_t>(stopped - begin);
    take('L');  // Python 2 wrote its long integers so
    return size;
  }

  std::string_view text_;
  const NpyOrigin& origin_;
  std::size_t place_ = 0;
  bool has_descr_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
  NpyEntries entries_;
};

}  // namespace

NpyEntries parse_npy_header(std::string_view text, const NpyOrigin& origin) {
  return HeaderParser(text, origin).parse();
}

std::string format_npy_header(DType dtype, const Shape& shape) {
  const auto* name = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                  [&](const TypeName& type) { return type.dtype == dtype; });
  std::string sizes;
  for (const std::int64_t size : shape) sizes += fmt::format("{}, ", size);
  // A tuple of one keeps its comma, longer ones end without.
  if (shape.rank() == 1) sizes.pop_back();
  if (shape.rank() > 1) sizes.resize(sizes.size() - 2);
  return fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                     size_of(dtype) == 1 ? '|' : '<', name->code, sizes);
}

}  // namespace fovea::formats
