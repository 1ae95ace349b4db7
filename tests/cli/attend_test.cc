// fovea attend: what it writes is what the library answers, for every flag.
#include "fovea/engine/attend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>

#include "cli/attend_folder.h"
#include "fovea/reference/attend.h"

namespace fovea::cli {
namespace {

using testing::HasSubstr;

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

/// Flags, and what they mean to the library.
struct Rule {
  std::vector<std::string> flags;
  std::function<void(Attention&)> set;
};

class AttendCommand : public testing::Test {
 protected:
  Attention attention() const {
    return {.query = folder_.query, .key = folder_.key, .value = folder_.value};
  }

  void expect_same(const Rule& rule) const {
    Attention wanted = attention();
    rule.set(wanted);
    std::vector<std::string> flags = rule.flags;
    flags.insert(flags.end(), {"--output", "o.npy", "--lse", "l.npy"});
    const Finished done = folder_.attend(flags);
    ASSERT_EQ(done.exit_code, 0) << done.error;
    EXPECT_EQ(done.output + done.error, "");
    const Attended expected = fovea::attend(wanted);
    EXPECT_TRUE(same_bytes(folder_.read("o.npy"), expected.output)) << flags[0];
    EXPECT_TRUE(same_bytes(folder_.read("l.npy"), expected.log_sum_exp)) << flags[0];
  }

