// What a model's attention did with a text: the data that the terminal, the JSON and the page are
// drawn from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/core/tensor.h"
#include "fovea/insight/portrait.h"
#include "fovea/lesson/lesson.h"
#include "fovea/models/model.h"
#include "fovea/report/kept_head.h"

namespace fovea::report {

/// A head of a layer, both from 0: "17.5".
struct HeadName {
  std::int64_t layer = 0;
  std::int64_t head = 0;
  friend bool operator==(const HeadName&, const HeadName&) = default;
};
std::string to_string(const HeadName& name);

/// A row of a head, to be explained step by step.
struct RowName {
  HeadName head;
  std::int64_t token = 0;  ///< the one that asks
};

/// Numbers to keep for the page.
struct KeepOptions {
  std::int64_t budget_bytes = 0;     ///< of KeptNumbers; 0 = nothing is kept
  bool all_heads = false;            ///< every head, whatever it takes
  std::vector<HeadName> first = {};  ///< heads to keep before the telling ones
  /// True when anything is kept.
  bool any() const noexcept { return all_heads || budget_bytes > 0; }
};

struct ExplainOptions {
  /// Heads to look at; empty = all. Layers without any are run, and not observed.
  std::vector<HeadName> only_heads = {};
  std::optional<RowName> at = std::nullopt;
  std::int64_t guesses = 5;  ///< next tokens to name
  KeepOptions keep = {};
  int threads = 0;
  std::stop_token stop = {};
  /// Called when a layer's attention has been looked at, by the thread that calls explain.
  std::function<void(std::int64_t layer)> on_layer = {};
};

struct ExplainedToken {
  std::int32_t id = 0;
  std::string
      text;  ///< what it stands for; a part of a character as it is: printable() before it is shown
  std::string piece;  ///< as the vocabulary spells it
  std::int64_t first_byte = 0;
  std::int64_t byte_count = 0;
  /// Mean weight that it gets from the other tokens that see it, over the heads looked at; 0 of a
  /// token that no other sees.
  double received = 0;
  /// At least kSinkRows others see it, and it gets at least kSinkShare, and twice what it would if
  /// all were looked at alike: weight rests there more than it looks there.
  bool is_sink = false;
};

/// Source of the notion: Xiao et al. 2023, arXiv:2309.17453. The threshold is our own choice.
inline constexpr double kSinkShare = 0.25;
inline constexpr std::int64_t kSinkRows = 3;

struct ExplainedHead {
  HeadName name;
  Portrait portrait;
  std::string summary;  ///< describe(portrait)
  double entropy = 0;   ///< in nats, mean over rows
  /// Pooled weights, [cells of queries, cells of keys], as Observed::pooled_map.
  std::vector<float> map = {};
  std::vector<float> received = {};  ///< [tokens]: mean weight from the other tokens that see it
};

/// A token that may come next.
struct Guess {
  std::int32_t id = 0;
  std::string text;  ///< empty of one that the tokenizer does not know: padding
  double probability = 0;
};

struct Explanation {
  models::ModelFacts model;
  std::string text;
  std::vector<ExplainedToken> tokens = {};
  std::vector<ExplainedHead> heads = {};  ///< by layer, then head
  std::int64_t map_cell = 1;              ///< tokens to a side of a map's cell
  std::int64_t map_cells = 0;             ///< cells to a side
  /// Indices into `heads`: of each kind that occurs, the one with the largest number; all where there
  /// are few.
  std::vector<std::size_t> telling = {};
  std::vector<Guess> guesses = {};                     ///< of a decoder, by falling probability
  std::vector<float> sentence_vector = {};             ///< of an encoder
  std::optional<lesson::Lesson> steps = std::nullopt;  ///< of ExplainOptions::at
  KeptNumbers kept = {};                               ///< of ExplainOptions::keep
  /// After each token, three: of a decoder where numbers are kept, of a text of at most 1,024 tokens or with all heads.
  std::vector<std::vector<Guess>> row_guesses = {};
};

/// Runs the model over the text with observers on every layer. Memory beyond the model's own is
/// O(tokens): no weight matrix is made. Throws Error{invalid_argument} for an empty text, for heads
/// and tokens that the model or text does not have, for a model whose numbers turn infinite or NaN,
/// and as Model::forward; Error{cancelled}.
Explanation explain(const models::Model& model, std::string_view text,
                    const ExplainOptions& options = {});

/// Returns the explanation as JSON, indented: nothing rounded, invalid UTF-8 as U+FFFD. Its keys are
/// in docs/explanation.md.
std::string explanation_json(const Explanation& explanation);

}  // namespace fovea::report
