// The golden files of this folder as data, and how computed tensors are compared with them.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fovea::golden {

struct Entry {
  std::string id;
  std::string printed;
  std::optional<std::vector<float>> values;  ///< row-major; some entries are text only
};

inline nlohmann::json read_json_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  return nlohmann::json::parse(file);
}

/// A file of this folder.
inline nlohmann::json read_json(const std::string& name) {
  return read_json_file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/" + name);
}

inline float to_float(const nlohmann::json& value) {
  // 9 significant digits name one float32; strtof reads "-inf" and "nan" too.
  return value.is_string() ? std::strtof(value.get<std::string>().c_str(), nullptr)
                           : static_cast<float>(value.get<double>());
}

inline std::vector<Entry> read_entries(const std::string& name) {
  std::vector<Entry> entries;
  const nlohmann::json document = read_json(name);
  for (const nlohmann::json& item : document.at("entries")) {
    Entry entry{item.at("id"), item.at("printed"), std::nullopt};
    if (item.contains("values")) {
      entry.values.emplace();
      for (const nlohmann::json& value : item.at("values"))
        entry.values->push_back(to_float(value));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

/// Floats between a and b, 0 for equal bits; both finite.
inline std::int64_t ulps_between(float a, float b) {
  const auto place = [](float x) {
    const auto bits = std::bit_cast<std::int32_t>(x);
    return static_cast<std::int64_t>(bits < 0 ? std::numeric_limits<std::int32_t>::min() - bits
                                              : bits);
  };
  return std::abs(place(a) - place(b));
}

}  // namespace fovea::golden
