// What the lessons are written with: names, sentences' numbers, figures made of tensors.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fovea/core/tensor.h"
#include "fovea/lesson/lesson.h"
#include "fovea/lesson/number_text.h"

namespace fovea::lesson {

/// The words of a sentence as figures name them: a word that occurs twice gets its index ("the#3"),
/// a very long one is cut.
std::vector<std::string> display_names(const std::vector<std::string>& tokens);

/// The inputs of one lesson, looked at: sizes, names and number texts under short names.
class Sentence {
 public:
  explicit Sentence(const LessonInputs& inputs);

  std::int64_t tokens() const { return inputs_.vectors.size(0); }
  std::int64_t size() const { return inputs_.vectors.size(1); }
  std::int64_t query() const { return inputs_.query; }
  const Tensor& vectors() const { return inputs_.vectors; }
  const LessonInputs& inputs() const { return inputs_; }
  const std::vector<std::string>& names() const { return names_; }

  /// “journey”, for sentences.
  std::string quoted(std::int64_t token) const;
  /// The word that asks.
  std::string asker() const { return quoted(query()); }
  /// A number as the figures print it.
  std::string number(double value) const { return number_text(value, inputs_.digits); }
  /// The same without trailing zeros, for arithmetic: "0.55".
  std::string short_number(double value) const;
  /// "0.55 × 0.22 + 0.87 × 0.58 + 0.66 × 0.33"; the middle of a long one is left out, and counted.
  std::string dot_expression(const TensorView& a, const TensorView& b) const;

 private:
  const LessonInputs& inputs_;
  std::vector<std::string> names_;
};

/// "[0]", "[1]", ...: the names of a vector's components, as Python indexes them.
std::vector<std::string> component_names(std::int64_t size, std::string_view prefix = "");

/// Row `index` of [n, d] as a vector [d]; a view into `matrix`.
TensorView row_of(const Tensor& matrix, std::int64_t index);

/// Column `index` of [n, d] as a vector [n]; a view into `matrix`'s data.
TensorView column_of(const TensorView& matrix, std::int64_t index);

/// One matrix [n, m] of [..., n, m], counted along the leading axes, as its own tensor.
Tensor matrix_of(const Tensor& stack, std::int64_t index);

/// A contiguous f32 tensor's values, exact.
std::vector<double> doubles(const Tensor& tensor);

/// [rows, columns] or [columns] under its names.
Table table_of(std::string name, std::vector<std::string> rows, std::vector<std::string> columns,
               const Tensor& values);
Bars bars_of(std::string name, std::vector<std::string> labels, const Tensor& values,
             std::int64_t focus);
/// Shades from 0 (or the smallest value, if negative) to the largest finite value.
ShadedMap map_of(std::string name, std::vector<std::string> rows, std::vector<std::string> columns,
                 const Tensor& values);

/// One column of a table of several quantities a token.
using Column = std::pair<std::string, std::vector<double>>;
/// A table whose columns are different quantities of the same rows.
Table columns_table(std::string name, std::vector<std::string> rows,
                    std::span<const Column> columns);
/// Appends a row below the rule: "sum", say.
void add_total(Table& table, std::string name, std::span<const double> values);

/// Largest difference between two tensors of one shape; NaN when exactly one of a pair is NaN.
double largest_difference(const Tensor& a, const Tensor& b);
/// "the same to the last bit" or "the same to within 3.0e-08".
std::string sameness(double difference);

/// Index of the largest value; the first of several, NaN never.
std::int64_t largest_of(std::span<const float> values);

/// Entropy in nats of weights that add up to 1; 0 = all on one, ln n = all alike.
double entropy(std::span<const float> weights);

/// "1 word", "6 words".
std::string counted(std::int64_t count, std::string_view one, std::string_view many);

}  // namespace fovea::lesson
