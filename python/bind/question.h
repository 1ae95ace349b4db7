// The arguments of attend, as the question that the engine is asked.
#pragma once

#include <nanobind/nanobind.h>

#include "bind/array.h"
#include "bind/running.h"
#include "fovea/attention/attention.h"

namespace fovea::bind {

/// The keyword arguments that modify scores, as Python gives them. None = not given.
struct ModifierArguments {
  nb::handle scale;
  nb::handle softcap;
  nb::handle bias;
  nb::handle keep;
  nb::handle causal;
  nb::handle window;
  nb::handle diagonal;
  nb::handle alibi;
  nb::handle sinks;
  nb::handle key_lengths;
};

/// A question and the arrays that it looks at, kept alive with it. With the GIL.
class Question {
 public:
  /// Throws TypeError, ValueError and OverflowError for what cannot be read as such a question.
  Question(nb::handle query, nb::handle key, nb::handle value, const ModifierArguments& modifiers);
  /// The question over keys and values that are not arrays: they are to be put in.
  Question(nb::handle query, const ModifierArguments& modifiers);

  Attention& attention() noexcept { return attention_; }
  const Attention& attention() const noexcept { return attention_; }
  /// The kind of its query: that of all answers.
  const ArrayKind& kind() const noexcept { return query_.kind(); }
  /// How long answering it takes, to the nearest power of ten or so.
  Length length() const noexcept;

 private:
  void read_modifiers(const ModifierArguments& modifiers);

  ArrayArgument query_;
  ArrayArgument key_;
  ArrayArgument value_;
  ArrayArgument bias_;
  ArrayArgument keep_;
  ArrayArgument alibi_;
  ArrayArgument sinks_;
  ArrayArgument key_lengths_;
  Attention attention_;
};

/// The threads argument: None = 0.
int threads_of(nb::handle threads);

}  // namespace fovea::bind
