// torch's printing: every recorded case to the character, and Python's numbers.
#include "fovea/core/format_tensor.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "core/error_text.h"
#include "fovea/core/tensor.h"
#include "golden/golden.h"

namespace fovea {
namespace {

using nlohmann::json;

DType dtype_named(const std::string& name) {
  for (int type = 0; type <= static_cast<int>(DType::u64); ++type) {
    if (name_of(static_cast<DType>(type)) == name) return static_cast<DType>(type);
  }
  throw std::runtime_error("unknown type " + name);
}

Shape shape_of(const json& sizes) {
  const auto values = sizes.get<std::vector<std::int64_t>>();
  return Shape(std::span<const std::int64_t>(values));
}

std::vector<std::byte> bytes_of(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string printed_by_us(const json& entry) {
  const json options = entry.value("options", json::object());
  const std::string grad_fn = options.value("grad_fn", "");
  PrintOptions print;
  print.precision = options.value("precision", print.precision);
  print.line_width = options.value("line_width", print.line_width);
  print.threshold = options.value("threshold", print.threshold);
  print.edge_items = options.value("edge_items", print.edge_items);
  if (options.contains("scientific")) print.scientific = options.at("scientific").get<bool>();
  print.grad_fn = grad_fn;
  print.requires_grad = options.value("requires_grad", false);
  print.parameter = options.value("parameter", false);

  const Shape sizes = shape_of(entry.at("shape"));
  const Shape strides =
      entry.contains("strides") ? shape_of(entry.at("strides")) : contiguous_strides(sizes);
  const std::vector<std::byte> data = bytes_of(entry.at("bits"));
  return format_tensor(TensorView(data.data(), dtype_named(entry.at("dtype")), sizes, strides),
                       print);
}

// FOVEA_PRINTING_CASES may name another file of cases, from tools/make_printing_goldens.py
// --random.
TEST(FormatTensor, PrintsEveryRecordedTensorAsTorch) {
  const char* other = std::getenv("FOVEA_PRINTING_CASES");
  const json document =
      other == nullptr ? golden::read_json("printing.json") : golden::read_json_file(other);
  EXPECT_GT(document.at("entries").size(), 100u);
  for (const json& entry : document.at("entries")) {
    ASSERT_EQ(printed_by_us(entry), entry.at("printed").get<std::string>()) << entry.dump();
  }
}

TEST(FormatTensor, ReadsNegativeStrides) {
  const float values[] = {1.5f, 2.5f, 3.5f};
  EXPECT_EQ(format_tensor(TensorView(values + 2, {3}, {-1})), "tensor([3.5000, 2.5000, 1.5000])");
}

TEST(FormatTensor, ShowsAllWithTheLargestEdges) {
  const float values[] = {1, 2, 3};
  EXPECT_EQ(format_tensor(TensorView(values, {3}), {.threshold = 0, .edge_items = INT64_MAX}),
            "tensor([1., 2., 3.])");
}

TEST(FormatTensor, RefusesOptionsThatShowNothing) {
  const float value = 1;
  const TensorView one(&value, {1});
  EXPECT_EQ(invalid_argument_text([&] { format_tensor(one, {.edge_items = 0}); }),
            "format_tensor: precision 4 and edge_items 0 given; at least 0 and 1 are wanted");
  EXPECT_EQ(invalid_argument_text([&] { format_tensor(one, {.precision = -1}); }),
            "format_tensor: precision -1 and edge_items 3 given; at least 0 and 1 are wanted");
}

TEST(FormatScalar, WritesTheExactValueOfAFloat32) {
  EXPECT_EQ(format_scalar(static_cast<double>(0.99999994f)), "0.9999999403953552");
  EXPECT_EQ(format_scalar(static_cast<double>(0.1f)), "0.10000000149011612");
}

TEST(FormatScalar, WritesNumbersAsPythonDoes) {
  const std::map<std::string, double> texts{{"0.0", 0.0},
                                            {"-0.0", -0.0},
                                            {"1.0", 1.0},
                                            {"0.1", 0.1},
                                            {"0.0001", 1e-4},
                                            {"1e-05", 1e-5},
                                            {"1.5e-05", 1.5e-5},
                                            {"1000000000000000.0", 1e15},
                                            {"1e+16", 1e16},
                                            {"1.2345e+20", 1.2345e20},
                                            {"5e-324", 5e-324},
                                            {"1.7976931348623157e+308", 1.7976931348623157e308},
                                            {"inf", std::numeric_limits<double>::infinity()},
                                            {"-inf", -std::numeric_limits<double>::infinity()},
                                            {"nan", std::numeric_limits<double>::quiet_NaN()}};
  for (const auto& [text, value] : texts) EXPECT_EQ(format_scalar(value), text);
}

TEST(FormatCount, PutsACommaBeforeEveryThirdDigit) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(2360064), "2,360,064");
  EXPECT_EQ(format_count(-100), "-100");
  EXPECT_EQ(format_count(-123456), "-123,456");
  EXPECT_EQ(format_count(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

}  // namespace
}  // namespace fovea
