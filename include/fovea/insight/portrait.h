// What kind of head it is, measured from what the observers say: no weight matrix is made.
//
// Sources of the kinds: Clark et al. 2019, arXiv:1906.04341 (previous token, broad); Voita et al.
// 2019, arXiv:1905.09418 (positional heads); Elhage et al. 2021, "A Mathematical Framework for
// Transformer Circuits", and Olsson et al. 2022, arXiv:2209.11895 (previous token, induction); Wang
// et al. 2022, arXiv:2211.00593 (duplicate token); Xiao et al. 2023, arXiv:2309.17453 (first token
// as attention sink). Their measures differ and few state a threshold; ours are below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fovea/core/tensor.h"
#include "fovea/engine/attend.h"
#include "fovea/insight/token_labels.h"

namespace fovea {

enum class HeadKind : std::uint8_t {
  previous_token,   ///< looks at the key before its own
  self,             ///< looks at its own key
  first_token,      ///< looks at key 0: rests there, as on an attention sink
  sink,             ///< rests on the sink that Attention::sinks gives it
  duplicate_token,  ///< looks at other keys with the row's token
  induction,        ///< looks at keys that follow a copy of the row's token
  local,            ///< looks at few keys around its own
  broad,            ///< looks at all keys nearly alike
};

/// Returns "previous token", "self", "first token", "sink", "duplicate token", "induction", "local",
/// "broad".
std::string_view name_of(HeadKind kind) noexcept;

/// A kind needs at least this mean weight. Our own choice: above 1/2, so that one set of rows never
/// names two kinds, and a head that halves its weight between two has neither. Clark et al. speak of
/// previous-token heads from a mean of 0.5 on. Voita et al. ask that the largest weight lie at one
/// position in 90 % of the rows, which a mean does not tell.
inline constexpr double kHeadMass = 0.6;
/// The same for duplicate_token and induction, whose mean is over the rows that can match: half of
/// the weight or more. Our own choice. Olsson et al. rank heads by this mean (over random tokens said
/// twice) and set no threshold.
inline constexpr double kMatchMass = 0.5;
/// local: at least this share of the weight lies nearer to the row's own key than `local_width`, and
/// that is at most kLocalKeys and at most 1/kLocalPart of the keys that a row sees. All three are our
/// own choice.
inline constexpr double kLocalMass = 0.8;
inline constexpr std::int64_t kLocalKeys = 32;
inline constexpr std::int64_t kLocalPart = 4;
/// broad: the mean of entropy / ln(visible keys) is at least this, over rows that see kBroadKeys or
/// more: among fewer, any weights are nearly alike. Our own choice; Clark et al. call heads broad
/// that give no word more than a tenth.
inline constexpr double kBroadEntropy = 0.9;
inline constexpr std::int64_t kBroadKeys = 8;
/// No label from fewer rows: 8, and 4 of those that can match. Our own choice.
inline constexpr std::int64_t kLeastRows = 8;
inline constexpr std::int64_t kLeastMatchRows = 4;

/// A mean, and how many rows it is over: 0 = not measured, and the mean is 0.
struct RowMean {
  double mean = 0;
  std::int64_t rows = 0;
};

/// A kind that the head is, and the number that says so: a mean weight; of `local` its width in
/// keys; of `broad` the mean of entropy / ln(visible keys).
struct HeadLabel {
  HeadKind kind = HeadKind::previous_token;
  std::string_view name;
  double number = 0;
};

/// The numbers of a head are means over the rows of all batch entries that see two keys or more: of
/// a causal head, from row 1 on. Rows that are NaN are left out.
struct Portrait {
  std::int64_t head = 0;  ///< of the query
  RowMean previous;       ///< weight on the key before the row's own, over rows that see it
  RowMean self;           ///< weight on the row's own key, likewise
  RowMean first;          ///< weight on key 0, likewise
  RowMean sink;           ///< weight on the question's sink
  /// Weight on other keys with the row's token, over rows that have such keys, all earlier; not
  /// those with one that is key 0 or the previous key, or that follows a copy too: weight on it
  /// could be of another kind.
  RowMean duplicate;
  /// Weight on keys that follow an earlier copy of the row's token, over rows that have such keys;
  /// not those with one that is the row's own or previous key or a copy too. Where a text repeats at
  /// one distance throughout, a head that looks back by that distance passes for one: take a text
  /// that repeats irregularly.
  RowMean induction;
  RowMean entropy;  ///< in nats
  RowMean breadth;  ///< entropy / ln(visible keys), over rows that see kBroadKeys or more
  /// Least w such that kLocalMass of the weight lies at distances below w from the row's own key, on
  /// both sides; beyond 64 an upper bound, up to twice as large. 0 = none, or not measured.
  std::int64_t local_width = 0;
  double visible_keys = 0;  ///< that a row sees, mean over the same rows

  /// By falling number; then local (unless it is previous_token or self, which say more) and broad.
  /// Often none: no label rather than a wrong one.
  std::vector<HeadLabel> labels;
};

/// What to observe for a portrait; labels add one match mass, for the kind that they are of. They
/// must outlive the call of attend.
Observe portrait_observe();
Observe portrait_observe(const TokenLabels& labels);
Observe portrait_observe(TokenLabels&& labels) = delete;
/// The other match mass alone: Observe has room for one pair of labels.
Observe match_observe(const TokenLabels& labels);
Observe match_observe(TokenLabels&& labels) = delete;

/// What the match masses in the answers are: Observed::mass_match of the calls that were given
/// induction_labels and duplicate_labels. Either may be left out; its kind is then not measured.
struct PortraitMatches {
  TensorView tokens = {};  ///< as the labels were made of
  TensorView induction = {};
  TensorView duplicate = {};
};

/// Returns a portrait of each head observed, from the answers to portrait_observe (and
/// match_observe):
///
///   const TokenLabels induction = induction_labels(question, tokens);
///   const TokenLabels duplicate = duplicate_labels(question, tokens);
///   const Attended answer = attend(question, portrait_observe(induction));
///   const Attended again = attend(question, match_observe(duplicate));
///   portraits(question, answer.observed, {.tokens = tokens,
///                                         .induction = answer.observed.mass_match,
///                                         .duplicate = again.observed.mass_match});
///
/// Takes O(heads · queries), with keep or bias O(heads · queries · keys). Throws
/// Error{invalid_argument} for an answer that does not hold what portrait_observe asks for, or to
/// another question; for masses without tokens; and for what attend would refuse.
std::vector<Portrait> portraits(const Attention& attention, const Observed& answer,
                                const PortraitMatches& matches = {});

/// The same from the question alone, all kinds: it asks attend twice. Throws as attend and
/// induction_labels.
std::vector<Portrait> portraits(const Attention& attention, const TensorView& tokens,
                                const Execution& execution = {});

/// Returns one line for people: "previous token 0.78", "local 4 keys", "induction 0.79, first token
/// 0.61"; without a label "none; most on first token, 0.37" or "none; too few rows".
std::string describe(const Portrait& portrait);

}  // namespace fovea
