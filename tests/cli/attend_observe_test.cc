// fovea attend's observers: what their files hold is what the library observes, and what their
// flags do with everything that they should not be given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "cli/attend_folder.h"
#include "fovea/engine/attend.h"

namespace fovea::cli {
namespace {

using testing::HasSubstr;

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

// The command's folder has q.npy [2, 4, 5, 8], k.npy and v.npy [2, 2, 7, 8].
class AttendObserve : public testing::Test {
 protected:
  Attention attention() const {
    return {.query = folder_.query, .key = folder_.key, .value = folder_.value};
  }

  void expect_done(const std::vector<std::string>& flags) const {
    const Finished done = folder_.attend(flags);
    ASSERT_EQ(done.exit_code, 0) << done.error;
    EXPECT_EQ(done.output + done.error, "");
  }

  AttendFolder folder_;
};

/// A flag for one file, and the tensor that it must hold.
struct ObserverFlag {
  std::vector<std::string> flags;  ///< with the file x.npy
  Observe observe;
  Tensor Observed::*said;
  Shape shape;
};

TEST_F(AttendObserve, WritesWhatTheLibraryObserves) {
  const std::vector<ObserverFlag> all = {
      {{"--entropy", "x.npy"}, {.entropy = true}, &Observed::entropy, {2, 4, 5}},
      {{"--top-weights", "x.npy", "--top-k", "3"},
       {.top_weights = 3},
       &Observed::top_weights,
       {2, 4, 5, 3}},
      {{"--top-indices", "x.npy", "--top-k", "64"},
       {.top_weights = 64},
       &Observed::top_indices,
       {2, 4, 5, 64}},
      {{"--top-weights", "x.npy"}, {.top_weights = 8}, &Observed::top_weights, {2, 4, 5, 8}},
      {{"--top-indices", "x.npy"}, {.top_weights = 8}, &Observed::top_indices, {2, 4, 5, 8}},
      {{"--received", "x.npy"}, {.received = true}, &Observed::received, {2, 4, 7}},
      {{"--pooled", "x.npy"}, {.pooled_map = true}, &Observed::pooled_map, {2, 4, 5, 7}},
      {{"--pooled", "x.npy", "--pool-cells", "2,3"},
       {.pooled_map = true, .pool_cells = {.queries = 2, .keys = 3}},
       &Observed::pooled_map,
       {2, 4, 3, 3}},
      {{"--pooled", "x.npy", "--pool-cells", "0,4"},
       {.pooled_map = true, .pool_cells = {.queries = 0, .keys = 4}},
       &Observed::pooled_map,
       {2, 4, 5, 2}},
      {{"--distance", "x.npy"}, {.distance = true}, &Observed::distance, {2, 4, kDistanceBuckets}},
  };
  for (const ObserverFlag& each : all) {
    std::vector<std::string> flags = each.flags;
    flags.emplace_back("--causal");
    expect_done(flags);
    Attention wanted = attention();
    wanted.causal = true;
    const Attended attended = fovea::attend(wanted, each.observe);
    const Tensor written = folder_.read("x.npy");
    EXPECT_EQ(written.shape(), each.shape) << each.flags[0];
    EXPECT_TRUE(same_bytes(written, attended.observed.*each.said)) << each.flags[0];
  }
}

TEST_F(AttendObserve, WritesRowsAndColumnsEachToItsFile) {
  expect_done(
      {"--row", "4=r4.npy", "--row", "0=r0.npy", "--column", "6=c6.npy", "--column", "1=c1.npy"});
  const Attended attended = fovea::attend(attention(), {.rows = {4, 0}, .columns = {6, 1}});
  const auto expect_entry = [&](const char* name, const Tensor& all, std::int64_t at,
                                const Shape& shape) {
    const Tensor written = folder_.read(name);
    ASSERT_EQ(written.shape(), shape) << name;
    for (std::int64_t b = 0; b < shape[0]; ++b) {
      for (std::int64_t h = 0; h < shape[1]; ++h) {
        for (std::int64_t n = 0; n < shape[2]; ++n) {
          EXPECT_EQ(written.view().at<float>(b, h, n), all.view().at<float>(b, h, at, n)) << name;
        }
      }
    }
  };
  expect_entry("r4.npy", attended.observed.rows, 0, {2, 4, 7});
  expect_entry("r0.npy", attended.observed.rows, 1, {2, 4, 7});
  expect_entry("c6.npy", attended.observed.columns, 0, {2, 4, 5});
  expect_entry("c1.npy", attended.observed.columns, 1, {2, 4, 5});
}

// [..., queries, 4]: first, self, previous, sink.
TEST_F(AttendObserve, WritesTheMassesSideBySide) {
  const Tensor sinks = folder_.write("sinks.npy", Tensor::of<float>({4}, {1, -1, 0, 2}));
  for (const bool with_sinks : {false, true}) {
    std::vector<std::string> flags{"--masses", "m.npy", "--causal"};
    Attention wanted = attention();
    wanted.causal = true;
    if (with_sinks) {
      flags.insert(flags.end(), {"--sinks", "sinks.npy"});
      wanted.sinks = sinks;
    }
    expect_done(flags);
    const Attended attended =
        fovea::attend(wanted, {.mass_first = 1, .mass_self = true, .mass_previous = true});
    const Observed& observed = attended.observed;
    const Tensor masses = folder_.read("m.npy");
    ASSERT_EQ(masses.shape(), (Shape{2, 4, 5, 4}));
    for (std::size_t row = 0; row < 40; ++row) {
      const auto written = masses.values<float>().subspan(4 * row, 4);
      EXPECT_EQ(written[0], observed.mass_first.values<float>()[row]);
      EXPECT_EQ(written[1], observed.mass_self.values<float>()[row]);
      EXPECT_EQ(written[2], observed.mass_previous.values<float>()[row]);
      EXPECT_EQ(written[3], with_sinks ? observed.mass_sink.values<float>()[row] : 0.0F);
    }
  }
}

TEST_F(AttendObserve, SaysNaNOfARowThatIsNaN) {
  Tensor query = Tensor::copy_of(folder_.query);
  query.values<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  folder_.write("q.npy", std::move(query));
  expect_done({"--masses", "m.npy", "--entropy", "e.npy"});
  const Tensor masses = folder_.read("m.npy");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(std::isnan(masses.values<float>()[i])) << i;
  EXPECT_EQ(masses.values<float>()[7], 0.0F);  // the next row's sink
  EXPECT_TRUE(std::isnan(folder_.read("e.npy").values<float>()[0]));
}

TEST_F(AttendObserve, ObservesTheHeadsOfAListAlone) {
  expect_done({"--only-heads", "0,2-3", "--entropy", "e.npy", "--row", "1=r.npy", "--masses",
               "m.npy", "--output", "o.npy"});
  const Attended attended = fovea::attend(attention(), {.heads = {0, 2, 3}, .entropy = true});
  EXPECT_TRUE(same_bytes(folder_.read("e.npy"), attended.observed.entropy));
  EXPECT_EQ(folder_.read("r.npy").shape(), (Shape{2, 3, 7}));
  EXPECT_EQ(folder_.read("m.npy").shape(), (Shape{2, 3, 5, 4}));
  EXPECT_TRUE(same_bytes(folder_.read("o.npy"), fovea::attend(attention()).output))
      << "the output is of all heads";
}

TEST_F(AttendObserve, ChangesNoByteOfTheOtherFiles) {
  expect_done({"--output", "o.npy", "--lse", "l.npy", "--weights", "w.npy"});
  expect_done({"--output", "o2.npy", "--lse", "l2.npy", "--weights", "w2.npy", "--entropy", "e.npy",
               "--received", "r.npy", "--top-indices", "t.npy"});
  EXPECT_TRUE(same_bytes(folder_.read("o.npy"), folder_.read("o2.npy")));
  EXPECT_TRUE(same_bytes(folder_.read("l.npy"), folder_.read("l2.npy")));
  EXPECT_TRUE(same_bytes(folder_.read("w.npy"), folder_.read("w2.npy")));
}

TEST_F(AttendObserve, FollowsTheQuerysRank) {
  Generator generator(3);
  for (const char* name : {"q.npy", "k.npy", "v.npy"})
    folder_.write(name, randn({6, 4}, generator));
  expect_done({"--entropy", "e.npy", "--row", "5=r.npy", "--column", "0=c.npy", "--received",
               "x.npy", "--masses", "m.npy", "--top-weights", "t.npy", "--top-k", "2"});
  EXPECT_EQ(folder_.read("e.npy").shape(), (Shape{6}));
  EXPECT_EQ(folder_.read("r.npy").shape(), (Shape{6}));
  EXPECT_EQ(folder_.read("c.npy").shape(), (Shape{6}));
  EXPECT_EQ(folder_.read("x.npy").shape(), (Shape{6}));
  EXPECT_EQ(folder_.read("m.npy").shape(), (Shape{6, 4}));
  EXPECT_EQ(folder_.read("t.npy").shape(), (Shape{6, 2}));
}

TEST_F(AttendObserve, ObservesFloat64InFloat32) {
  Tensor query(DType::f64, {3, 2});
  for (std::size_t i = 0; i < 6; ++i) query.values<double>()[i] = 0.1 * static_cast<double>(i);
  for (const char* name : {"q.npy", "k.npy", "v.npy"}) folder_.write(name, Tensor::copy_of(query));
  expect_done({"--entropy", "e.npy", "--row", "1=r.npy", "--lse", "l.npy", "--weights", "w.npy"});
  EXPECT_EQ(folder_.read("e.npy").dtype(), DType::f32);
  EXPECT_EQ(folder_.read("l.npy").dtype(), DType::f64);
  const Tensor row = folder_.read("r.npy");
  const Tensor weights = folder_.read("w.npy");
  ASSERT_EQ(row.shape(), (Shape{3}));
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_EQ(row.values<float>()[j], static_cast<float>(weights.values<double>()[3 + j]));
  }
}

TEST_F(AttendObserve, ExplainsWhatObserves) {
  const Finished done = folder_.attend({"--entropy", "e.npy", "--explain"});
  ASSERT_EQ(done.exit_code, 0) << done.error;
  EXPECT_EQ(done.error, fovea::attend(attention(), {.entropy = true}).plan.explain());
}

TEST_F(AttendObserve, AcceptsAnEqualsSignInFileNames) {
  expect_done({"--row=0=a=b.npy", "--entropy=e=1.npy"});
  EXPECT_EQ(folder_.read("a=b.npy").shape(), (Shape{2, 4, 7}));
  EXPECT_EQ(folder_.read("e=1.npy").shape(), (Shape{2, 4, 5}));
}

TEST_F(AttendObserve, NamesEveryFlagInItsHelp) {
  const Finished done = run({"attend", "--help"});
  EXPECT_EQ(done.exit_code, 0);
  for (const char* line :
       {"--entropy FILE", "--top-weights FILE", "--top-indices FILE", "--top-k K",
        "--received FILE", "--pooled FILE", "--pool-cells R,C", "--distance FILE", "--row I=FILE",
        "--column J=FILE", "--masses FILE", "--only-heads LIST"}) {
    EXPECT_THAT(done.output, HasSubstr(line));
  }
}

TEST_F(AttendObserve, HasItsListOfObservers) {
  const Finished done = run({"list", "observers"});
  EXPECT_EQ(done.exit_code, 0);
  std::string lines;
  for (const ObserverInfo& info : list_observers()) lines += info.name + '\t' + info.summary + '\n';
  EXPECT_EQ(done.output, lines);
  EXPECT_THAT(run({"list"}).output, HasSubstr("observers"));
}

TEST_F(AttendObserve, RefusesToReplaceItsInputsOrWriteTwiceToOneFile) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--entropy", "q.npy"},
        {"--masses", "./k.npy"},
        {"--row", "0=v.npy"},
        {"--column", "0=../" + folder_.folder.root().filename().string() + "/v.npy"},
        {"--output", "x.npy", "--received", "x.npy"},
        {"--top-weights", "x.npy", "--top-indices", "x.npy"},
        {"--row", "0=x.npy", "--row", "1=x.npy"},
        {"--row", "0=x.npy", "--column", "0=x.npy"}}) {
    const Finished done = folder_.attend(flags);
    EXPECT_EQ(done.exit_code, 2) << flags[1];
    EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
    EXPECT_THAT(done.error, HasSubstr(flags[0]));
  }
  EXPECT_TRUE(same_bytes(folder_.read("q.npy"), folder_.query));
  EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
}

