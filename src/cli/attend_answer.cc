// Output, log-sum-exp and what is observed come from the engine. The weights and scores of all N x N pairs, which it
// never has, come from the reference, in double, and go to their files row by row.
#include "cli/attend_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>
#include <utility>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "fovea/core/printable.h"
#include "fovea/formats/npy.h"

namespace fovea::cli {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

using RowPart = std::function<std::span<const double>(const reference::RowSteps&)>;

struct Stage {
  std::string name;
  std::span<const double> reference::RowSteps::*part;
};

const std::array<Stage, 3>& stages() {
  static const std::array<Stage, 3> all{{{"scaled", &reference::RowSteps::scaled},
                                         {"capped", &reference::RowSteps::capped},
                                         {"biased", &reference::RowSteps::biased}}};
  return all;
}

struct ScoresFlag {
  const Stage* stage;
  std::string path;
};

ScoresFlag parse_scores(const std::string& text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string name = text.substr(0, equals);
  for (const Stage& stage : stages()) {
    if (stage.name == name && equals + 1 < text.size()) return {&stage, text.substr(equals + 1)};
  }
  std::vector<std::string> names;
  for (const Stage& stage : stages()) names.push_back(stage.name);
  throw UsageError(fmt::format(
      "attend: --scores: {} is not STAGE=FILE with a STAGE of scaled, capped or biased{}",
      in_quotes(text), std::ranges::count(names, name) > 0 ? "" : did_you_mean(name, names)));
}

void add(std::vector<NamedPath>& list, const char* flag, const std::optional<std::string>& path) {
  if (path) list.push_back({flag, *path});
}

std::vector<NamedPath> outputs_of(const AttendFlags& flags) {
  std::vector<NamedPath> list;
  add(list, "--output", flags.output);
  add(list, "--lse", flags.lse);
  add(list, "--weights", flags.weights);
  for (const std::string& text : flags.scores) {
    const ScoresFlag scores = parse_scores(text);
    list.push_back({"--scores " + scores.stage->name, scores.path});
  }
  for (NamedPath& file : observer_files(flags.observe)) list.push_back(std::move(file));
  return list;
}

std::vector<NamedPath> inputs_of(const AttendFlags& flags) {
  std::vector<NamedPath> list;
  add(list, "--query", flags.query);
  add(list, "--key", flags.key);
  add(list, "--value", flags.value);
  add(list, "--keep", flags.keep);
  add(list, "--bias", flags.bias);
  add(list, "--alibi", flags.alibi);
  add(list, "--sinks", flags.sinks);
  add(list, "--key-lengths", flags.key_lengths);
  return list;
}

// Whether writing one would replace the other. Devices take any number of writers.
bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(a, error);
  if (std::filesystem::exists(status)) {
    return std::filesystem::is_regular_file(status) && std::filesystem::equivalent(a, b, error);
  }
  const auto whole = [&error](const std::string& path) {
    return std::filesystem::weakly_canonical(path, error);
  };
  return whole(a) == whole(b);
}

Shape with_last(const Shape& shape, std::int64_t size) {
  Shape result = shape;
  result[result.rank() - 1] = size;
  return result;
}

// To float32, where a finite number stays finite.
float narrowed(double number) noexcept {
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(std::isfinite(number) ? std::clamp(number, -kMost, kMost) : number);
}

}  // namespace

bool AttendAnswer::is_wanted(const AttendFlags& flags) {
  return !outputs_of(flags).empty();
}

void AttendAnswer::check_flags(const AttendFlags& flags) {
  observe_of(flags.observe);
  const std::vector<NamedPath> outputs = outputs_of(flags);
  const std::vector<NamedPath> inputs = inputs_of(flags);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (const NamedPath& input : inputs) {
      const bool is_stream = outputs[i].path == kStandardOutput;
      if (is_stream || !is_same_file(outputs[i].path, input.path)) continue;
      throw UsageError(fmt::format("attend: {} {} would replace the file of {}", outputs[i].flag,
                                   printable(outputs[i].path), input.flag));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!is_same_file(outputs[i].path, outputs[j].path)) continue;
      throw UsageError(fmt::format("attend: {} and {} are both {}; give each a file of its own",
                                   outputs[j].flag, outputs[i].flag, printable(outputs[i].path)));
    }
  }
}

