// Notebook 002: trainable queries, keys and values, as plain matrices and as linear layers; then one
// module takes over the other's weights, and both say the same.
#include <iostream>

#include "fovea/core/format_tensor.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"
#include "fovea/nn/self_attention.h"

using namespace fovea;

int main() {
  const auto words = Tensor::of<float>({6, 3}, {0.43F, 0.15F, 0.89F,    // Your
                                                0.55F, 0.87F, 0.66F,    // journey
                                                0.57F, 0.85F, 0.64F,    // starts
                                                0.22F, 0.58F, 0.33F,    // with
                                                0.77F, 0.25F, 0.10F,    // one
                                                0.05F, 0.80F, 0.55F});  // step

  Generator generator(123);  // torch.manual_seed(123)
  nn::TinySelfAttentionQKV plain(3, 2, generator);
  const PrintOptions trained{.grad_fn = "MmBackward0"};
  const Tensor plain_context = plain.forward(words);
  std::cout << "Context vectors after self-attention:\n"
            << format_tensor(plain_context, trained) << '\n';

  generator.manual_seed(789);
  const nn::TinySelfAttentionQKVLinear linear(3, 2, generator);
  const Tensor linear_context = linear.forward(words);
  std::cout << format_tensor(linear_context, trained) << '\n';

  // What a module computes, as one call on its projections.
  const Tensor query = linear.query().forward(words);
  const Tensor key = linear.key().forward(words);
  const Tensor value = linear.value().forward(words);
  const Attended answer = attend({.query = query, .key = key, .value = value});
  std::cout << "attend: " << format_tensor(answer.output) << '\n';

  plain.set_weights(linear);  // transposed: x W and x Wᵀ
  const Tensor same_context = plain.forward(words);
  std::cout << "attend: " << format_tensor(same_context) << '\n';
}
