// Every entry of the golden files, computed from its inputs and seed, against torch's text and
// values.
#include "golden/golden.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fovea/core/format_tensor.h"
#include "fovea/core/random.h"
#include "fovea/nn/dropout.h"
#include "fovea/nn/linear.h"
#include "fovea/nn/multi_head_attention.h"
#include "fovea/nn/self_attention.h"
#include "fovea/nn/steps.h"

namespace fovea::nn {
namespace {

constexpr PrintOptions kProduct{.grad_fn = "MmBackward0"};

struct Figure {
  std::string printed;
  std::vector<float> values;
};
using Figures = std::map<std::string, Figure>;

void add(Figures& figures, const std::string& id, const TensorView& tensor,
         const PrintOptions& options = {}) {
  const Tensor copy = Tensor::copy_of(tensor);
  const auto values = copy.values<float>();
  figures[id] = {format_tensor(tensor, options), {values.begin(), values.end()}};
}

void add(Figures& figures, const std::string& id, float number) {
  add(figures, id, TensorView(&number, Shape{}));
}

// "Your journey starts with one step", a row a word.
Tensor journey_inputs() {
  return Tensor::of<float>({6, 3}, {0.43f, 0.15f, 0.89f, 0.55f, 0.87f, 0.66f, 0.57f, 0.85f, 0.64f,
                                    0.22f, 0.58f, 0.33f, 0.77f, 0.25f, 0.10f, 0.05f, 0.80f, 0.55f});
}

TensorView row_of(const Tensor& matrix, std::int64_t row) {
  return {matrix.values<float>().data() + row * matrix.size(1), Shape{matrix.size(1)}};
}

// The dot product of every row with the query, one by one, as the notebooks loop.
Tensor dots(const Tensor& inputs, const TensorView& query) {
  Tensor scores(DType::f32, {inputs.size(0)});
  for (std::int64_t row = 0; row < inputs.size(0); ++row) {
    scores.values<float>()[static_cast<std::size_t>(row)] = dot(row_of(inputs, row), query);
  }
  return scores;
}

void add_one_query(Figures& figures) {
  const Tensor inputs = journey_inputs();
  const Tensor scores = dots(inputs, row_of(inputs, 1));
  const Tensor by_sum = normalise_by_sum(scores);
  const Tensor naive = naive_softmax(scores);
  const Tensor weights = softmax(scores);
  for (const std::string notebook : {"000.", "001.", "002.", "004."}) {
    add(figures, notebook + "scores.journey", scores);
    add(figures, notebook + "weights.softmax", weights);
    if (notebook == "004.") continue;
    add(figures, notebook + "weights.sum_normalised", by_sum);
    add(figures, notebook + "weights.sum_normalised.sum", sum(by_sum));
    add(figures, notebook + "weights.naive", naive);
    add(figures, notebook + "weights.naive.sum", sum(naive));
    add(figures, notebook + "weights.softmax.sum", sum(weights));
    add(figures, notebook + "context.journey", context_vector(weights, inputs).view());
  }
  add(figures, "000.contributions.journey", contributions(weights, inputs).view());

  // 004's slip: row i adds weight[i] * query[i] to all six entries, for the query's three numbers.
  const TensorView wrong_rows(inputs.values<float>().data() + 3, Shape{3, 6}, Shape{1, 0});
  add(figures, "004.context.wrong",
      context_vector(weights.view().sliced(0, 0, 3), wrong_rows).view());
}

void add_all_queries(Figures& figures) {
  const Tensor inputs = journey_inputs();
  const Tensor scores = matmul(inputs, inputs.view().permuted({1, 0}));
  const Tensor weights = softmax(scores);
  const Tensor context = matmul(weights, inputs);
  for (const std::string notebook : {"001.", "002."}) {
    add(figures, notebook + "scores.all", scores);
    add(figures, notebook + "weights.all", weights);
    add(figures, notebook + "context.all", context);
  }
}

void add_modules(Figures& figures) {
  const Tensor inputs = journey_inputs();
  Generator generator(123);
  TinySelfAttentionQKV by_rand(3, 2, generator);
  add(figures, "002.rand.W_query", by_rand.query_weight());
  add(figures, "002.rand.W_key", by_rand.key_weight());
  add(figures, "002.rand.W_value", by_rand.value_weight());
  const Tensor rand_context = by_rand.forward(inputs);
  add(figures, "002.rand.context", rand_context, kProduct);

  generator.manual_seed(789);
  const TinySelfAttentionQKVLinear by_linear(3, 2, generator);
  add(figures, "002.linear.W_query", by_linear.query().weight());
  add(figures, "002.linear.W_key", by_linear.key().weight());
  add(figures, "002.linear.W_value", by_linear.value().weight());
  const Tensor linear_context = by_linear.forward(inputs);
  add(figures, "002.linear.context", linear_context, kProduct);
  by_rand.set_weights(by_linear);
  const Tensor transferred = by_rand.forward(inputs);
  add(figures, "002.transfer.context", transferred, kProduct);

  for (int run = 1; run < 5; ++run) Linear(3, 2, Bias::no, generator);
  const Linear fifth(3, 2, Bias::no, generator);
  add(figures, "002.linear.weight", fifth.weight(), {.parameter = true});
  figures["002.linear.repr"].printed = fifth.repr();
}

void add_the_cat_ran(Figures& figures) {
  const Tensor inputs =
      Tensor::of<float>({3, 3}, {0.2f, 0.1f, 0.5f, 0.9f, 0.1f, 0.3f, 0.4f, 0.8f, 0.2f});
  add(figures, "003.inputs", inputs);
  figures["003.inputs"].printed.insert(0, "Input vectors: ");
  const Tensor scores = dots(inputs, row_of(inputs, 2));
  const Tensor weights = softmax(scores);
  add(figures, "003.scores.ran", scores);
  add(figures, "003.weights.ran", weights);
  figures["003.weights.ran.sum"].printed = format_scalar(static_cast<double>(sum(weights)));
  add(figures, "003.context.ran", context_vector(weights, inputs).view());
}

void add_causal(Figures& figures) {
  const Tensor inputs = journey_inputs();
  Generator generator(789);
  const TinySelfAttentionQKVLinear module(3, 2, generator);
  const AttentionSteps steps = module.steps(inputs);
  add(figures, "causal.weights.unmasked", steps.weights);
  add(figures, "causal.mask", causal_mask(6).view());
  const Tensor zeroed = zero_future(steps.weights);
  add(figures, "causal.weights.zeroed", zeroed);
  add(figures, "causal.weights.renormalised", normalise_by_sum(zeroed).view());
  const Tensor masked = hide_future(steps.scores);
  add(figures, "causal.scores.masked", masked);
  const Tensor scaled = divide(masked, std::sqrt(2.0));
  const Tensor weights = softmax(scaled);
  add(figures, "causal.weights", weights);
  add(figures, "causal.context", matmul(weights, steps.value).view(), kProduct);

  generator.manual_seed(123);
  std::array<float, 36> ones;
  ones.fill(1);
  add(figures, "dropout.ones",
      Dropout(0.5).forward(TensorView(ones.data(), Shape{6, 6}), generator).view());
  generator.manual_seed(123);
  add(figures, "dropout.weights", Dropout(0.5).forward(weights, generator).view());
}

void add_heads(Figures& figures) {
  const Tensor inputs = journey_inputs();
  const TensorView batch = inputs.view().broadcast_to({2, 6, 3});
  const CausalAttentionOptions options{.d_in = 3, .d_out = 2, .context_length = 6};
  Generator generator(123);
  add(figures, "causal.module", CausalAttention(options, generator).forward(batch).view(),
      {.grad_fn = "UnsafeViewBackward0"});
  generator.manual_seed(123);
  add(figures, "heads.wrapper",
      MultiHeadAttentionWrapper(options, 2, generator).forward(batch).view(),
      {.grad_fn = "CatBackward0"});
  generator.manual_seed(123);
  CausalAttentionOptions narrow = options;
  narrow.d_out = 1;
  add(figures, "heads.wrapper.d1",
      MultiHeadAttentionWrapper(narrow, 2, generator).forward(batch).view(),
      {.grad_fn = "CatBackward0"});
  generator.manual_seed(123);
  const MultiHeadAttention split(options, 2, generator);
  add(figures, "heads.split.out_proj.weight", split.out_proj().weight());
  add(figures, "heads.split.out_proj.bias", split.out_proj().bias());
  add(figures, "heads.split", split.forward(batch).view(), {.grad_fn = "AddBackward0"});
  const MultiHeadAttention gpt2({.d_in = 768, .d_out = 768, .context_length = 1024}, 12, generator);
  figures["heads.gpt2.parameters"].printed = format_count(gpt2.parameter_count());
}

void add_draws(Figures& figures) {
  for (const std::uint64_t seed : {0u, 42u, 123u, 789u, 4294967295u}) {
    const auto named = [&](std::string_view what) { return fmt::format("{}.{}", what, seed); };
    Generator generator(seed);
    add(figures, named("rand"), rand({20}, generator).view());
    generator.manual_seed(seed);
    add(figures, named("randn.small"), randn({10}, generator).view());
    generator.manual_seed(seed);
    add(figures, named("randn.large"), randn({37}, generator).view());
    generator.manual_seed(seed);
    const Linear linear(5, 4, Bias::yes, generator);
    add(figures, named("linear.weight"), linear.weight());
    add(figures, named("linear.bias"), linear.bias());
    generator.manual_seed(seed);
    std::array<float, 40> ones;
    ones.fill(1);
    add(figures, named("dropout"),
        Dropout(0.1).forward(TensorView(ones.data(), Shape{40}), generator).view());
  }
}

const Figures& computed() {
  static const Figures figures = [] {
    Figures all;
    add_one_query(all);
    add_all_queries(all);
    add_modules(all);
    add_the_cat_ran(all);
    add_causal(all);
    add_heads(all);
    add_draws(all);
    return all;
  }();
  return figures;
}

std::vector<golden::Entry> all_entries() {
  std::vector<golden::Entry> all;
  for (const char* file : {"seeds.json", "chapter3.json", "rng.json"}) {
    for (golden::Entry& entry : golden::read_entries(file)) all.push_back(std::move(entry));
  }
  return all;
}

// Drawn, not computed: these must have torch's very bits.
bool is_drawn(std::string_view id) {
  constexpr std::array<std::string_view, 8> kDrawn{"rand.",
                                                   "linear.",
                                                   "dropout.",
                                                   "002.rand.W",
                                                   "002.linear.W",
                                                   "002.linear.w",
                                                   "heads.split.out_proj",
                                                   "003.inputs"};
  return id != "dropout.weights" &&
         std::any_of(kDrawn.begin(), kDrawn.end(),
                     [&](std::string_view prefix) { return id.starts_with(prefix); });
}

class Golden : public testing::TestWithParam<golden::Entry> {
 protected:
  const Figure& figure() const {
    static const Figure missing;
    const auto found = computed().find(GetParam().id);
    EXPECT_NE(found, computed().end()) << GetParam().id << " is not computed";
    return found == computed().end() ? missing : found->second;
  }
};

TEST_P(Golden, PrintsAsTorch) {
  EXPECT_EQ(figure().printed, GetParam().printed);
}

TEST_P(Golden, HasTorchsValues) {
  const auto& [id, printed, wanted] = GetParam();
  const std::vector<float>& values = figure().values;
  if (!wanted) {
    EXPECT_TRUE(values.empty()) << "the golden entry is text only";
    return;
  }
  ASSERT_EQ(values.size(), wanted->size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    const float want = (*wanted)[i];
    if (is_drawn(id)) {
      EXPECT_EQ(golden::ulps_between(value, want), 0) << "element " << i;
    } else if (id.starts_with("randn.large")) {
      EXPECT_LE(golden::ulps_between(value, want), 4) << "element " << i;
    } else if (std::isinf(want)) {
      EXPECT_EQ(value, want) << "element " << i;
    } else {
      EXPECT_NEAR(value, want, 1e-6) << "element " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Entries, Golden, testing::ValuesIn(all_entries()), [](const auto& entry) {
  std::string name = entry.param.id;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST(GoldenFiles, HaveAllTheirEntries) {
  EXPECT_EQ(golden::read_entries("seeds.json").size(), 50u);
  EXPECT_EQ(golden::read_entries("chapter3.json").size(), 16u);
  EXPECT_EQ(golden::read_entries("rng.json").size(), 30u);
}

TEST(GoldenFiles, HoldExactlyWhatIsComputed) {
  std::vector<std::string> wanted;
  for (const golden::Entry& entry : all_entries()) wanted.push_back(entry.id);
  std::vector<std::string> made;
  for (const auto& [id, figure] : computed()) made.push_back(id);
  EXPECT_THAT(made, testing::UnorderedElementsAreArray(wanted));
}

}  // namespace
}  // namespace fovea::nn
