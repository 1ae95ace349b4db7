// What numpy writes is read, what we write numpy would read, and nothing else is taken for an
// array.
#include "fovea/formats/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error_text.h"
#include "formats/npy_bytes.h"
#include "formats/temporary_folder.h"

namespace fovea::formats {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string refusal_of(std::string_view file) {
  return error_text(ErrorKind::format, [&] { parse(file); });
}

const std::string kSixFloats = raw<float>({1, 2, 3, 4, 5, 6});

TEST(Npy, ReadsFormatVersions1To3) {
  for (const char major : {'\1', '\2', '\3'}) {
    const Tensor array = parse(npy_start(dict_of("<f4", "(2, 3)"), major) + kSixFloats);
    EXPECT_EQ(array.shape(), (Shape{2, 3}));
    EXPECT_THAT(array.values<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  }
}

TEST(Npy, ReadsFortranOrderByIndex) {
  // In the file the first axis varies fastest: (0,0) (1,0) (0,1) (1,1) (0,2) (1,2).
  const Tensor array = parse(npy_start(dict_of("<f4", "(2, 3)", "True")) + kSixFloats);
  EXPECT_EQ(array.shape(), (Shape{2, 3}));
  EXPECT_THAT(array.values<float>(), ElementsAre(1, 3, 5, 2, 4, 6));
}

TEST(Npy, ReadsFortranOrderOfFourAxesAndMoreThanOneBuffer) {
  const Shape shape{7, 5, 3, 4000};  // 1.6 MiB of floats; the reader takes 1 MiB at a time
  std::vector<float> in_file(static_cast<std::size_t>(shape.element_count()));
  for (std::size_t i = 0; i < in_file.size(); ++i) in_file[i] = static_cast<float>(i);
  std::string file = npy_start(dict_of("<f4", "(7, 5, 3, 4000)", "True"));
  file.append(static_cast<const char*>(static_cast<const void*>(in_file.data())),
              in_file.size() * sizeof(float));
  const Tensor array = parse(file);
  const TensorView view = array;
  for (const auto& [a, b, c, d] : {std::array{0, 0, 0, 0}, std::array{6, 4, 2, 3999},
                                   std::array{3, 1, 2, 2500}, std::array{1, 0, 0, 0}}) {
    EXPECT_EQ(view.at<float>(a, b, c, d), static_cast<float>(a + 7 * (b + 5 * (c + 3 * d))));
  }
}

TEST(Npy, ReadsBigEndian) {
  const Tensor floats =
      parse(npy_start(dict_of(">f4", "(2,)")) + std::string("\x3F\x80\0\0\xC0\0\0\0", 8));
  EXPECT_THAT(floats.values<float>(), ElementsAre(1, -2));
  const Tensor doubles =
      parse(npy_start(dict_of(">f8", "(1,)")) + std::string("\x3F\xF0\0\0\0\0\0\0", 8));
  EXPECT_THAT(doubles.values<double>(), ElementsAre(1));
  const Tensor halves = parse(npy_start(dict_of(">f2", "(1,)")) + std::string("\x3C\0", 2));
  EXPECT_EQ(to_float(halves.values<Float16>()[0]), 1);
}

TEST(Npy, ReadsEveryWantedType) {
  EXPECT_THAT(parse(npy_start(dict_of("<f8", "(2,)")) + raw<double>({1, 2})).values<double>(),
              ElementsAre(1, 2));
  EXPECT_THAT(
      parse(npy_start(dict_of("<i4", "(2,)")) + raw<std::int32_t>({-1, 2})).values<std::int32_t>(),
      ElementsAre(-1, 2));
  EXPECT_THAT(
      parse(npy_start(dict_of("<i8", "(1,)")) + raw<std::int64_t>({-3})).values<std::int64_t>(),
      ElementsAre(-3));
  EXPECT_THAT(parse(npy_start(dict_of("<u2", "(1,)")) + raw<std::uint16_t>({0x3F80}))
                  .values<std::uint16_t>(),
              ElementsAre(0x3F80));
  EXPECT_EQ(parse(npy_start(dict_of("<f2", "(1,)")) + raw<std::uint16_t>({0x3C00})).dtype(),
            DType::f16);
}

TEST(Npy, TakesAnyByteButZeroForTrue) {
  const Tensor array = parse(npy_start(dict_of("|b1", "(3,)")) + std::string("\0\1\xFF", 3));
  EXPECT_THAT(array.values<bool>(), ElementsAre(false, true, true));
  EXPECT_EQ(array.bytes()[2], std::byte{1});
}

TEST(Npy, ReadsScalarsAndArraysWithoutElements) {
  EXPECT_THAT(parse(npy_start(dict_of("<f4", "()")) + raw<float>({7})).values<float>(),
              ElementsAre(7));
  const Tensor none = parse(npy_start(dict_of("<f4", "(3, 0)")));
  EXPECT_EQ(none.shape(), (Shape{3, 0}));
  EXPECT_EQ(none.element_count(), 0);
}

TEST(Npy, ReadsOddButValidHeaders) {
  for (const std::string_view dict :
       {"{\"shape\":(1,),\"descr\":\"f4\",\"fortran_order\":False}",
        " { 'descr' : '=f4' , 'fortran_order' : True , 'shape' : ( 1 , ) , }  \n\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1L,), }"}) {
    EXPECT_THAT(parse(npy_start(dict) + raw<float>({7})).values<float>(), ElementsAre(7)) << dict;
  }
}

TEST(Npy, SaysWhatAnotherFormatLooksLike) {
  EXPECT_EQ(refusal_of(""), "a.npy: byte 0: is no .npy file: it looks like nothing");
  EXPECT_THAT(refusal_of("PK\x03\x04 and so on"), HasSubstr("a zip archive (.npz"));
  EXPECT_THAT(refusal_of("<!DOCTYPE html><html>404"), HasSubstr("an HTML page"));
  EXPECT_THAT(refusal_of("version https://git-lfs.github.com/spec/v1\n"),
              HasSubstr("a git-lfs pointer"));
  EXPECT_THAT(refusal_of(std::string(600, '\0')), HasSubstr("all zeros"));
  EXPECT_THAT(refusal_of("0.43,0.15,0.89\n"), HasSubstr("text"));
}

TEST(Npy, RefusesOtherVersions) {
  EXPECT_THAT(refusal_of(npy_start(dict_of("<f4", "(1,)"), 4) + raw<float>({1})),
              StartsWith("a.npy: byte 6: format version is 4.0"));
  EXPECT_THAT(refusal_of(npy_start(dict_of("<f4", "(1,)"), 0) + raw<float>({1})), HasSubstr("0.0"));
}

TEST(Npy, RefusesTypesThatAreNotPlainNumbers) {
  const auto refusal = [](std::string_view descr) {
    return refusal_of(npy_start(dict_of(descr, "(0,)")));
  };
  EXPECT_THAT(refusal("|O"),
              AllOf(StartsWith("a.npy: byte 20: 'descr' is '|O'"), HasSubstr("never read")));
  EXPECT_THAT(refusal("<c8"), HasSubstr("complex numbers"));
  EXPECT_THAT(refusal("<f16"), HasSubstr("floats of another width"));
  EXPECT_THAT(refusal("<U5"), HasSubstr("text"));
  EXPECT_THAT(refusal("<V2"), HasSubstr("bfloat16"));
  EXPECT_THAT(refusal("<M8[ns]"), HasSubstr("dates"));
  EXPECT_THAT(refusal(""), HasSubstr("no element type"));
  EXPECT_THAT(
      refusal_of(npy_start("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,)}")),
      HasSubstr("structured"));
}

TEST(Npy, RefusesHeadersThatAreNotTheDict) {
  for (const auto& [dict, complaint] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", "no Python dict"},
           {"[1]", "no Python dict"},
           {"{", "found the header's end"},
           {"{}", "lacks 'descr'"},
           {"{'descr': '<f4', 'shape': (1,)}", "lacks 'fortran_order'"},
           {"{'descr': '<f4', 'fortran_order': False}", "lacks 'shape'"},
           {"{'descr': '<f4', 'descr': '<f4'}", "repeated"},
           {"{'descr': '<f4', 'extra': 1}", "key 'extra' is unknown"},
           {"{'descr': '<f4' 'shape': (1,)}", "where ',' or '}' is wanted"},
           {"{'descr': '<f4", "has no end"},
           {"{'descr': '\\x3cf4'}", "escape"},
           {"{'fortran_order': 0}", "must be True or False"},
           {dict_of("<f4", "(1,)") + "x", "after the dict"},
           {"{'descr': {{{{{{{{", "must be a string"}}) {
    EXPECT_THAT(refusal_of(npy_start(dict) + raw<float>({1})), HasSubstr(complaint)) << dict;
  }
}

TEST(Npy, RefusesImpossibleShapes) {
  for (const auto& [shape, complaint] : std::initializer_list<std::pair<std::string, std::string>>{
           {"(-1,)", "negative"},
           {"(1.0,)", "where ',' or ')' is wanted"},
           {"('1',)", "where a size is wanted"},
           {"(1 1)", "where ',' or ')' is wanted"},
           {"(1)", "is a number"},
           {"1", "must be a tuple"},
           {"[1]", "must be a tuple"},
           {"((1,),)", "where a size is wanted"},
           {std::string(60000, '('), "where a size is wanted"},
           {"(,)", "where a size is wanted"},
           {"(01,)", "begins with 0"},
           {"(9223372036854775808,)", "63 bits"},
           {"(4294967296, 4294967296)", "63 bits"},
           {"(3037000500, 3037000500)", "63 bits"},
           {"(1,", "where a size is wanted"}}) {
    EXPECT_THAT(refusal_of(npy_start(dict_of("<f4", shape)) + raw<float>({1})),
                HasSubstr(complaint))
        << shape;
  }
  std::string many = "(";
  for (int axis = 0; axis < 33; ++axis) many += "1,";
  EXPECT_THAT(refusal_of(npy_start(dict_of("<f4", many + ")")) + raw<float>({1})),
              HasSubstr("more than 8"));
}

TEST(Npy, RefusesDataOfAnotherLengthThanTheShape) {
  const std::string start = npy_start(dict_of("<f4", "(2, 3)"));
  const std::string end =
      "; 20 follow the header, which ends at byte " + std::to_string(start.size());
  EXPECT_EQ(refusal_of(start + kSixFloats.substr(0, 20)),
            "a.npy: shape [2, 3] of f32 takes 24 bytes" + end);
  EXPECT_THAT(refusal_of(start + kSixFloats + "x"), HasSubstr("25 follow the header"));
  EXPECT_THAT(refusal_of(npy_start(dict_of("<f8", "(100000000000,)"))),
              HasSubstr("takes 800000000000 bytes; 0 follow"));
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string file = npy_start(dict_of("<f4", "(2, 3)"), 2) + kSixFloats;
  for (std::size_t size = 0; size < file.size(); ++size) refusal_of(file.substr(0, size));
}

TEST(Npy, RefusesHeadersThatAreTooLong) {
  EXPECT_THAT(
      refusal_of(npy_start(dict_of("<f4", "(1,)") + std::string(65536, ' '), 2) + raw<float>({1})),
      HasSubstr("at most 65536 are read"));
  EXPECT_THAT(refusal_of(std::string("\x93NUMPY\x02\0\xFF\xFF\xFF\xFF{}", 14)),
              HasSubstr("the header is 4294967295 bytes"));
  EXPECT_THAT(refusal_of(std::string("\x93NUMPY\x01\0\xFF\x00{}", 12)),
              HasSubstr("would end at byte 265"));
}

class NpyFile : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(NpyFile, IsWrittenAsNumpyWritesIt) {
  write_npy(folder_.path("a.npy"), Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}).view());
  // numpy pads with spaces so that the data begins at a multiple of 64.
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  dict += std::string(128 - 11 - dict.size(), ' ') + '\n';
  EXPECT_EQ(content_of(folder_.path("a.npy")), npy_start(dict) + kSixFloats);
}