  AttendFolder folder_;
};

TEST_F(AttendCommand, AnswersAsTheLibraryDoesForEveryRule) {
  Generator generator(2);
  const Tensor bias = folder_.write("bias.npy", randn({4, 1, 7}, generator));
  const Tensor slopes = folder_.write("slopes.npy", Tensor::of<float>({4}, {0.5, 0.25, 0.125, 1}));
  const Tensor sinks = folder_.write("sinks.npy", Tensor::of<float>({4}, {1, -1, 0, 2}));
  const Tensor lengths = folder_.write("lengths.npy", Tensor::of<std::int64_t>({2}, {3, 7}));
  Tensor keep(DType::boolean, {5, 7});
  for (std::size_t i = 0; i < 35; ++i) keep.values<bool>()[i] = i % 3 != 0;
  folder_.write("keep.npy", Tensor::copy_of(keep));
  const std::vector<Rule> rules = {
      {{"--causal"}, [](Attention& a) { a.causal = true; }},
      {{"--scale", "0.3"}, [](Attention& a) { a.scale = 0.3; }},
      {{"--softcap", "1.5"}, [](Attention& a) { a.softcap = 1.5; }},
      {{"--window", "2,1"},
       [](Attention& a) {
         a.window = {2, 1};
       }},
      {{"--window", "inf,0"},
       [](Attention& a) {
         a.window = {Window::kUnbounded, 0};
       }},
      {{"--causal", "--diagonal", "top-left"},
       [](Attention& a) {
         a.causal = true;
         a.diagonal = Diagonal::top_left();
       }},
      {{"--causal", "--diagonal", "-1"},
       [](Attention& a) {
         a.causal = true;
         a.diagonal = Diagonal::at(-1);
       }},
      {{"--bias", "bias.npy"}, [&](Attention& a) { a.bias = bias; }},
      {{"--alibi", "slopes.npy"}, [&](Attention& a) { a.alibi_slopes = slopes; }},
      {{"--sinks", "sinks.npy"}, [&](Attention& a) { a.sinks = sinks; }},
      {{"--key-lengths", "lengths.npy"}, [&](Attention& a) { a.key_lengths = lengths; }},
      {{"--keep", "keep.npy"}, [&](Attention& a) { a.keep = keep; }},
  };
  for (const Rule& rule : rules) expect_same(rule);
}

TEST_F(AttendCommand, TakesIntegersForMasksAndSmallIntegersForLengths) {
  const Tensor keep = Tensor::of<bool>({7}, {true, false, true, true, false, true, true});
  folder_.write("keep.npy", Tensor::of<std::uint8_t>({7}, {1, 0, 1, 1, 0, 1, 1}));
  expect_same({{"--keep", "keep.npy"}, [&](Attention& a) { a.keep = keep; }});
  const Tensor lengths = Tensor::of<std::int64_t>({2}, {0, 5});
  folder_.write("lengths.npy", Tensor::of<std::int16_t>({2}, {0, 5}));
  expect_same({{"--key-lengths", "lengths.npy"}, [&](Attention& a) { a.key_lengths = lengths; }});
}

TEST_F(AttendCommand, WritesWeightsThatAddUpToOneAndScoresOfEachStage) {
  const Finished done =
      folder_.attend({"--weights", "w.npy", "--softcap", "2", "--causal", "--scores",
                      "scaled=s.npy", "--scores", "capped=c.npy", "--scores", "biased=b.npy"});
  ASSERT_EQ(done.exit_code, 0) << done.error;
  Attention wanted = attention();
  wanted.softcap = 2;
  wanted.causal = true;
  const reference::Steps steps =
      reference::attend(validate(wanted, {}), {.scores = true, .weights = true});
  const Tensor weights = folder_.read("w.npy");
  ASSERT_EQ(weights.shape(), (Shape{2, 4, 5, 7}));
  const auto w = weights.values<float>();
  for (std::size_t row = 0; row < w.size(); row += 7) {
    double sum = 0;
    for (std::size_t j = 0; j < 7; ++j) sum += static_cast<double>(w[row + j]);
    EXPECT_NEAR(sum, 1, 4e-7);  // seven weights of half an ulp of 1 at most
  }
  const auto expect_stage = [&](const char* name, const Tensor& stage) {
    const Tensor written = folder_.read(name);
    for (std::size_t i = 0; i < w.size(); ++i) {
      EXPECT_EQ(written.values<float>()[i], static_cast<float>(stage.values<double>()[i])) << name;
    }
  };
  expect_stage("w.npy", steps.weights);
  expect_stage("s.npy", steps.scaled);
  expect_stage("c.npy", steps.capped);
  expect_stage("b.npy", steps.biased);
}

TEST_F(AttendCommand, ComputesFloat64InDouble) {
  Tensor query(DType::f64, {3, 2});
  for (std::size_t i = 0; i < 6; ++i) query.values<double>()[i] = 0.1 * static_cast<double>(i);
  for (const char* name : {"q.npy", "k.npy", "v.npy"}) folder_.write(name, Tensor::copy_of(query));
  ASSERT_EQ(folder_.attend({"--output", "o.npy", "--lse", "l.npy"}).exit_code, 0);
  const reference::Steps steps =
      reference::attend(validate({.query = query, .key = query, .value = query}, {}));
  const Tensor output = folder_.read("o.npy");
  EXPECT_EQ(output.shape(), (Shape{3, 2}));
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(output.values<double>()[i], steps.output.values<double>()[i]);
  EXPECT_EQ(folder_.read("l.npy").values<double>()[2], steps.log_sum_exp.values<double>()[2]);
}

TEST_F(AttendCommand, ReadsAndWritesHalfPrecision) {
  const auto bits =
      Tensor::of<std::uint16_t>({2, 2}, {0x3F80, 0x4000, 0x3F00, 0x3F80});  // 1 2 .5 1
  for (const char* name : {"q.npy", "k.npy", "v.npy"}) folder_.write(name, Tensor::copy_of(bits));
  const Finished refused = folder_.attend({"--output", "o.npy"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.error, HasSubstr("--bf16"));
  ASSERT_EQ(folder_.attend({"--bf16", "--output", "o.npy"}).exit_code, 0);
  EXPECT_EQ(folder_.read("o.npy").dtype(), DType::u16);
  ASSERT_EQ(folder_.attend({"--bf16", "--output", "o.npy", "--output-type", "f32"}).exit_code, 0);
  const TensorView half = formats::as_bfloat16(bits);
  const Attended expected =
      fovea::attend({.query = half, .key = half, .value = half}, {.output_type = DType::f32});
  EXPECT_TRUE(same_bytes(folder_.read("o.npy"), expected.output));
}

// The same numbers with the first axis fastest.
TEST_F(AttendCommand, ReadsFortranOrder) {
  const auto rows = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  for (const char* name : {"q.npy", "k.npy", "v.npy"}) folder_.write(name, Tensor::copy_of(rows));
  ASSERT_EQ(folder_.attend({"--output", "c.npy"}).exit_code, 0);
  std::string file = formats::content_of(folder_.folder.path("q.npy"));
  const std::size_t order = file.find("False");
  ASSERT_NE(order, std::string::npos);
  file.replace(order, 5, "True ");
  const std::array<float, 6> columns{1, 4, 2, 5, 3, 6};
  std::memcpy(file.data() + file.size() - sizeof(columns), columns.data(), sizeof(columns));
  formats::write_file(folder_.folder.path("q.npy"), file);
  ASSERT_EQ(folder_.attend({"--output", "f.npy"}).exit_code, 0);
  EXPECT_TRUE(same_bytes(folder_.read("c.npy"), folder_.read("f.npy")));
}

TEST_F(AttendCommand, ReadsOneArrayFromStandardInput) {
  const std::string query = formats::content_of(folder_.folder.path("q.npy"));
  Launch piped = folder_.launch({"--output", "o.npy"});
  piped.words[2] = "-";
  piped.input = query;
  const Finished done = run(piped);
  ASSERT_EQ(done.exit_code, 0) << done.error;
  EXPECT_TRUE(same_bytes(folder_.read("o.npy"), fovea::attend(attention()).output));
  piped.words[4] = "-";
  const Finished twice = run(piped);
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_THAT(twice.error, HasSubstr("only one"));
}

TEST_F(AttendCommand, WritesOneResultToStandardOutput) {
  ASSERT_EQ(folder_.attend({"--output", "o.npy"}).exit_code, 0);
  for (const std::string flag : {"--output", "--lse", "--weights", "--entropy"}) {
    ASSERT_EQ(folder_.attend({flag, "file.npy"}).exit_code, 0);
    const Finished done = folder_.attend({flag, "-"});
    EXPECT_EQ(done.exit_code, 0) << done.error;
    EXPECT_EQ(done.output, formats::content_of(folder_.folder.path("file.npy"))) << flag;
  }
  // The one who reads and the one who writes are not the same file.
  Launch piped = folder_.launch({"--output", "-"});
  piped.words[2] = "-";
  piped.input = formats::content_of(folder_.folder.path("q.npy"));
  EXPECT_EQ(run(piped).output, formats::content_of(folder_.folder.path("o.npy")));
  const Finished twice = folder_.attend({"--output", "-", "--lse", "-"});
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_THAT(twice.error, HasSubstr("--output and --lse are both -"));
  Launch unread = folder_.launch({"--output", "-"});
  unread.reader_is_gone = true;
  EXPECT_EQ(run(unread).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_.folder.path("-")));
}

TEST_F(AttendCommand, ExplainsOnStandardErrorAndRunsNothingWithoutAResult) {
  const Finished done = folder_.attend({"--explain"});
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(done.output, "");
  EXPECT_THAT(done.error, HasSubstr("small"));
  EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
}

TEST_F(AttendCommand, UsesTheImplementationThatIsNamed) {
  for (const ImplementationInfo& info : list_implementations()) {
    const Finished done = folder_.attend(
        {"--implementation", std::string(info.name), "--explain", "--output", "o.npy"});
    // One that refuses says so; it is never replaced by another.
    if (done.exit_code == 0) {
      EXPECT_THAT(done.error, testing::StartsWith(std::string(info.name))) << info.name;
    } else {
      EXPECT_EQ(done.exit_code, 1);
      EXPECT_THAT(done.error, HasSubstr(std::string(info.name)));
    }
  }
}

TEST_F(AttendCommand, GivesTheSameBytesWithAnyNumberOfThreads) {
  ASSERT_EQ(folder_.attend({"--output", "1.npy", "--threads", "1"}).exit_code, 0);
  ASSERT_EQ(folder_.attend({"--output", "3.npy", "--threads", "3"}).exit_code, 0);
  EXPECT_TRUE(same_bytes(folder_.read("1.npy"), folder_.read("3.npy")));
}

TEST_F(AttendCommand, RefusesToReplaceItsInputsOrWriteTwiceToOneFile) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--output", "q.npy"},
        {"--output", "./k.npy"},
        {"--output", "x.npy", "--lse", "x.npy"},
        {"--weights", "x.npy", "--scores", "scaled=x.npy"}}) {
    const Finished done = folder_.attend(flags);
    EXPECT_EQ(done.exit_code, 2) << flags[1];
    EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
  }
  EXPECT_TRUE(same_bytes(folder_.read("q.npy"), folder_.query));
  EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
}

