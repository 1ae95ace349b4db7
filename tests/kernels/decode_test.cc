// decode against small: how keys are read and split changes no bit.
#include "kernels/decode.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <random>

#include "engine/conformance.h"
#include "fovea/engine/attend.h"
#include "kernels/target.h"

namespace fovea {
namespace {

using conformance::Problem;
using conformance::Rule;
using conformance::Sizes;

bool same_floats(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(a.values<float>(), b.values<float>(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  });
}

Attended decoded(const Attention& attention, int threads) {
  return attend(attention, {.threads = threads, .implementation = "decode"});
}

void expect_same(const Attended& actual, const Attended& expected, const std::string& what) {
  EXPECT_TRUE(same_floats(actual.output, expected.output)) << what << ": output";
  EXPECT_TRUE(same_floats(actual.log_sum_exp, expected.log_sum_exp)) << what << ": log_sum_exp";
  EXPECT_TRUE(same_floats(actual.row_max, expected.row_max)) << what << ": row_max";
  EXPECT_TRUE(same_floats(actual.row_sum, expected.row_sum)) << what << ": row_sum";
  EXPECT_EQ(actual.empty_rows, expected.empty_rows) << what;
}

// The keys of `attention` by blocks of 128, with NaN where there is no key. Blocks are `gap`
// elements apart.
class Packed {
 public:
  explicit Packed(const Attention& attention, std::int64_t gap = 0) : key_(attention.key) {
    const std::int64_t blocks = (key_.size(2) + kPackedKeys - 1) / kPackedKeys;
    const std::int64_t block = key_.size(3) * kPackedKeys + gap;
    const Shape shape{key_.size(0), key_.size(1), blocks, block};
    memory_ = Tensor::uninitialized(key_.dtype(), shape);
    for (std::int64_t at = 0; at < memory_.element_count(); ++at)
      conformance::put(number_at(at, blocks, block), key_.dtype(), memory_.bytes().data(), at);
    const Shape strides = contiguous_strides(shape);
    view_ = TensorView(memory_.view().data(), key_.dtype(),
                       {shape[0], shape[1], blocks, key_.size(3), kPackedKeys},
                       {strides[0], strides[1], strides[2], kPackedKeys, 1});
  }
  TensorView view() const { return view_; }

 private:
  double number_at(std::int64_t at, std::int64_t blocks, std::int64_t block) const {
    const std::int64_t in_block = at % block;
    const std::int64_t j = at / block % blocks * kPackedKeys + in_block % kPackedKeys;
    const std::int64_t d = in_block / kPackedKeys;
    if (j >= key_.size(2) || d >= key_.size(3)) return std::numeric_limits<double>::quiet_NaN();
    const std::int64_t head = at / block / blocks;
    return key_.number_at(head / key_.size(1), head % key_.size(1), j, d);
  }

  TensorView key_;
  Tensor memory_;
  TensorView view_;
};

// A contiguous copy of a tensor in front of a page that must not be touched.
class GuardedCopy {
 public:
  explicit GuardedCopy(const TensorView& from) : copy_(Tensor::copy_of(from)) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = copy_.bytes().size();
    room_ = (bytes + page - 1) / page * page + page;
    void* const memory =
        mmap(nullptr, room_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<std::byte*>(memory);
    std::byte* const guard = memory_ + room_ - page;
    mprotect(guard, page, PROT_NONE);
    std::memcpy(guard - bytes, copy_.bytes().data(), bytes);
    view_ = TensorView(guard - bytes, from.dtype(), from.shape(), copy_.view().strides());
  }
  ~GuardedCopy() { munmap(memory_, room_); }
  GuardedCopy(const GuardedCopy&) = delete;
  GuardedCopy& operator=(const GuardedCopy&) = delete;
  TensorView view() const { return view_; }

 private:
  Tensor copy_;
  std::size_t room_ = 0;
  std::byte* memory_ = nullptr;
  TensorView view_;
};

class Decode : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { kernels::force_target(GetParam()); }
  void TearDown() override { kernels::force_target(""); }

