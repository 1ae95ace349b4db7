// Parses the rules, reads the arrays, and turns what numpy people use for masks, lengths and
// bfloat16 into what the engine takes.
#include "cli/attend_question.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "cli/command.h"
#include "cli/number.h"
#include "cli/standard_streams.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/npy.h"

namespace fovea::cli {
namespace {

constexpr std::string_view kStandardInput = "-";

std::int64_t parse_bound(const std::string& window, std::string_view text) {
  if (text == "inf") return Window::kUnbounded;
  const std::optional<std::int64_t> bound = parse_integer(text);
  if (!bound || *bound < 0) {
    throw UsageError(fmt::format(
        "attend: --window: {} is not LEFT,RIGHT; each is a whole number of keys from 0, or inf",
        in_quotes(window)));
  }
  return *bound;
}

Window parse_window(const std::string& text) {
  const std::size_t comma = text.find(',');
  const std::string_view all = text;
  const std::string_view right = comma == text.npos ? "" : all.substr(comma + 1);
  return {.left = parse_bound(text, all.substr(0, comma)), .right = parse_bound(text, right)};
}

Diagonal parse_diagonal(const std::string& text) {
  if (text == "bottom-right") return Diagonal::bottom_right();
  if (text == "top-left") return Diagonal::top_left();
  if (const std::optional<std::int64_t> offset = parse_integer(text)) return Diagonal::at(*offset);
  throw UsageError(fmt::format("attend: --diagonal: {} is not bottom-right, top-left or an integer",
                               in_quotes(text)));
}

// Calls `use` with the span of elements when the tensor holds integers; says whether it does.
template <typename Use>
bool with_integers(const Tensor& array, const Use& use) {
  switch (array.dtype()) {
    case DType::i8:
      use(array.values<std::int8_t>());
      return true;
    case DType::i16:
      use(array.values<std::int16_t>());
      return true;
    case DType::i32:
      use(array.values<std::int32_t>());
      return true;
    case DType::i64:
      use(array.values<std::int64_t>());
      return true;
    case DType::u8:
      use(array.values<std::uint8_t>());
      return true;
    case DType::u16:
      use(array.values<std::uint16_t>());
      return true;
    case DType::u32:
      use(array.values<std::uint32_t>());
      return true;
    case DType::u64:
      use(array.values<std::uint64_t>());
      return true;
    default:
      return false;
  }
}

// "--keep m.npy", for messages.
std::string shown(const char* flag, const std::string& path) {
  return fmt::format("{} {}", flag, printable(path));
}

void refuse_two_readers_of_standard_input(const AttendFlags& flags) {
  std::ptrdiff_t readers = 0;
  for (const auto* path : {&flags.query, &flags.key, &flags.value, &flags.keep, &flags.bias,
                           &flags.alibi, &flags.sinks, &flags.key_lengths}) {
    readers += *path == kStandardInput ? 1 : 0;
  }
  if (readers > 1) throw UsageError("attend: only one input can be - (standard input)");
}

// --bf16 on files that hold no bfloat16 is a misunderstanding: it converts nothing.
void refuse_idle_bf16(const Attention& attention) {
  for (const TensorView* array : {&attention.query, &attention.key, &attention.value,
                                  &attention.bias, &attention.alibi_slopes, &attention.sinks}) {
    if (array->given() && array->dtype() == DType::bf16) return;
  }
  throw Error(
      ErrorKind::invalid_argument,
      fmt::format("attend: --bf16 says that uint16 files hold bfloat16; query is {}, key {}, "
                  "value {}",
                  name_of(attention.query.dtype()), name_of(attention.key.dtype()),
                  name_of(attention.value.dtype())));
}

}  // namespace

AttendQuestion::AttendQuestion(const AttendFlags& flags) {
  refuse_two_readers_of_standard_input(flags);
  attention_.causal = flags.causal;
  if (flags.window) attention_.window = parse_window(*flags.window);
  if (flags.diagonal) attention_.diagonal = parse_diagonal(*flags.diagonal);
  attention_.softcap = flags.softcap.value_or(0);
  attention_.scale = flags.scale;

  attention_.query = read_numbers({"--query", flags.query}, flags.bf16);
  attention_.key = read_numbers({"--key", flags.key}, flags.bf16);
  attention_.value = read_numbers({"--value", flags.value}, flags.bf16);
  attention_.bias = read_numbers({"--bias", flags.bias}, flags.bf16);
  attention_.alibi_slopes = read_numbers({"--alibi", flags.alibi}, flags.bf16);
  attention_.sinks = read_numbers({"--sinks", flags.sinks}, flags.bf16);
  attention_.keep = read_mask({"--keep", flags.keep});
  attention_.key_lengths = read_lengths({"--key-lengths", flags.key_lengths});
  if (flags.bf16) refuse_idle_bf16(attention_);
}

Tensor AttendQuestion::read(const Source& source) const {
  if (source.path != kStandardInput) return formats::read_npy(*source.path);
  const std::string text = read_standard_input(shown(source.flag, *source.path));
  return formats::parse_npy(std::as_bytes(std::span(text)), "standard input");
}

TensorView AttendQuestion::keep_alive(Tensor array) {
  arrays_.push_back(std::move(array));
  return arrays_.back();  // the elements stay where they are when the vector grows
}

TensorView AttendQuestion::read_numbers(const Source& source, bool bf16) {
  if (!source.path) return {};
  const TensorView array = keep_alive(read(source));
  if (array.dtype() != DType::u16) return array;
  if (bf16) return formats::as_bfloat16(array);
  throw Error(ErrorKind::invalid_argument,
              fmt::format("attend: {} holds uint16; if these are the bits of bfloat16, say --bf16",
                          shown(source.flag, *source.path)));
}

TensorView AttendQuestion::read_mask(const Source& source) {
  if (!source.path) return {};
  Tensor array = read(source);
  if (is_floating(array.dtype())) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("attend: {} is {}; it must be bool, true = may attend (a float mask is "
                            "given as --bias)",
                            shown(source.flag, *source.path), name_of(array.dtype())));
  }
  Tensor mask(DType::boolean, array.shape());
  const bool is_integer = with_integers(array, [&](auto numbers) {
    const auto other = std::ranges::find_if(numbers, [](auto n) { return n != 0 && n != 1; });
    if (other != numbers.end()) {
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("attend: {} holds {}; a mask of integers holds 1 (may attend) and 0 "
                              "only",
                              shown(source.flag, *source.path), +*other));
    }
    std::ranges::transform(numbers, mask.values<bool>().begin(), [](auto n) { return n == 1; });
  });
  return keep_alive(is_integer ? std::move(mask) : std::move(array));
}

TensorView AttendQuestion::read_lengths(const Source& source) {
  if (!source.path) return {};
  Tensor array = read(source);
  Tensor lengths(DType::i64, array.shape());
  const bool is_integer = with_integers(array, [&](auto numbers) {
    std::ranges::transform(numbers, lengths.values<std::int64_t>().begin(), [](auto n) {
      // More than 63 bits is more than any number of keys: the engine will say so.
      constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
      return std::in_range<std::int64_t>(n) ? static_cast<std::int64_t>(n) : kMost;
    });
  });
  return keep_alive(is_integer ? std::move(lengths) : std::move(array));
}

}  // namespace fovea::cli
