// The answer as Python sees it: arrays of the query's kind, made when they are asked for.
#pragma once

#include <nanobind/nanobind.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bind/array.h"
#include "bind/callbacks.h"
#include "bind/question.h"
#include "fovea/engine/attend.h"

namespace fovea::bind {

/// An observer's array: its name in Python, and where the engine puts it.
struct ObservedName {
  const char* name;
  Tensor Observed::*tensor;
  bool (*wanted)(const Observe& observe);
};

/// What to observe, the labels that it looks at, and the callbacks that it shows tiles to.
struct ObserveRequest {
  Observe observe;
  Callbacks callbacks;
  std::unique_ptr<ArrayArgument> query_labels;
  std::unique_ptr<ArrayArgument> key_labels;
};

/// The answer, shared by all arrays that were made of it.
class Answer {
 public:
  Answer(std::shared_ptr<Attended> attended, std::shared_ptr<Question> question)
      : attended_(std::move(attended)), kind_(question->kind()), question_(std::move(question)) {}

  const std::shared_ptr<Attended>& attended() const noexcept { return attended_; }
  const ArrayKind& kind() const noexcept { return kind_; }
  /// Null unless row statistics were observed: a Lens needs it then.
  const std::shared_ptr<Question>& question() const noexcept { return question_; }
  void forget_question() noexcept { question_.reset(); }
  /// The caller's array, in which the output is.
  void set_output(nb::object output) { output_ = std::move(output); }
  void set_observed(std::vector<const ObservedName*> names) { observed_ = std::move(names); }

  nb::object output();
  nb::object array(const Tensor& tensor) const { return to_array(tensor, attended_, kind_); }
  /// The arrays that were asked for, by name.
  nb::object observed();

 private:
  std::shared_ptr<Attended> attended_;
  ArrayKind kind_;
  std::shared_ptr<Question> question_;
  std::vector<const ObservedName*> observed_;
  nb::object output_;
  nb::object observed_object_;
};

/// The arrays of `observe`, for a question that has sinks or has not.
std::vector<const ObservedName*> observed_names(const Observe& observe, const Attention& attention);

void bind_attended(nb::module_& module);
void bind_observe(nb::module_& module);

}  // namespace fovea::bind
