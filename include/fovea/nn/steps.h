// The notebooks' arithmetic in float32, one operation a function, rounded as torch rounds it at
// their sizes.
//
// The order of operations is part of the contract, for it decides the last digits that people see:
// a dot product is one chain of fused multiply-adds from 0; exp is correctly rounded; a sum has the
// order given at `sum`.
//
// All take f32 views of any strides and return new row-major tensors. They are written to be
// followed, not to be fast: `attend` is the fast path. All throw Error{invalid_argument} for
// another type or for shapes that do not fit.
#pragma once

#include "fovea/core/tensor.h"

namespace fovea::nn {

/// Returns a · b of two vectors [n]: one chain of fma from 0, in order.
float dot(const TensorView& a, const TensorView& b);

/// Returns the matrix product, each entry one chain of fma from 0. [..., n, k] by [..., k, m] gives
/// [..., n, m], leading axes broadcast; a vector [k] on the left or the right stands for one row or
/// one column, and its axis is dropped.
Tensor matmul(const TensorView& a, const TensorView& b);

/// Returns a copy with the last two axes exchanged: [..., n, m] gives [..., m, n].
Tensor transpose(const TensorView& x);

/// Returns the sum of a vector [n], 0 of none. Fewer than 4 values: in order. Up to 7:
/// ((p + x1) + x2) + x3 with p = x0 + x4 + x5 + x6. From 8 on: torch's vector path, 8 lanes of four
/// running sums each; equal to torch's bits up to 575 values.
float sum(const TensorView& values);

/// Returns `sum` over the last axis: [..., n] gives [...].
Tensor sum_rows(const TensorView& x);

/// Elementwise. `divide` and `multiply` round the number to float32 first, as torch does with a
/// Python float.
Tensor exp(const TensorView& x);
Tensor multiply(const TensorView& x, double factor);
Tensor divide(const TensorView& x, double divisor);

/// Returns a + b, b broadcast to a's shape.
Tensor add(const TensorView& a, const TensorView& b);

/// The three ways to make weights of scores, each over the last axis of [..., n].
/// x / sum(x): wrong as soon as a score is negative.
Tensor normalise_by_sum(const TensorView& scores);
/// exp(x) / sum(exp(x)): NaN as soon as a score exceeds 88.7.
Tensor naive_softmax(const TensorView& scores);
/// exp(x - max x) / sum(exp(x - max x)). A row of -inf alone gives NaN, as in torch.
Tensor softmax(const TensorView& scores);

/// Returns ones on and below the diagonal, zeros above: [tokens, tokens].
Tensor causal_mask(std::int64_t tokens);
/// Return [..., n, m] with the entries above the diagonal set to 0 (weights) or to -inf (scores).
Tensor zero_future(const TensorView& weights);
Tensor hide_future(const TensorView& scores);

/// Returns each token's share of the context vector, row i being weights[i] · values[i]: of [n] and
/// [n, d], [n, d].
Tensor contributions(const TensorView& weights, const TensorView& values);

/// Returns the sum of the contributions in token order, each product and each sum rounded: the
/// notebooks' loop `context += weight * value`, whose last digit can differ from matmul's. [n] and
/// [n, d] give [d].
Tensor context_vector(const TensorView& weights, const TensorView& values);

}  // namespace fovea::nn
