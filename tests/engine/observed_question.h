// A question that observers are asked about in the tests of the engine.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/error_text.h"
#include "fovea/core/random.h"
#include "fovea/engine/attend.h"

namespace fovea {

inline constexpr float kUntouched = 12345;

// Four query heads, two key heads; 150 queries, 200 keys: blocks of both, the last ones not full.
class ObserveTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kHeads = 4;
  static constexpr std::int64_t kQueries = 150;
  static constexpr std::int64_t kKeys = 200;

  ObserveTest() {
    Generator generator(5);
    query_ = randn({kHeads, kQueries, 8}, generator);
    key_ = randn({2, kKeys, 8}, generator);
    value_ = randn({2, kKeys, 4}, generator);
    attention_ = {.query = query_, .key = key_, .value = value_};
    output_ = Tensor(DType::f32, {kHeads, kQueries, 4});
  }

  // The same by attend and by attend_into, which writes nothing.
  std::string refused(const Observe& observe, ErrorKind kind = ErrorKind::invalid_argument) {
    const std::string text = error_text(kind, [&] { attend(attention_, observe); });
    std::ranges::fill(output_.values<float>(), kUntouched);
    EXPECT_EQ(error_text(kind, [&] { into(observe); }), text);
    EXPECT_THAT(output_.values<float>(), ::testing::Each(kUntouched));
    EXPECT_THAT(text, ::testing::StartsWith("observe: "));
    return text;
  }
  ObservedRows into(const Observe& observe, const ObserveInto& observed = {}) {
    return attend_into(attention_, {.output = output_.mutable_view()}, observe, observed);
  }

  Tensor query_;
  Tensor key_;
  Tensor value_;
  Tensor output_;
  Attention attention_;
};

}  // namespace fovea