struct Slip {
  std::vector<std::string> flags;
  int exit_code;
  std::string says;
};

TEST_F(AttendObserve, SaysWhatIsWrongInOneLineAndWritesNothing) {
  const std::vector<Slip> slips = {
      {{"--top-k", "3"}, 2, "--top-k changes nothing without --top-weights"},
      {{"--output", "o.npy", "--top-k", "3"}, 2, "--top-k changes nothing"},
      {{"--pool-cells", "2,2", "--output", "o.npy"}, 2, "--pool-cells changes nothing without"},
      {{"--only-heads", "0", "--output", "o.npy"}, 2, "--only-heads changes nothing without"},
      {{"--row", "0"}, 2, "--row: '0' is not I=FILE with I an integer from 0 to 2147483646"},
      {{"--row", "0="}, 2, "I=FILE"},
      {{"--column", "=c.npy"}, 2, "J=FILE"},
      {{"--row", "1=a.npy", "--row", "1=b.npy"}, 2, "--row 1 is given twice"},
      {{"--pooled", "p.npy", "--pool-cells", "2"}, 2, "R,C"},
      {{"--pooled", "p.npy", "--pool-cells", "2,3,4"}, 2, "R,C"},
      {{"--entropy", "e.npy", "--only-heads", "3,0"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "1,1"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "3-1"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "0-2,2"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "0,"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "0-"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "0-1-2"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "0-99999999999"}, 2, "rising list"},
      {{"--entropy", "e.npy", "--only-heads", "4"}, 1, "4"},
      {{"--row", "5=r.npy"}, 1, "5"},
      {{"--column", "7=c.npy"}, 1, "7"},
      {{"--entropy", "e.npy", "--implementation", "small"}, 1, "small"},
      {{"--entropy", "no/such/folder/e.npy"}, 1, "no/such/folder"},
      {{"--row", "0=."}, 1, "."},
      {{"--entropy"}, 2, "--entropy needs FILE"},
      {{"--row", "--causal"}, 2, "--row needs I=FILE"},
      {{"--entrpy", "e.npy"}, 2, "did you mean --entropy"},
      {{"--entropy", "a.npy", "--entropy", "b.npy"}, 2, "--entropy"},
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

TEST_F(AttendObserve, IntegersThatAreNoneNameTheFlagAndTheRange) {
  for (const std::string value :
       {"-1", "abc", "1e3", "", "99999999999999999999", " 3", "3x", "+3", "-0"}) {
    const std::vector<Slip> slips = {
        {{"--top-weights", "t.npy", "--top-k", value}, 2, "from 1 to 64"},
        {{"--pooled", "p.npy", "--pool-cells", value + ",2"}, 2, "from 0 to 2147483647"},
        {{"--pooled", "p.npy", "--pool-cells", "2," + value}, 2, "from 0 to 2147483647"},
        {{"--entropy", "e.npy", "--only-heads", value}, 2, "from 0 to 999999"},
        {{"--row", value + "=r.npy"}, 2, "from 0 to 2147483646"},
        {{"--column", value + "=c.npy"}, 2, "from 0 to 2147483646"},
    };
    for (const Slip& slip : slips) {
      const Finished done = folder_.attend(slip.flags);
      EXPECT_EQ(done.exit_code, 2) << value << ": " << done.error;
      const std::string& flag = slip.flags[slip.flags.size() - 2];
      EXPECT_THAT(done.error, testing::AllOf(HasSubstr(flag), HasSubstr(slip.says))) << value;
      EXPECT_EQ(std::ranges::count(done.error, '\n'), 1) << done.error;
    }
  }
  EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
  for (const char* value : {"0", "65"}) {
    EXPECT_EQ(folder_.attend({"--top-weights", "t.npy", "--top-k", value}).exit_code, 2);
  }
}

TEST_F(AttendObserve, ADiskThatIsFullLeavesNoFile) {
  const Finished full = folder_.attend({"--entropy", "e.npy", "--received", "/dev/full"});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.error, HasSubstr("No space left on device"));
  EXPECT_EQ(folder_.folder.names(), (std::set<std::string>{"k.npy", "q.npy", "v.npy"}));
}

}  // namespace
}  // namespace fovea::cli
