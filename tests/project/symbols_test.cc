// libfovea.so exports the library's own names and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <regex>
#include <string>
#include <vector>

namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// The names that a shared library defines for others, demangled, as `nm` gives them.
std::vector<std::string> exported_names(const std::string& library) {
  const std::string command = "nm --dynamic --defined-only --demangle '" + library + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::vector<std::string> names;
  std::array<char, 16384> line{};
  while (pipe && std::fgets(line.data(), static_cast<int>(line.size()), pipe.get())) {
    const std::string text(line.data());
    // "0000000000001234 T name": 16 digits, a space, the type, a space.
    if (text.size() > 19) names.push_back(text.substr(19, text.size() - 20));
  }
  return names;
}

/// True for fovea_..., fovea::... and what the compiler makes for a class of ours.
bool is_ours(const std::string& name) {
  static const std::regex pattern(
      R"((typeinfo for |typeinfo name for |vtable for |guard variable for )?(fovea::|fovea_).*)");
  return std::regex_match(name, pattern);
}

TEST(SharedLibrary, ExportsOnlyItsOwnNames) {
  std::vector<std::string> foreign;
  for (const std::string& name : exported_names(FOVEA_SHARED_LIBRARY)) {
    if (!is_ours(name)) foreign.push_back(name);
  }
  EXPECT_THAT(foreign, IsEmpty());
}

TEST(SharedLibrary, ExportsWhatUsersCall) {
  const std::vector<std::string> names = exported_names(FOVEA_SHARED_LIBRARY);
  EXPECT_THAT(names, Contains(StartsWith("fovea::attend(")));
  EXPECT_THAT(names, Contains("fovea_attend"));
  // Whoever catches fovea::Error compares with this.
  EXPECT_THAT(names, Contains("typeinfo for fovea::Error"));
}

TEST(SharedLibrary, KeepsItsKernelsToItself) {
  EXPECT_THAT(exported_names(FOVEA_SHARED_LIBRARY), Not(Contains(StartsWith("fovea::kernels::"))));
}

}  // namespace
