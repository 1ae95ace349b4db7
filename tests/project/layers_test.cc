// The layer graph of cmake/layers.cmake holds for every #include, and outside parts stay where they
// belong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "project/source_tree.h"

namespace fovea::project {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

/// What each layer may include: itself, what it uses, and all that those use.
using LayerGraph = std::map<std::string, std::set<std::string>>;

/// Reads the calls `fovea_layer(NAME [USES layer...] [LINKS library...])`, lowest layer first.
LayerGraph parse_layers(const SourceFile& file) {
  LayerGraph graph;
  for (const std::string& line : file.lines) {
    if (!line.starts_with("fovea_layer(")) continue;
    std::istringstream words(line.substr(12, line.find(')') - 12));
    std::string name;
    words >> name;
    std::set<std::string>& allowed = graph[name];
    allowed.insert(name);
    bool uses = false;
    for (std::string word; words >> word;) {
      if (word == "USES" || word == "LINKS") {
        uses = word == "USES";
      } else if (uses) {
        allowed.insert(graph.at(word).begin(), graph.at(word).end());
      }
    }
  }
  return graph;
}

/// The layer that a file is part of: "core" for src/core/... and include/fovea/core/..., "" for
/// files that may include any layer (command line, tests, benchmarks, examples).
std::string layer_of_file(const SourceFile& file) {
  if (file.path == "include/fovea.h") return "c";
  for (const std::string_view folder : {"include/fovea/", "src/"}) {
    if (!is_under(file, folder)) continue;
    const std::string rest = file.path.substr(folder.size());
    const std::string name = rest.substr(0, rest.find('/'));
    return name == "cli" ? "" : name;
  }
  return "";
}

/// The layer that a quoted include reaches for: "core" for "fovea/core/x.h" and for the private
/// "core/x.h".
std::string layer_of_include(const std::string& include) {
  if (include == "fovea.h") return "c";
  const std::string rest = include.starts_with("fovea/") ? include.substr(6) : include;
  return rest.substr(0, rest.find('/'));
}

/// Each breach of the graph in a file, as "FILE includes INCLUDE".
std::vector<std::string> layer_breaches(const LayerGraph& graph, const SourceFile& file) {
  const std::string layer = layer_of_file(file);
  std::vector<std::string> breaches;
  if (layer.empty()) return breaches;
  if (!graph.contains(layer)) return {file.path + " is in no layer of cmake/layers.cmake"};
  for (const Include& include : includes_of(file)) {
    if (!include.quoted || include.name.starts_with("hwy/")) continue;
    if (!graph.at(layer).contains(layer_of_include(include.name))) {
      breaches.push_back(file.path + " includes " + include.name);
    }
  }
  return breaches;
}

/// Files that include something whose name starts with `prefix`.
std::vector<std::string> files_that_include(const std::vector<SourceFile>& files,
                                            std::string_view prefix) {
  std::vector<std::string> found;
  for (const SourceFile& file : files) {
    const auto includes = includes_of(file);
    if (std::ranges::any_of(
            includes, [&](const Include& include) { return include.name.starts_with(prefix); })) {
      found.push_back(file.path);
    }
  }
  return found;
}

/// Includes of a public header that are neither our own nor come with the compiler.
std::vector<std::string> foreign_includes(const SourceFile& header) {
  static const std::set<std::string> with_dot = {"stddef.h", "stdint.h", "xmmintrin.h"};
  std::vector<std::string> found;
  for (const Include& include : includes_of(header)) {
    if (include.quoted && include.name.starts_with("fovea/")) continue;
    const bool standard =
        include.name.find_first_of("/.") == std::string::npos || with_dot.contains(include.name);
    if (include.quoted || !standard) found.push_back(include.name);
  }
  return found;
}

SourceFile file_that_includes(const std::string& path, const std::string& include) {
  return {path, {"// A file made up for this test.", "#include " + include}};
}

LayerGraph project_layers() {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  return parse_layers(read_source(root, root / "cmake" / "layers.cmake"));
}

TEST(LayerGraph, TakesInWhatTheUsedLayersUse) {
  const LayerGraph graph =
      parse_layers({"",
                    {"# layers", "fovea_layer(a)", "fovea_layer(b USES a LINKS Some::Library)",
                     "fovea_layer(c USES b)"}});
  EXPECT_THAT(graph.at("a"), ElementsAre("a"));
  EXPECT_THAT(graph.at("b"), ElementsAre("a", "b"));
  EXPECT_THAT(graph.at("c"), ElementsAre("a", "b", "c"));
}

TEST(LayerGraph, OfTheProjectPutsEngineAboveReferenceAboveCore) {
  const LayerGraph graph = project_layers();
  EXPECT_THAT(graph.at("engine"), Contains("reference"));
  EXPECT_THAT(graph.at("reference"), Contains("core"));
  EXPECT_THAT(graph.at("core"), Not(Contains("engine")));
}

TEST(Layers, IncludeOnlyWhatTheGraphAllows) {
  const LayerGraph graph = project_layers();
  std::vector<std::string> breaches;
  const std::vector<SourceFile> files = read_source_tree();
  ASSERT_GT(files.size(), 10U);
  for (const SourceFile& file : files) {
    const auto found = layer_breaches(graph, file);
    breaches.insert(breaches.end(), found.begin(), found.end());
  }
  EXPECT_THAT(breaches, IsEmpty());
}

TEST(Layers, BreachesAreFoundInPublicAndPrivateFiles) {
  const LayerGraph graph = project_layers();
  for (const auto& [path, include] : std::map<std::string, std::string>{
           {"src/core/a.cc", "\"fovea/engine/attend.h\""},
           {"src/attention/a.cc", "\"kernels/kernel.h\""},
           {"include/fovea/reference/a.h", "\"fovea/engine/attend.h\""},
           {"src/engine/a.cc", "\"cli/command.h\""},
           {"src/unheard_of/a.cc", "\"fovea/core/error.h\""}}) {
    EXPECT_THAT(layer_breaches(graph, file_that_includes(path, include)), Not(IsEmpty())) << path;
  }
  EXPECT_THAT(
      layer_breaches(graph, file_that_includes("src/cli/a.cc", "\"fovea/engine/attend.h\"")),
      IsEmpty());
  EXPECT_THAT(layer_breaches(graph, file_that_includes("src/engine/a.cc", "\"kernels/kernel.h\"")),
              IsEmpty());
}

TEST(Highway, IsIncludedByKernelsAlone) {
  for (const std::string& path : files_that_include(read_source_tree(), "hwy/")) {
    const bool is_kernel = path.find("/kernels/") != std::string::npos;
    EXPECT_TRUE(is_kernel) << path << " includes Highway; only src/kernels and its tests may";
  }
}

TEST(CommandLineParser, IsIncludedByOneFile) {
  // Its header takes 3.4 s to compile.
  EXPECT_LE(files_that_include(read_source_tree(), "CLI/").size(), 1U);
}

TEST(PublicHeaders, IncludeWhatComesWithTheCompilerAndEachOtherOnly) {
  for (const SourceFile& file : read_source_tree()) {
    if (!is_under(file, "include/")) continue;
    EXPECT_THAT(foreign_includes(file), IsEmpty()) << file.path;
  }
  EXPECT_THAT(foreign_includes(file_that_includes("include/fovea/core/a.h", "<fmt/format.h>")),
              Not(IsEmpty()));
  EXPECT_THAT(foreign_includes(file_that_includes("include/fovea/core/a.h", "<cblas.h>")),
              Not(IsEmpty()));
}

}  // namespace
}  // namespace fovea::project
