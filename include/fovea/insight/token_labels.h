// Labels for Observe that say which keys hold the row's token, and which follow it.
#pragma once

#include "fovea/attention/attention.h"
#include "fovea/core/tensor.h"

namespace fovea {

/// For Observe::query_labels and Observe::key_labels, i32: [queries] and [keys] of one batch entry,
/// [batch, queries] and [batch, keys] of more. They must outlive the call that observes by them.
struct TokenLabels {
  Tensor query;
  Tensor key;
};

/// `tokens` are the ids of the keys' tokens, i32: [keys], or [batch, keys] where entries differ. A
/// negative id is no token (padding) and matches nothing. A row's own token is the one at its
/// diagonal, so labels are right with a cache of earlier keys too; a row whose diagonal lies outside
/// of the keys has none.
///
/// Both throw Error{invalid_argument} for tokens of another shape or type and for what attend would
/// refuse, ragged batches among it.

/// Labels that match the keys that hold the row's own token: what duplicate-token heads look at. The
/// row's own key matches too; take mass_self from mass_match for the others.
/// Source: Wang et al. 2022, arXiv:2211.00593, section 3.
TokenLabels duplicate_labels(const Attention& attention, const TensorView& tokens);

/// Labels that match the keys that follow a copy of the row's token: in "A B ... A", the last A
/// matches B, which is likely to come again. It is what induction heads look at.
/// Source: Olsson et al. 2022, arXiv:2209.11895.
TokenLabels induction_labels(const Attention& attention, const TensorView& tokens);

}  // namespace fovea