AttendAnswer::AttendAnswer(const AttendFlags& flags, const Attention& attention)
    : observers_(flags.observe) {
  const Shape query = attention.query.shape();
  const Shape scores = with_last(query, attention.key.size(attention.key.rank() - 2));
  const bool is_double = attention.query.dtype() == DType::f64;
  const DType dtype = is_double ? DType::f64 : DType::f32;
  const auto add_rows = [&](const std::string& path, const Shape& shape, RowPart part) {
    rows_.push_back({open_output(path), dtype, shape, std::move(part)});
    formats::write_npy_header(rows_.back().file, dtype, shape);
  };
  if (flags.output) output_.emplace(open_output(*flags.output));
  // The engine gives it in float32: exact enough for all but the computation in double.
  if (flags.lse && !is_double) lse_.emplace(open_output(*flags.lse));
  if (flags.lse && is_double) {
    add_rows(*flags.lse, Shape(std::span(query.begin(), query.end() - 1)),
             [](const reference::RowSteps& row) { return std::span(&row.log_sum_exp, 1); });
  }
  if (flags.weights) {
    add_rows(*flags.weights, scores, [](const reference::RowSteps& row) { return row.weights; });
  }
  for (const std::string& text : flags.scores) {
    const ScoresFlag wanted = parse_scores(text);
    add_rows(wanted.path, scores,
             [part = wanted.stage->part](const reference::RowSteps& row) { return row.*part; });
  }
}

void AttendAnswer::RowFile::append(std::span<const double> numbers) {
  const auto element = static_cast<std::size_t>(size_of(dtype));
  std::size_t at = buffer.size();
  buffer.resize(at + numbers.size() * element);
  for (const double number : numbers) {
    const float rounded = narrowed(number);
    const void* source = dtype == DType::f64 ? static_cast<const void*>(&number) : &rounded;
    std::memcpy(buffer.data() + at, source, element);
    at += element;
  }
  if (buffer.size() >= kBufferBytes) flush();
}

void AttendAnswer::RowFile::flush() {
  file.write(buffer);
  buffer.clear();
}

std::int64_t AttendAnswer::write_rows(const Attention& attention, const Execution& execution) {
  std::int64_t empty_rows = 0;
  reference::attend_by_rows(validate(attention, execution), [&](const reference::RowSteps& row) {
    for (RowFile& file : rows_) file.append(file.part(row));
    empty_rows += row.is_empty ? 1 : 0;
  });
  for (RowFile& file : rows_) file.flush();
  return empty_rows;
}

AttendAnswer::Written AttendAnswer::write(const Attention& attention, const Execution& execution) {
  Written written;
  if (output_ || lse_ || observers_.observe().any()) {
    const Attended attended = attend(attention, observers_.observe(), execution);
    written.empty_rows = attended.empty_rows;
    if (observers_.observe().any()) written.observing = attended.plan;
    observers_.write(attended.observed);
    if (output_) formats::write_npy(*output_, attended.output);
    if (lse_) formats::write_npy(*lse_, attended.log_sum_exp);
  }
  if (!rows_.empty()) written.empty_rows = write_rows(attention, execution);

  std::vector<formats::OutputFile*> files = observers_.files();
  if (output_) files.push_back(&*output_);
  if (lse_) files.push_back(&*lse_);
  for (RowFile& file : rows_) files.push_back(&file.file);
  for (formats::OutputFile* file : files) file->finish();
  for (formats::OutputFile* file : files) file->commit();
  return written;
}

}  // namespace fovea::cli
