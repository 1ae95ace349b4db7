// One word, other company: how far apart attention moves the same word in several texts.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "fovea/models/model.h"
#include "fovea/report/explanation.h"

namespace fovea::report {

struct CompareOptions {
  std::int64_t heads = 6;  ///< heads to name, at most
  int threads = 0;
  std::stop_token stop = {};
};

/// A token and the weight that the word gives it.
struct LookedAt {
  std::int64_t token = 0;
  std::string text;
  double weight = 0;
};

/// A text, and where the word stands in it.
struct ComparedText {
  std::string text;
  std::vector<std::string> tokens;
  std::int64_t token = 0;  ///< of the word: its last token, which in a decoder has seen the others
};

/// Two of the texts, and how alike the word's vectors are in them.
struct ComparedPair {
  std::size_t a = 0;
  std::size_t b = 0;
  /// Cosine after the embeddings, after each layer, and last of what the model returns (after its
  /// final norm): [layers + 2]. 1 = the same direction.
  std::vector<double> cosines;
};

/// A head and its part in moving the word apart in two texts.
struct MovingHead {
  HeadName name;
  /// What the head brought to the word from the tokens around it, in one text less the other, along the difference that it made
  /// for: of a decoder, the difference after the last layer, so that the shares of all heads,
  /// feed-forward layers and embeddings add up to 1; of an encoder, whose norms lie between, the
  /// difference after the head's own layer. Left out is what it took from the word itself (all its tokens) and where
  /// attention rests: the first token of a decoder's text, added tokens ([CLS], [SEP]).
  double share = 0;
  std::vector<LookedAt> in_a;  ///< of those tokens, by falling weight, three at most
  std::vector<LookedAt> in_b;
};

/// "starts" and "journey" of the notebooks' sentence: by the vectors that they made by hand, and by
/// the model (NaN of one that cannot read the sentence).
struct NotebookCosine {
  double by_hand = 0;
  double embedding = 0;
  double in_the_end = 0;
};

struct Comparison {
  models::ModelFacts model;
  std::string word;
  std::vector<ComparedText> texts;
  std::vector<ComparedPair> pairs;  ///< (0, 1), (0, 2), (1, 2), ...
  std::size_t farthest = 0;         ///< into `pairs`: the least cosine in the end
  std::vector<MovingHead> heads;    ///< of that pair, by falling share
  /// True when nothing can have moved it: in a decoder, where the same tokens stand before it in
  /// all texts.
  bool has_same_past = false;
  NotebookCosine notebook = {};
};

/// Runs the model over each text and looks at the last occurrence of `word`, as a whole word. Throws
/// Error{invalid_argument} for fewer than two texts, an empty word, a text without it, a
/// model whose numbers turn infinite or NaN, and as Model::forward; Error{cancelled}.
Comparison compare(const models::Model& model, const std::string& word,
                   std::span<const std::string> texts, const CompareOptions& options = {});

/// Returns it as JSON, indented, nothing rounded.
std::string comparison_json(const Comparison& comparison);

}  // namespace fovea::report
