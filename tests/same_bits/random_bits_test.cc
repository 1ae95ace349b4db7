// A row's bits depend on its query and its visible keys and values alone: random questions with every modifier, asked in
// other ways that must not matter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fovea/attention/valid_attention.h"
#include "fovea/core/error.h"
#include "kernels/target.h"
#include "same_bits/bits.h"
#include "same_bits/random_problem.h"

namespace fovea::same_bits {
namespace {

bool is_long() {
  return std::getenv("FOVEA_LONG") != nullptr;
}

class RandomBits : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kernels::targets_available().front().starts_with("AVX"))
      GTEST_SKIP() << "no target with FMA";
  }
  void TearDown() override { kernels::force_target(""); }

  // Calls `check(problem, answer)` for some problems, until one fails.
  template <typename Check>
  void for_problems(std::uint32_t count, Check check) {
    const std::uint32_t end = kFirstSeed + (is_long() ? 20 * count : count);
    for (std::uint32_t seed = kFirstSeed; seed < end && !HasFailure(); ++seed) {
      const RandomProblem problem(seed);
      check(problem, attend(problem.attention, {.output_type = problem.output_type}));
    }
  }

 private:
  static constexpr std::uint32_t kFirstSeed = 1000;  // golden_bits takes the first 200
};

void expect_same(const Attended& actual, const Attended& expected, const std::string& what) {
  EXPECT_STREQ(difference(actual, expected), "") << what;
}

TEST_F(RandomBits, DoNotDependOnThreads) {
  for_problems(30, [](const RandomProblem& problem, const Attended& expected) {
    for (const int threads : {1, 2, 3, 8, 16}) {
      expect_same(
          attend(problem.attention, {.threads = threads, .output_type = problem.output_type}),
          expected, fmt::format("{}: {} threads", problem.name, threads));
    }
  });
}

TEST_F(RandomBits, DoNotDependOnTheRun) {
  const int runs = is_long() ? 100 : 10;
  for_problems(10, [runs](const RandomProblem& problem, const Attended& expected) {
    for (int run = 0; run < runs; ++run) {
      expect_same(attend(problem.attention, {.threads = 3, .output_type = problem.output_type}),
                  expected, fmt::format("{}: run {}", problem.name, run));
    }
  });
}

TEST_F(RandomBits, DoNotDependOnTheImplementationAndTarget) {
  for_problems(40, [](const RandomProblem& problem, const Attended& expected) {
    for (const std::string& target : kernels::targets_available()) {
      if (!target.starts_with("AVX")) continue;
      kernels::force_target(target);
      for (const ImplementationInfo& each : list_implementations()) {
        if (each.name == "reference") continue;
        const Execution execution{.implementation = each.name, .output_type = problem.output_type};
        expect_same(attend(problem.attention, execution), expected,
                    fmt::format("{}: {} on {}", problem.name, each.name, target));
      }
    }
    kernels::force_target("");
  });
}

// Queries of one batch entry and the keys that are there for them.
struct Part {
  std::int64_t batch = 0;
  std::int64_t first = 0;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
};

TensorView part_of_mask(const TensorView& mask, const Part& part) {
  if (!mask.given()) return {};
  return mask.sliced(0, part.batch, 1).sliced(2, part.first, part.queries).sliced(3, 0, part.keys);
}

// The question for these queries alone, with the diagonal as a number.
Attention question_of(const ValidAttention& all, const Part& part) {
  const auto tokens = [&part](const TensorView& view, std::int64_t first, std::int64_t count) {
    return view.sliced(0, part.batch, 1).sliced(2, first, count);
  };
  Attention question{.query = tokens(all.query, part.first, part.queries),
                     .key = tokens(all.key, 0, part.keys),
                     .value = tokens(all.value, 0, part.keys)};
  question.scale = all.scale;
  question.softcap = all.softcap;
  question.bias = part_of_mask(all.bias, part);
  question.keep = part_of_mask(all.keep, part);
  question.causal = all.causal;
  question.window = all.window;
  question.diagonal = Diagonal::at(all.diagonal_offset(part.batch) + part.first);
  question.alibi_slopes = all.alibi_slopes;
  question.sinks = all.sinks;
  if (part.keys == all.keys() && all.key_lengths.given())
    question.key_lengths = all.key_lengths.sliced(0, part.batch, 1);
  return question;
}

// The rows of a part, out of a result for all.
bool same_rows(const Tensor& of_part, const Tensor& of_all, const Part& part) {
  const TensorView rows =
      of_all.view().sliced(0, part.batch, 1).sliced(2, part.first, part.queries);
  return same(of_part.view(), Tensor::copy_of(rows).view());
}

void expect_same_rows(const RandomProblem& problem, const Attended& all, const Part& part) {
  const ValidAttention valid = validate(problem.attention, {});
  const Attended alone = attend(question_of(valid, part), {.output_type = problem.output_type});
  const std::string what =
      fmt::format("{}: entry {}, queries {} to {} over {} keys", problem.name, part.batch,
                  part.first, part.first + part.queries, part.keys);
  EXPECT_TRUE(same_rows(alone.output, all.output, part)) << what;
  EXPECT_TRUE(same_rows(alone.log_sum_exp, all.log_sum_exp, part)) << what << ": log_sum_exp";
  EXPECT_TRUE(same_rows(alone.row_max, all.row_max, part)) << what << ": row_max";
  EXPECT_TRUE(same_rows(alone.row_sum, all.row_sum, part)) << what << ": row_sum";
}