TEST_F(NpyFile, RoundTripsEveryTypeAndRank) {
  const auto round_trip = [this](const Tensor& array) {
    write_npy(folder_.path("a.npy"), array);
    const Tensor back = read_npy(folder_.path("a.npy"));
    EXPECT_EQ(back.shape(), array.shape());
    EXPECT_TRUE(std::ranges::equal(back.bytes(), array.bytes()));
    return back.dtype();
  };
  EXPECT_EQ(round_trip(Tensor::of<double>({}, {1.5})), DType::f64);
  EXPECT_EQ(round_trip(Tensor::of<Float16>({1}, {{0x3C00}})), DType::f16);
  EXPECT_EQ(round_trip(Tensor::of<bool>({1, 2, 1, 1}, {true, false})), DType::boolean);
  EXPECT_EQ(round_trip(Tensor::of<std::int64_t>({2, 1, 1}, {-1, 1})), DType::i64);
  EXPECT_EQ(round_trip(Tensor(DType::f32, {4, 0, 2})), DType::f32);
  // numpy has no bfloat16: its bits come back as u16.
  EXPECT_EQ(round_trip(Tensor::of<BFloat16>({2}, {{0x3F80}, {0xBF80}})), DType::u16);
}

TEST_F(NpyFile, OfAStridedViewHoldsItsElementsInOrder) {
  const Tensor array = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  write_npy(folder_.path("a.npy"), array.view().permuted({1, 0}));
  EXPECT_THAT(read_npy(folder_.path("a.npy")).values<float>(), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(AsBfloat16, LooksAtTheSameBits) {
  const Tensor bits = Tensor::of<std::uint16_t>({2}, {0x3F80, 0xC000});
  const TensorView numbers = as_bfloat16(bits);
  EXPECT_EQ(numbers.number_at(0), 1);
  EXPECT_EQ(numbers.number_at(1), -2);
  EXPECT_THAT(invalid_argument_text([] { as_bfloat16(Tensor(DType::f32, {1}).view()); }),
              HasSubstr("this array is f32"));
}

}  // namespace
}  // namespace fovea::formats
