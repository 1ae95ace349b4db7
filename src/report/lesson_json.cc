// Lessons as JSON, for scripts and pages.
#include "fovea/report/lesson_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace fovea::report {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json numbers(const std::vector<double>& values) {
  Json result = Json::array();
  for (const double value : values) result.push_back(number(value));
  return result;
}

// Row by row, as a reader of the JSON would index it.
Json matrix(const std::vector<double>& values, std::size_t rows) {
  Json result = Json::array();
  const std::size_t columns = rows == 0 ? 0 : values.size() / rows;
  for (std::size_t i = 0; i < rows; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < columns; ++j) row.push_back(number(values[i * columns + j]));
    result.push_back(std::move(row));
  }
  return result;
}

Json focus_of(const std::optional<std::int64_t>& focus) {
  return focus ? Json(*focus) : Json(nullptr);
}

Json to_json(const lesson::Table& table) {
  return {{"kind", "table"},
          {"name", table.name},
          {"rows", table.rows},
          {"columns", table.columns},
          {"values", matrix(table.values, table.rows.size())},
          {"focus", focus_of(table.focus)},
          {"totals", table.totals},
          {"mixed", table.is_mixed}};
}

Json to_json(const lesson::Bars& bars) {
  return {{"kind", "bars"},
          {"name", bars.name},
          {"labels", bars.labels},
          {"values", numbers(bars.values)},
          {"focus", focus_of(bars.focus)}};
}

Json to_json(const lesson::ShadedMap& map) {
  return {{"kind", "map"},
          {"name", map.name},
          {"rows", map.rows},
          {"columns", map.columns},
          {"values", matrix(map.values, map.rows.size())},
          {"low", number(map.low)},
          {"high", number(map.high)}};
}

Json to_json(const lesson::Worked& worked) {
  Json lines = Json::array();
  for (const lesson::WorkedLine& line : worked.lines) {
    lines.push_back(
        {{"name", line.name}, {"expression", line.expression}, {"value", number(line.value)}});
  }
  return {{"kind", "worked"}, {"lines", std::move(lines)}};
}

Json to_json(const lesson::Comparison& comparison) {
  return {{"kind", "comparison"},
          {"name", comparison.name},
          {"wrong", {{"how", comparison.wrong_how}, {"values", numbers(comparison.wrong)}}},
          {"right", {{"how", comparison.right_how}, {"values", numbers(comparison.right)}}}};
}

Json to_json(const lesson::Note& note) {
  return {{"kind", "note"}, {"text", note.text}};
}

}  // namespace

std::string lessons_to_json(std::span<const lesson::Lesson> lessons) {
  Json list = Json::array();
  for (const lesson::Lesson& lesson : lessons) {
    Json steps = Json::array();
    for (const lesson::Step& step : lesson.steps) {
      Json figures = Json::array();
      for (const lesson::Figure& figure : step.figures) {
        figures.push_back(std::visit([](const auto& one) { return to_json(one); }, figure));
      }
      steps.push_back({{"title", step.title},
                       {"sentence", step.sentence},
                       {"formula", step.formula},
                       {"figures", std::move(figures)}});
    }
    list.push_back({{"id", lesson.id},
                    {"title", lesson.title},
                    {"summary", lesson.summary},
                    {"digits", lesson.digits},
                    {"steps", std::move(steps)}});
  }
  return Json{{"lessons", std::move(list)}}.dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace fovea::report
