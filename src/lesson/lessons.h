// One function a lesson. A new lesson is one file, one line here, and one line in the list of
// lessons.cc.
#pragma once

#include "fovea/lesson/lesson.h"

namespace fovea::lesson {

Lesson one_query(const LessonInputs& inputs);
Lesson all_queries(const LessonInputs& inputs);
Lesson cross(const LessonInputs& inputs);
Lesson qkv(const LessonInputs& inputs);
Lesson scale(const LessonInputs& inputs);
Lesson modules(const LessonInputs& inputs);
Lesson causal(const LessonInputs& inputs);
Lesson dropout(const LessonInputs& inputs);
Lesson heads(const LessonInputs& inputs);
Lesson split(const LessonInputs& inputs);
Lesson mistakes(const LessonInputs& inputs);

}  // namespace fovea::lesson
