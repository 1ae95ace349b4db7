// What will run, and why nothing better does.
#include "fovea/engine/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"
#include "fovea/core/tensor.h"

namespace fovea {
namespace {

using ::testing::HasSubstr;

TEST(Plan, NamesAnImplementationOfTheList) {
  const Tensor x(DType::f32, {6, 3});
  const Plan result = plan({.query = x, .key = x, .value = x});
  bool listed = false;
  for (const ImplementationInfo& each : list_implementations()) {
    listed = listed || each.name == result.implementation;
    EXPECT_FALSE(each.summary.empty());
  }
  EXPECT_TRUE(listed) << result.implementation;
  EXPECT_NE(result.implementation, "reference");  // it runs only by name
  EXPECT_THAT(result.explain(), HasSubstr(result.implementation + " runs on " + result.target));
}

TEST(Plan, SaysWhyEachBetterImplementationRefused) {
  const Tensor x(DType::f64, {6, 3});
  const Plan result = plan({.query = x, .key = x, .value = x});
  EXPECT_EQ(result.implementation, "reference");
  EXPECT_EQ(result.refusals.size(), list_implementations().size() - 1);
  EXPECT_THAT(result.explain(), HasSubstr("small refused: f64 is computed by the reference"));
}

TEST(Plan, TheReferenceIsLastInTheList) {
  EXPECT_EQ(list_implementations().back().name, "reference");
}

TEST(Plan, AnUnknownNameIsAnErrorThatListsTheNames) {
  const Tensor x(DType::f32, {6, 3});
  const Attention attention{.query = x, .key = x, .value = x};
  const std::string text =
      invalid_argument_text([&] { plan(attention, {.implementation = "fastest"}); });
  EXPECT_THAT(text, HasSubstr("no implementation is named \"fastest\""));
  for (const ImplementationInfo& each : list_implementations()) {
    EXPECT_THAT(text, HasSubstr(each.name));
  }
}

TEST(Plan, ANamedImplementationThatRefusesIsAnErrorWithItsReason) {
  const Tensor x(DType::f64, {6, 3});
  const Attention attention{.query = x, .key = x, .value = x};
  EXPECT_THAT(
      error_text(ErrorKind::unsupported, [&] { plan(attention, {.implementation = "small"}); }),
      HasSubstr("small cannot run this call: f64"));
}

}  // namespace
}  // namespace fovea
