// The list of lessons, and what they all want of their inputs.
#include "lesson/lessons.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "fovea/core/error.h"

namespace fovea::lesson {
namespace {

struct Entry {
  LessonInfo info;
  Lesson (*make)(const LessonInputs&);
};

constexpr std::array kLessons = {
    Entry{{"one-query", "One word asks, all words answer"}, one_query},
    Entry{{"all-queries", "Every word asks at once: one matrix product"}, all_queries},
    Entry{{"cross", "Asking another sentence: cross-attention"}, cross},
    Entry{{"qkv", "Query, key and value: three learned views of a word"}, qkv},
    Entry{{"scale", "Why scores are divided by √d"}, scale},
    Entry{{"modules", "The same attention as two modules, made equal"}, modules},
    Entry{{"causal", "No looking ahead: the causal mask"}, causal},
    Entry{{"dropout", "Forgetting at random while learning"}, dropout},
    Entry{{"heads", "Several heads side by side"}, heads},
    Entry{{"split", "One projection, split into heads"}, split},
    Entry{{"mistakes", "Two slips worth learning from"}, mistakes},
};

constexpr auto kInfos = [] {
  std::array<LessonInfo, kLessons.size()> infos{};
  for (std::size_t i = 0; i < infos.size(); ++i) infos[i] = kLessons[i].info;
  return infos;
}();

[[noreturn]] void refuse(const std::string& text) {
  throw Error(ErrorKind::invalid_argument, "lesson: " + text);
}

void check(const LessonInputs& inputs) {
  const Tensor& vectors = inputs.vectors;
  if (vectors.dtype() != DType::f32 || vectors.rank() != 2) {
    refuse(fmt::format("the vectors are {} {}; wanted f32 [tokens, size]", name_of(vectors.dtype()),
                       to_string(vectors.shape())));
  }
  const auto tokens = static_cast<std::int64_t>(inputs.tokens.size());
  if (tokens != vectors.size(0)) {
    refuse(fmt::format("{} tokens but {} vectors; one vector a token is wanted", tokens,
                       vectors.size(0)));
  }
  if (vectors.element_count() == 0) {
    refuse(fmt::format("the vectors are {}; at least one token and one number each are wanted",
                       to_string(vectors.shape())));
  }
  if (tokens > kMaxTokens || vectors.size(1) > kMaxSize) {
    refuse(fmt::format("the vectors are {}; lessons take up to {} tokens of up to {} numbers",
                       to_string(vectors.shape()), kMaxTokens, kMaxSize));
  }
  const auto values = vectors.values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const auto size = static_cast<std::size_t>(vectors.size(1));
    refuse(fmt::format("vector {} has {} at [{}]; finite numbers are wanted", i / size, values[i],
                       i % size));
  }
  if (inputs.query < 0 || inputs.query >= tokens)
    refuse(fmt::format("query {} of {} tokens; wanted 0 to {}", inputs.query, tokens, tokens - 1));
  if (inputs.d_out < 1 || inputs.d_out > kMaxDOut)
    refuse(fmt::format("d_out is {}; wanted 1 to {}", inputs.d_out, kMaxDOut));
  if (inputs.heads < 1 || inputs.heads > kMaxHeads)
    refuse(fmt::format("heads is {}; wanted 1 to {}", inputs.heads, kMaxHeads));
  if (inputs.digits < 1 || inputs.digits > kMaxDigits)
    refuse(fmt::format("digits is {}; wanted 1 to {}", inputs.digits, kMaxDigits));
}

}  // namespace

std::span<const LessonInfo> list_lessons() {
  return kInfos;
}

Lesson make_lesson(std::string_view id, const LessonInputs& inputs) {
  for (const Entry& entry : kLessons) {
    if (entry.info.id != id) continue;
    check(inputs);
    Lesson lesson = entry.make(inputs);
    lesson.id = entry.info.id;
    lesson.title = entry.info.title;
    lesson.digits = inputs.digits;
    return lesson;
  }
  std::string known;
  for (const LessonInfo& info : kInfos) known += (known.empty() ? "" : ", ") + std::string(info.id);
  refuse(fmt::format("there is no lesson '{}'; there are {}", id, known));
}

}  // namespace fovea::lesson