struct Slip {
  std::vector<std::string> flags;
  int exit_code;
  std::string says;
};

TEST_F(AttendCommand, SaysWhatIsWrongInOneLineAndWritesNothing) {
  folder_.write("three.npy", Tensor::of<float>({3}, {1, 2, 3}));
  folder_.write("bias.npy", Tensor(DType::f32, {5, 6}));
  folder_.write("mask.npy", Tensor(DType::f32, {5, 7}));
  folder_.write("two.npy", Tensor::of<std::int32_t>({7}, {0, 1, 2, 1, 1, 1, 1}));
  folder_.write("lengths.npy", Tensor::of<std::int64_t>({2}, {3, 8}));
  const std::vector<Slip> slips = {
      {{"--output", "o.npy", "--window", "3"}, 2, "LEFT,RIGHT"},
      {{"--output", "o.npy", "--window", "-1,0"}, 2, "LEFT,RIGHT"},
      {{"--output", "o.npy", "--diagonal", "middle"}, 2, "bottom-right, top-left or an integer"},
      {{"--output", "o.npy", "--scale", "nan"}, 2, "--scale"},
      {{"--output", "o.npy", "--softcap", "-1"}, 2, "--softcap"},
      {{"--output", "o.npy", "--scores", "raw=s.npy"}, 2, "scaled, capped or biased"},
      {{"--output", "o.npy", "--scores", "scaled"}, 2, "STAGE=FILE"},
      {{"--output", "o.npy", "--implementation", "prefil"}, 2, "did you mean prefill"},
      {{"--output", "o.npy", "--output-type", "f16"}, 2, "query, f32"},
      {{"--output", "o.npy", "--causl"}, 2, "did you mean --causal"},
      {{"--output", "o.npy", "--bf16"}, 1, "uint16"},
      {{"--output", "o.npy", "--alibi", "three.npy"}, 1, "alibi"},
      {{"--output", "o.npy", "--bias", "bias.npy"}, 1, "[5, 6]"},
      {{"--output", "o.npy", "--keep", "mask.npy"}, 1, "--bias"},
      {{"--output", "o.npy", "--keep", "two.npy"}, 1, "holds 2"},
      {{"--output", "o.npy", "--key-lengths", "lengths.npy"}, 1, "8"},
      {{"--output", "no/such/folder/o.npy"}, 1, "no/such/folder"},
      {{"--output", "."}, 1, "."},
      {{"--output"}, 2, "--output needs FILE"},
      {{}, 2, "nothing to do"},
  };
  const std::set<std::string> before = folder_.folder.names();
  for (const Slip& slip : slips) {
    const Finished done = folder_.attend(slip.flags);
    EXPECT_EQ(done.exit_code, slip.exit_code) << slip.says << ": " << done.error;
    EXPECT_THAT(done.error, HasSubstr(slip.says));
    EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
    EXPECT_EQ(done.output, "");
  }
  EXPECT_EQ(folder_.folder.names(), before);
}

TEST_F(AttendCommand, TellsOfRowsThatSeeNothing) {
  folder_.write("lengths.npy", Tensor::of<std::int64_t>({2}, {0, 7}));
  const Finished done = folder_.attend(
      {"--key-lengths", "lengths.npy", "--output", "o.npy", "--lse", "l.npy", "--explain"});
  ASSERT_EQ(done.exit_code, 0) << done.error;
  EXPECT_THAT(done.error, HasSubstr("20 rows without a visible key"));
  EXPECT_EQ(folder_.read("o.npy").values<float>()[0], 0);
  EXPECT_EQ(folder_.read("l.npy").values<float>()[0], -std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace fovea::cli
