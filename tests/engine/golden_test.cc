// attend against every attention output that the notebooks print, within 1e-6.
#include "golden/golden.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "fovea/engine/attend.h"

namespace fovea {
namespace {

// Six words as three numbers each, as the notebooks embed them by hand.
Tensor words() {
  return Tensor::of<float>({6, 3}, {0.43F, 0.15F, 0.89F, 0.55F, 0.87F, 0.66F,  //
                                    0.57F, 0.85F, 0.64F, 0.22F, 0.58F, 0.33F,  //
                                    0.77F, 0.25F, 0.10F, 0.05F, 0.80F, 0.55F});
}

const std::vector<float>& golden_values(const std::string& id) {
  static const std::map<std::string, std::vector<float>> all = [] {
    std::map<std::string, std::vector<float>> values;
    for (const char* file : {"seeds.json", "chapter3.json"}) {
      for (const golden::Entry& entry : golden::read_entries(file)) {
        if (entry.values) values[entry.id] = *entry.values;
      }
    }
    return values;
  }();
  return all.at(id);
}

// words · weights, [6, 3] x [3, 2]; nn.Linear keeps its weights transposed, [2, 3].
Tensor projected(const std::string& id, bool transposed) {
  const Tensor x = words();
  const std::vector<float>& w = golden_values(id);
  Tensor result(DType::f32, {6, 2});
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t d = 0; d < 3; ++d) {
        const float weight = transposed ? w[c * 3 + d] : w[d * 2 + c];
        result.values<float>()[i * 2 + c] += x.values<float>()[i * 3 + d] * weight;
      }
    }
  }
  return result;
}

void expect_golden(const Attention& attention, const std::string& id) {
  const std::vector<float>& expected = golden_values(id);
  for (const ImplementationInfo& each : list_implementations()) {
    const Attended result = attend(attention, {.implementation = each.name});
    ASSERT_EQ(result.output.values<float>().size(), expected.size()) << id;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(result.output.values<float>()[i], expected[i], 1e-6) << id << " " << each.name;
    }
  }
}

TEST(Golden, ContextOfAllWords) {
  const Tensor x = words();
  const Attention attention{.query = x, .key = x, .value = x, .scale = 1};
  expect_golden(attention, "001.context.all");
  expect_golden(attention, "002.context.all");
}

TEST(Golden, ContextOfOneWord) {
  const Tensor x = words();
  const TensorView journey = x.view().sliced(0, 1, 1);
  for (const char* id : {"000.context.journey", "001.context.journey", "002.context.journey"}) {
    expect_golden({.query = journey, .key = x, .value = x, .scale = 1}, id);
  }
}

TEST(Golden, ContextOfThreeWords) {
  const std::vector<float>& numbers = golden_values("003.inputs");
  const TensorView x(numbers.data(), {3, 3});
  expect_golden({.query = x.sliced(0, 2, 1), .key = x, .value = x, .scale = 1}, "003.context.ran");
}

TEST(Golden, ProjectedByRandomWeights) {
  const Tensor query = projected("002.rand.W_query", false);
  const Tensor key = projected("002.rand.W_key", false);
  const Tensor value = projected("002.rand.W_value", false);
  expect_golden({.query = query, .key = key, .value = value}, "002.rand.context");
}

TEST(Golden, ProjectedByLinearLayersWithAndWithoutCausalMask) {
  const Tensor query = projected("002.linear.W_query", true);
  const Tensor key = projected("002.linear.W_key", true);
  const Tensor value = projected("002.linear.W_value", true);
  expect_golden({.query = query, .key = key, .value = value}, "002.linear.context");
  expect_golden({.query = query, .key = key, .value = value}, "002.transfer.context");
  expect_golden({.query = query, .key = key, .value = value, .causal = true}, "causal.context");
}

}  // namespace
}  // namespace fovea
