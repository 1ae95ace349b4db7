// nlohmann's parser, with a handler of our own that sees each value before it is kept: its own
// handler takes the last of two equal names and as much memory as the text asks for.
#include "formats/strict_json.h"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <vector>

#include "formats/memory_budget.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::formats {
namespace {

using nlohmann::json;

constexpr int kNumberOverflow = 406;  // nlohmann's number of this error
constexpr std::int64_t kLongestToken = std::int64_t{4} << 20;

// Where the parser is. It keeps a token, and the white space before it, in memory of its own: what
// lies between two values is limited too.
struct Progress {
  std::int64_t read = 0;
  std::int64_t last_value = 0;
};

struct TokenTooLong {};

// An input iterator that counts for all its copies.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, Progress* progress) : at_(at), progress_(progress) {}
  const char& operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    if (++progress_->read - progress_->last_value > kLongestToken) throw TokenTooLong();
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }
  friend bool operator!=(const CountingIterator& a, const CountingIterator& b) { return !(a == b); }

 private:
  const char* at_;
  Progress* progress_;
};

// Bytes that a value takes in its array or object, and an object's entry besides its name.
constexpr std::int64_t kValueBytes = sizeof(json);
constexpr std::int64_t kEntryBytes = 48;
constexpr std::int64_t kContainerBytes = 64;

// Builds the value from the parser's events, which come in the order of the text.
class Handler {
 public:
  Handler(std::string_view text, const std::string& name, const JsonLimits& limits,
          Progress& progress)
      : text_(text), name_(name), limits_(limits), budget_(limits.memory), progress_(progress) {}

  json take_result() { return std::move(result_); }

  bool null() { return put(nullptr, 0); }
  bool boolean(bool value) { return put(value, 0); }
  bool number_integer(json::number_integer_t value) { return put(value, 0); }
  bool number_unsigned(json::number_unsigned_t value) { return put(value, 0); }
  bool number_float(json::number_float_t value, const json::string_t&) { return put(value, 0); }
  bool string(json::string_t& value) {
    const auto length = static_cast<std::int64_t>(value.size());
    return put(std::move(value), MemoryBudget::of_text(length));
  }
  bool binary(json::binary_t&) { fail("binary values are not JSON"); }

  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(json::string_t& key) {
    progress_.last_value = progress_.read;
    take(kEntryBytes + MemoryBudget::of_text(static_cast<std::int64_t>(key.size())));
    auto& object = open_.back()->get_ref<json::object_t&>();
    const auto [entry, is_new] = object.try_emplace(std::move(key), nullptr);
    if (!is_new) fail(fmt::format("the name {} is given twice", in_quotes(entry->first)));
    entry_ = &entry->second;
    return true;
  }

  template <typename Exception>
  bool parse_error(std::size_t position, const std::string& token, const Exception& exception) {
    const std::size_t at = position - 1;  // the parser counts what it has read
    const auto byte = static_cast<std::int64_t>(at);
    if (exception.id == kNumberOverflow) {
      fail_at(byte, fmt::format("{} is too large a number", in_quotes(token)));
    }
    if (at >= text_.size()) fail_at(byte, "the text ends within a value");
    fail_at(byte, fmt::format("{} cannot stand here in JSON", in_quotes(text_.substr(at, 1))));
  }

 private:
  [[noreturn]] void fail_at(std::int64_t byte, std::string_view what) const {
    throw Error(ErrorKind::format,
                fmt::format("{}: byte {}: {}", name_, limits_.first_byte + byte, what));
  }
  [[noreturn]] void fail(std::string_view what) const { fail_at(progress_.read, what); }

  void take(std::int64_t bytes) {
    if (budget_.take(bytes)) return;
    fail(fmt::format("the values so far take more than {} MiB", budget_.bytes() >> 20));
  }

  // Puts a value where the text has it, and returns where that is.
  json& place(json&& value) {
    progress_.last_value = progress_.read;
    if (open_.empty()) return result_ = std::move(value);
    if (open_.back()->is_object()) return *entry_ = std::move(value);
    auto& array = open_.back()->get_ref<json::array_t&>();
    // A vector that grows leaves what it had to the allocator: as much again as it has in the end.
    if (array.size() == array.capacity()) {
      take(2 * kValueBytes * static_cast<std::int64_t>(array.empty() ? 1 : array.size()));
    }
    return array.emplace_back(std::move(value));
  }

  template <typename T>
  bool put(T&& value, std::int64_t bytes) {
    take(bytes);
    place(json(std::forward<T>(value)));
    return true;
  }

  bool open(json&& container) {
    if (static_cast<int>(open_.size()) == limits_.depth) {
      fail(fmt::format("is nested more than {} deep", limits_.depth));
    }
    take(kContainerBytes);
    open_.push_back(&place(std::move(container)));
    return true;
  }

  bool close() {
    progress_.last_value = progress_.read;
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& name_;
  JsonLimits limits_;
  MemoryBudget budget_;
  Progress& progress_;
  json result_;
  std::vector<json*> open_;  // the containers around what comes next
  json* entry_ = nullptr;    // of the innermost object: what its latest name stands for
};

}  // namespace

nlohmann::json parse_strict_json(std::string_view text, const std::string& name,
                                 const JsonLimits& limits) {
  const auto fail = [&](std::size_t at, std::string_view what) {
    const std::int64_t byte = limits.first_byte + static_cast<std::int64_t>(at);
    throw Error(ErrorKind::format, fmt::format("{}: byte {}: {}", name, byte, what));
  };
  // The parser would skip the first and end at the second.
  if (text.starts_with("\xEF\xBB\xBF")) fail(0, "a byte-order mark, which JSON does not allow");
  if (const std::size_t nul = text.find('\0'); nul != text.npos) {
    fail(nul, "a NUL, which JSON does not allow");
  }
  Progress progress;
  Handler handler(text, name, limits, progress);
  try {
    json::sax_parse(CountingIterator(text.data(), &progress),
                    CountingIterator(text.data() + text.size(), &progress), &handler);
  } catch (const TokenTooLong&) {
    fail(static_cast<std::size_t>(progress.last_value),
         fmt::format("a text, number or white space of more than {} MiB", kLongestToken >> 20));
  }
  return handler.take_result();
}

std::string_view kind_of_json(const nlohmann::json& value) noexcept {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "an array";
    case json::value_t::string:
      return "a string";
    case json::value_t::boolean:
      return "true or false";
    case json::value_t::number_integer:
      return "a negative number";
    case json::value_t::number_unsigned:
      return "a whole number";
    case json::value_t::number_float:
      return "a number with a fraction or exponent";
    case json::value_t::binary:
    case json::value_t::discarded:
      break;
  }
  return "nothing";
}

}  // namespace fovea::formats
