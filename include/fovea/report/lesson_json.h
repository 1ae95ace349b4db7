// Lessons as JSON, for scripts and pages.
#pragma once

#include <span>
#include <string>

#include "fovea/lesson/lesson.h"

namespace fovea::report {

/// Returns {"lessons": [{id, title, summary, steps: [{title, sentence, formula, figures: [{kind,
/// ...}]}]}]}, indented. Nothing is cut or rounded: numbers read back as the same doubles. NaN and
/// infinities are the strings "nan", "inf" and "-inf", as in torch's printing; invalid UTF-8 in
/// tokens is U+FFFD.
std::string lessons_to_json(std::span<const lesson::Lesson> lessons);

}  // namespace fovea::report
