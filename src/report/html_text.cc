// Text from outside, made harmless where it stands in the page.
#include "report/html_text.h"

#include <fmt/format.h>

#include <cstddef>

#include "fovea/core/printable.h"
#include "tokenize/utf8.h"

namespace fovea::report {
namespace {

std::string_view entity_of(char letter) noexcept {
  switch (letter) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

// What stands at `at` and must not; how many bytes it takes.
struct Escape {
  std::string_view text = {};
  std::size_t bytes = 0;
};

Escape escape_at(std::string_view json, std::size_t at) noexcept {
  switch (json[at]) {
    case '<':
      return {"\\u003c", 1};
    case '>':
      return {"\\u003e", 1};
    case '&':
      return {"\\u0026", 1};
    case '\xe2':
      if (json.substr(at, 3) == "\xe2\x80\xa8") return {"\\u2028", 3};
      if (json.substr(at, 3) == "\xe2\x80\xa9") return {"\\u2029", 3};
      return {};
    default:
      return {};
  }
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string made;
  for (const char letter : printable(text)) {
    const std::string_view entity = entity_of(letter);
    if (entity.empty()) {
      made += letter;
    } else {
      made += entity;
    }
  }
  return made;
}

std::string with_named_bytes(std::string_view text) {
  std::string made;
  bool is_in_run = false;
  for (std::size_t at = 0; at < text.size();) {
    const tokenize::Utf8Char read = tokenize::read_utf8(text, at);
    if (read.is_valid) {
      made += is_in_run ? "⟩" : "";
      made += text.substr(at, read.length);
    } else {
      for (std::size_t i = at; i < at + read.length; ++i) {
        made += fmt::format("{}{:02X}", is_in_run || i > at ? " " : "⟨",
                            static_cast<unsigned char>(text[i]));
      }
    }
    is_in_run = !read.is_valid;
    at += read.length;
  }
  return is_in_run ? made + "⟩" : made;
}

std::string json_in_script(std::string_view json) {
  std::string made;
  made.reserve(json.size() + json.size() / 16);
  for (std::size_t at = 0; at < json.size();) {
    const Escape escape = escape_at(json, at);
    if (escape.bytes == 0) {
      made += json[at++];
    } else {
      made += escape.text;
      at += escape.bytes;
    }
  }
  return made;
}

}  // namespace fovea::report
