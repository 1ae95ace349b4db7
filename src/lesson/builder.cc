// What the lessons are written with: names, sentences' numbers, figures made of tensors.
#include "lesson/builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace fovea::lesson {
namespace {

constexpr std::size_t kLongestName = 48;  // bytes; a word is rarely half as long

std::string cut_name(const std::string& token) {
  if (token.size() <= kLongestName) return token;
  std::size_t end = kLongestName;
  while (end > 0 && (static_cast<unsigned char>(token[end]) & 0xC0) == 0x80)
    --end;  // not inside a character
  return token.substr(0, end) + "…";
}

}  // namespace

std::vector<std::string> display_names(const std::vector<std::string>& tokens) {
  std::map<std::string, int> occurrences;
  for (const std::string& token : tokens) ++occurrences[token];
  std::vector<std::string> names;
  names.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool alone = !tokens[i].empty() && occurrences[tokens[i]] == 1;
    names.push_back(cut_name(tokens[i]) + (alone ? "" : fmt::format("#{}", i)));
  }
  return names;
}

Sentence::Sentence(const LessonInputs& inputs)
    : inputs_(inputs), names_(display_names(inputs.tokens)) {}

std::string Sentence::quoted(std::int64_t token) const {
  return "“" + names_[static_cast<std::size_t>(token)] + "”";
}

std::string Sentence::short_number(double value) const {
  std::string text = number(value);
  if (text.find('.') == std::string::npos || text.find('e') != std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string Sentence::dot_expression(const TensorView& a, const TensorView& b) const {
  const std::int64_t n = a.size(0);
  constexpr std::int64_t kTerms = 6;
  const auto factor = [this](float value) {
    const std::string text = short_number(static_cast<double>(value));
    return value < 0 ? "(" + text + ")" : text;
  };
  std::string text;
  for (std::int64_t i = 0; i < n; ++i) {
    if (n > kTerms && i == kTerms - 2) {
      text += fmt::format(" + … ({} more)", n - kTerms + 1);
      i = n - 1;
    }
    text += (i == 0 ? "" : " + ") + factor(a.at<float>(i)) + " × " + factor(b.at<float>(i));
  }
  return text;
}

std::vector<std::string> component_names(std::int64_t size, std::string_view prefix) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) names.push_back(fmt::format("{}[{}]", prefix, i));
  return names;
}

TensorView row_of(const Tensor& matrix, std::int64_t index) {
  const std::int64_t size = matrix.size(1);
  return {matrix.values<float>().data() + index * size, Shape{size}};
}

TensorView column_of(const TensorView& matrix, std::int64_t index) {
  const auto* data = static_cast<const float*>(matrix.data());
  return {data + index * matrix.stride(1), Shape{matrix.size(0)}, Shape{matrix.stride(0)}};
}

Tensor matrix_of(const Tensor& stack, std::int64_t index) {
  const std::int64_t rows = stack.size(stack.rank() - 2);
  const std::int64_t columns = stack.size(stack.rank() - 1);
  const auto all = stack.values<float>();
  return Tensor::of<float>({rows, columns},
                           all.subspan(static_cast<std::size_t>(index * rows * columns),
                                       static_cast<std::size_t>(rows * columns)));
}

std::vector<double> doubles(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

Table table_of(std::string name, std::vector<std::string> rows, std::vector<std::string> columns,
               const Tensor& values) {
  return {std::move(name), std::move(rows), std::move(columns), doubles(values)};
}

Bars bars_of(std::string name, std::vector<std::string> labels, const Tensor& values,
             std::int64_t focus) {
  return {std::move(name), std::move(labels), doubles(values), focus};
}

ShadedMap map_of(std::string name, std::vector<std::string> rows, std::vector<std::string> columns,
                 const Tensor& values) {
  ShadedMap map{std::move(name), std::move(rows), std::move(columns), doubles(values)};
  map.low = 0;
  map.high = 0;
  for (const double value : map.values) {
    if (!std::isfinite(value)) continue;
    map.low = std::min(map.low, value);
    map.high = std::max(map.high, value);
  }
  return map;
}

Table columns_table(std::string name, std::vector<std::string> rows,
                    std::span<const Column> columns) {
  Table table{std::move(name), std::move(rows), {}, {}};
  table.is_mixed = true;
  for (const Column& column : columns) table.columns.push_back(column.first);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    for (const Column& column : columns) table.values.push_back(column.second[row]);
  }
  return table;
}

void add_total(Table& table, std::string name, std::span<const double> values) {
  table.rows.push_back(std::move(name));
  table.values.insert(table.values.end(), values.begin(), values.end());
  ++table.totals;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const auto left = a.values<float>();
  const auto right = b.values<float>();
  double largest = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (std::isnan(left[i]) && std::isnan(right[i])) continue;
    const double difference =
        std::abs(static_cast<double>(left[i]) - static_cast<double>(right[i]));
    if (std::isnan(difference) && left[i] != right[i])
      return std::numeric_limits<double>::quiet_NaN();
    if (!std::isnan(difference)) largest = std::max(largest, difference);
  }
  return largest;
}

std::string sameness(double difference) {
  if (difference == 0) return "the same to the last bit";
  if (std::isnan(difference)) return "not the same: one of them is not a number";
  return fmt::format("the same to within {:.1e}", difference);
}

std::int64_t largest_of(std::span<const float> values) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] > values[best] || std::isnan(values[best])) best = i;
  }
  return static_cast<std::int64_t>(best);
}

double entropy(std::span<const float> weights) {
  double total = 0;
  for (const float weight : weights) {
    const double w = static_cast<double>(weight);
    if (w > 0) total -= w * std::log(w);
  }
  return total;
}

std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace fovea::lesson
