// Reads a page as a browser would: its JSON and its numbers.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::report {

/// What lies between the first `begin` and the next `end` after it; fails the test where there is none.
inline std::string between(const std::string& text, std::string_view begin, std::string_view end) {
  const std::size_t first = text.find(begin);
  const std::size_t last =
      first == std::string::npos ? first : text.find(end, first + begin.size());
  if (last == std::string::npos) {
    ADD_FAILURE() << "no " << begin;
    return {};
  }
  return text.substr(first + begin.size(), last - first - begin.size());
}

inline std::string decoded_base64(const std::string& text) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    if (letter == '=') break;
    const std::size_t value = kLetters.find(letter);
    EXPECT_NE(value, std::string_view::npos) << letter;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

/// A page, taken apart.
struct ReadPage {
  explicit ReadPage(const std::string& html)
      : title(between(html, "<title>", "</title>")),
        json(nlohmann::json::parse(
            between(html, R"(<script type="application/json" id="fovea-data">)", "</script>"))),
        numbers(decoded_base64(
            between(html, R"(<script type="text/plain" id="fovea-numbers">)", "</script>"))) {}

  const nlohmann::json& text(std::size_t index = 0) const { return json.at("texts").at(index); }

  /// The numbers of a Block; fails the test when it does not lie within the numbers.
  std::vector<double> block(const nlohmann::json& at) const {
    const auto type = at.at("type").get<std::string>();
    std::size_t count = 1;
    for (const auto& size : at.at("shape")) count *= size.get<std::size_t>();
    const auto first = at.at("at").get<std::size_t>();
    const std::size_t size = type == "u8" ? 1 : type == "i16" ? 2 : 4;
    std::vector<double> values;
    EXPECT_EQ(first % 4, 0U);
    EXPECT_LE(first + count * size, numbers.size());
    if (first + count * size > numbers.size()) return values;
    for (std::size_t i = 0; i < count; ++i) {
      const char* const from = numbers.data() + first + i * size;
      if (type == "u8") values.push_back(number<std::uint8_t>(from));
      if (type == "i16") values.push_back(number<std::int16_t>(from));
      if (type == "i32") values.push_back(number<std::int32_t>(from));
      if (type == "f32") values.push_back(static_cast<double>(number<float>(from)));
    }
    EXPECT_EQ(values.size(), count) << type;
    return values;
  }

  /// SteppedVectors as numbers.
  std::vector<double> vectors(const nlohmann::json& stepped) const {
    std::vector<double> values = block(stepped.at("values"));
    const std::vector<double> steps = block(stepped.at("steps"));
    const std::size_t size = steps.empty() ? 1 : values.size() / steps.size();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= steps[i / size];
    return values;
  }

  template <typename T>
  static T number(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
  }

  std::string title;
  nlohmann::json json;
  std::string numbers;
};

}  // namespace fovea::report