  // Plain and packed keys, on 1 to 16 threads, against small.
  static void expect_bits_of_small(const Attention& attention, const std::string& what) {
    const Attended expected = attend(attention, {.implementation = "small"});
    Attention packed = attention;
    packed.key = {};
    const Packed keys(attention, 7);
    packed.packed_key = keys.view();
    for (const int threads : {1, 2, 3, 16}) {
      expect_same(decoded(attention, threads), expected, fmt::format("{}, {}", what, threads));
      expect_same(decoded(packed, threads), expected, fmt::format("{}, {} packed", what, threads));
    }
  }
};

// Few queries, enough keys for several ranges, sizes with tails.
constexpr Sizes kGrouped{.batch = 2,
                         .query_heads = 6,
                         .key_heads = 2,
                         .queries = 2,
                         .keys = 1100,
                         .head_size = 40,
                         .value_size = 40};

TEST_P(Decode, HasTheBitsOfSmallUnderEveryRule) {
  expect_bits_of_small(Problem({.sizes = kGrouped}).attention, "plain");
  for (const Rule& rule : conformance::rules()) {
    const Problem problem({.sizes = kGrouped, .rules = {rule}});
    expect_bits_of_small(problem.attention, rule.name);
    if (HasFailure()) return;
  }
}

constexpr DType kKeyTypes[] = {DType::f32, DType::bf16, DType::f16};

TEST_P(Decode, HasTheBitsOfSmallForEveryTypeOfKeys) {
  for (const DType type : kKeyTypes) {
    for (const std::int64_t size : {8, 16, 33, 64, 128}) {
      Sizes sizes = kGrouped;
      sizes.keys = 700;
      sizes.head_size = sizes.value_size = size;
      const Problem problem({.sizes = sizes, .key_type = type});
      expect_bits_of_small(problem.attention, fmt::format("{} D{}", name_of(type), size));
    }
  }
}

// All remainders of the 32 columns that the widest target takes at a time of bf16; head and value
// sizes differ so that one's step cannot stand in for the other's.
TEST_P(Decode, HasTheBitsOfSmallForEveryRemainderOfSizes) {
  for (const DType type : kKeyTypes) {
    for (std::int64_t size = 1; size <= 80; ++size) {
      const Problem problem({.sizes = {.query_heads = 3,
                                       .queries = 1,
                                       .keys = 291,
                                       .head_size = size,
                                       .value_size = 97 - size},
                             .key_type = type});
      expect_bits_of_small(problem.attention, fmt::format("{} D{}", name_of(type), size));
      if (HasFailure()) return;
    }
  }
}

// Values too wide for the registers are taken some keys at a time.
TEST_P(Decode, HasTheBitsOfSmallForWideValues) {
  for (const DType type : kKeyTypes) {
    for (const std::int64_t size : {96, 127, 128, 129, 160, 192, 256, 300, 512}) {
      for (const std::int64_t rows : {1, 2, 4, 7}) {
        const Problem problem({.sizes = {.query_heads = rows,
                                         .queries = 1,
                                         .keys = 400,
                                         .head_size = 8,
                                         .value_size = size},
                               .key_type = type});
        expect_bits_of_small(problem.attention,
                             fmt::format("{} {} rows Dv{}", name_of(type), rows, size));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(Decode, HasTheBitsOfSmallForEveryNumberOfRows) {
  for (const std::int64_t group : {1, 2, 3, 4, 5, 8, 11, 16, 17, 40}) {
    const Problem problem({.sizes = {.query_heads = group, .queries = 1, .keys = 700}});
    expect_bits_of_small(problem.attention, fmt::format("{} rows", group));
  }
}

TEST_P(Decode, HasTheBitsOfSmallForFewQueries) {
  for (std::int64_t queries = 1; queries <= 64; ++queries) {
    const Problem problem({.sizes = {.query_heads = 4, .queries = queries, .keys = 300}});
    Attention attention = problem.attention;
    attention.causal = true;
    expect_bits_of_small(attention, fmt::format("{} queries", queries));
    if (HasFailure()) return;
  }
}

// Whatever implementation a number of queries leads to.
TEST_P(Decode, HandsOverToPrefillWithoutAChangeOfBits) {
  const Problem problem({.sizes = {.query_heads = 8, .key_heads = 2, .queries = 64, .keys = 700}});
  Attention attention = problem.attention;
  attention.causal = true;
  const Attended all = attend(attention, {.implementation = "small"});
  for (const std::int64_t count : {1, 2, 3, 4, 5, 8, 16, 17, 31, 33, 64}) {
    Attention last = attention;
    last.query = attention.query.sliced(2, 64 - count, count);
    const Tensor expected = Tensor::copy_of(all.output.view().sliced(2, 64 - count, count));
    EXPECT_TRUE(same_floats(attend(last).output, expected)) << count << " queries";
  }
}

// Keys and values that end where memory does.
TEST_P(Decode, ReadsNothingBehindTheLastToken) {
  for (const DType type : kKeyTypes) {
    for (const std::int64_t size : {1, 7, 16, 31, 64, 100}) {
      for (const std::int64_t keys : {1, 127, 128, 257, 290}) {
        const Problem problem({.sizes = {.query_heads = 5,
                                         .queries = 1,
                                         .keys = keys,
                                         .head_size = size,
                                         .value_size = size},
                               .key_type = type});
        const GuardedCopy key(problem.attention.key);
        const GuardedCopy value(problem.attention.value);
        Attention guarded = problem.attention;
        guarded.key = key.view();
        guarded.value = value.view();
        expect_same(decoded(guarded, 1), decoded(problem.attention, 1),
                    fmt::format("{} D{} N{}", name_of(type), size, keys));
      }
    }
  }
}

TEST_P(Decode, HasTheBitsOfSmallOnRandomProblems) {
  std::mt19937 random;
  const std::random_device::result_type seed = std::random_device{}();
  random.seed(seed);
  const auto draw = [&random](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  for (int i = 0; i < 40; ++i) {
    const std::int64_t key_heads = draw(1, 3);
    conformance::Case drawn{.sizes = {.batch = draw(1, 2),
                                      .query_heads = key_heads * draw(1, 9),
                                      .key_heads = key_heads,
                                      .queries = draw(1, 5),
                                      .keys = draw(0, 1500),
                                      .head_size = draw(1, 90),
                                      .value_size = draw(0, 90)},
                            .layout = static_cast<conformance::Layout>(draw(0, 3))};
    if (draw(0, 2) == 0) drawn.key_type = draw(0, 1) == 0 ? DType::bf16 : DType::f16;
    for (const Rule& rule : conformance::rules()) {
      if (draw(0, 5) == 0) drawn.rules.push_back(rule);
    }
    const Problem problem(drawn);
    expect_bits_of_small(problem.attention, fmt::format("seed {}: {}", seed, drawn.name()));
    if (HasFailure()) return;
  }
}

// A NaN or an infinity among keys or values, hidden from some rows, seen by others.
TEST_P(Decode, KeepsHiddenNumbersThatAreNotFiniteOut) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38F}) {
    for (const std::int64_t token : {0, 127, 128, 600, 697, 698, 699}) {
      for (const bool in_key : {false, true}) {
        const Problem problem({.sizes = {.queries = 3, .keys = 700}});
        Attention attention = problem.attention;
        attention.causal = true;
        TensorView& view = in_key ? attention.key : attention.value;
        Tensor changed = Tensor::copy_of(view);
        changed.values<float>()[static_cast<std::size_t>(token * 16 + 5)] = bad;
        view = changed.view();
        expect_bits_of_small(attention, fmt::format("{} at {} of {}", bad, token, in_key));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Decode, ::testing::ValuesIn(kernels::targets_available()),
                         [](const auto& each) { return each.param; });

// The plan's view of a call.
TEST(DecodeShape, SplitsKeysOnlyWhereHeadsAreTooFew) {
  const Problem many({.sizes = {.query_heads = 32, .key_heads = 8, .queries = 1, .keys = 4096}});
  EXPECT_EQ(kernels::DecodeShape(validate(many.attention, {}), 2).ranges, 1);
  const Problem one({.sizes = {.queries = 1, .keys = 4096}});
  EXPECT_EQ(kernels::DecodeShape(validate(one.attention, {}), 2).ranges, 8);
  EXPECT_EQ(kernels::DecodeShape(validate(one.attention, {}), 1).ranges, 1);
}

TEST(DecodeShape, LeavesNoPartialResultOfOneRange) {
  const Problem problem({.sizes = {.queries = 1, .keys = 4096}});
  EXPECT_EQ(kernels::DecodeShape(validate(problem.attention, {}), 1).left_blocks, 0);
}

TEST(DecodeShape, SplitsWhatAWindowLeavesVisible) {
  const Problem problem({.sizes = {.queries = 1, .keys = 4096}});
  Attention attention = problem.attention;
  attention.window = {.left = 127, .right = 0};
  EXPECT_EQ(kernels::DecodeShape(validate(attention, {}), 2).ranges, 1);
}

}  // namespace
}  // namespace fovea