TEST_F(RandomBits, DoNotDependOnOtherQueriesAndBatchEntries) {
  for_problems(40, [](const RandomProblem& problem, const Attended& all) {
    const std::int64_t queries = problem.attention.query.size(2);
    const std::int64_t keys = problem.attention.key.size(2);
    for (std::int64_t b = 0; b < problem.attention.query.size(0); ++b) {
      expect_same_rows(problem, all, {.batch = b, .queries = queries, .keys = keys});
      const std::int64_t step = is_long() ? 1 : 1 + queries / 5;
      for (std::int64_t i = 0; i < queries; i += step) {
        expect_same_rows(problem, all, {.batch = b, .first = i, .queries = 1, .keys = keys});
        const std::int64_t count = std::min<std::int64_t>(queries - i, 1 + i * 7 % 90);
        expect_same_rows(problem, all, {.batch = b, .first = i, .queries = count, .keys = keys});
      }
    }
  });
}

// Causal prefill as a cache sees it: each chunk comes with the keys up to its last query, of which none is later.
TEST_F(RandomBits, DoNotDependOnTheChunksOfAPrefill) {
  for_problems(40, [](const RandomProblem& problem, const Attended& all) {
    if (!problem.attention.causal) return;
    const ValidAttention valid = validate(problem.attention, {});
    for (const std::int64_t chunk : {1, 7, 64}) {
      const std::int64_t step = is_long() ? chunk : std::max(chunk, valid.queries() / 8);
      for (std::int64_t i = 0; i < valid.queries(); i += step) {
        const std::int64_t count = std::min(chunk, valid.queries() - i);
        const std::int64_t end = valid.diagonal_at(0, i + count - 1) + 1;
        const std::int64_t keys = std::clamp<std::int64_t>(end, 0, valid.key_length(0));
        expect_same_rows(problem, all, {.first = i, .queries = count, .keys = keys});
      }
    }
  });
}

// The same numbers elsewhere: rows `gap` elements apart, beginning `offset` bytes after a multiple of 64.
class Moved {
 public:
  Moved(const TensorView& from, std::int64_t offset, std::int64_t gap)
      : memory_(Tensor(DType::u8, {bytes_for(from, gap) + offset})) {
    const Shape& s = from.shape();
    const std::int64_t row = s[3] + gap;
    const Shape strides{s[1] * s[2] * row, s[2] * row, row, 1};
    view_ = TensorView(memory_.bytes().data() + offset, from.dtype(), s, strides);
    const std::int64_t element = size_of(from.dtype());
    const Tensor plain = Tensor::copy_of(from);
    for (std::int64_t i = 0; i < s[0] * s[1] * s[2] && s[3] > 0; ++i) {
      std::memcpy(memory_.bytes().data() + offset + i * row * element,
                  plain.bytes().data() + i * s[3] * element,
                  static_cast<std::size_t>(s[3] * element));
    }
  }
  TensorView view() const { return view_; }

 private:
  static std::int64_t bytes_for(const TensorView& from, std::int64_t gap) {
    const Shape& s = from.shape();
    return s[0] * s[1] * s[2] * (s[3] + gap) * size_of(from.dtype());
  }
  Tensor memory_;
  TensorView view_;
};

void expect_same_when_moved(const RandomProblem& problem, const Attended& expected,
                            std::int64_t offset, std::int64_t gap) {
  const Moved query(problem.attention.query, offset, gap);
  const Moved key(problem.attention.key, (offset + 4) % 64, gap);
  const Moved value(problem.attention.value, (offset + 20) % 64, gap);
  Attention moved = problem.attention;
  moved.query = query.view();
  moved.key = key.view();
  moved.value = value.view();
  expect_same(attend(moved, {.output_type = problem.output_type}), expected,
              fmt::format("{}: {} bytes off, rows {} apart", problem.name, offset, gap));
}

TEST_F(RandomBits, DoNotDependOnAlignment) {
  for_problems(20, [](const RandomProblem& problem, const Attended& expected) {
    for (std::int64_t offset = 0; offset < 64; offset += 4)
      expect_same_when_moved(problem, expected, offset, 0);
  });
}

TEST_F(RandomBits, DoNotDependOnStrides) {
  for_problems(20, [](const RandomProblem& problem, const Attended& expected) {
    for (const std::int64_t gap : {0, 1, 24}) expect_same_when_moved(problem, expected, 0, gap);
    const std::int64_t to_1_kib = 256 - problem.attention.key.size(3) % 256;
    expect_same_when_moved(problem, expected, 0, to_1_kib);
  });
}

// Into rows with gaps, at every offset.
TEST_F(RandomBits, DoNotDependOnWhereTheOutputLies) {
  for_problems(20, [](const RandomProblem& problem, const Attended& expected) {
    const Shape& s = expected.output.shape();
    const std::int64_t element = size_of(expected.output.dtype());
    const std::int64_t row = s[3] + 3;
    Tensor memory(DType::u8, {s[0] * s[1] * s[2] * row * element + 64});
    for (std::int64_t offset = 0; offset < 64; offset += 4) {
      const MutableTensorView output(memory.bytes().data() + offset, expected.output.dtype(), s,
                                     {s[1] * s[2] * row, s[2] * row, row, 1});
      const std::int64_t empty =
          attend_into(problem.attention, {.output = output}, {.output_type = problem.output_type});
      EXPECT_EQ(empty, expected.empty_rows) << problem.name;
      EXPECT_TRUE(same(Tensor::copy_of(output).view(), expected.output.view()))
          << problem.name << ": output " << offset << " bytes off";
    }
  });
}

}  // namespace
}  // namespace fovea::same_bits
