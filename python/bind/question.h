// The arguments of attend, as the question that the engine is asked.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <shared_mutex>

#include "bind/array.h"
#include "bind/cache.h"
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
  /// The keys and values are views of a cache, which is locked against change now.
  void look_at_cache(std::shared_ptr<CacheState> cache) {
    cache_version_ = cache->version;
    cache_ = std::move(cache);
  }
  /// Where they are views of a cache, locks it, and throws ValueError when it has changed since. Hold the lock while the
  /// question is looked at.
  std::shared_lock<std::shared_mutex> lock_cache() const;
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
  std::shared_ptr<CacheState> cache_;
  std::int64_t cache_version_ = 0;
  Attention attention_;
};

/// The threads argument: None = 0.
int threads_of(nb::handle threads);

}  // namespace fovea::bind
