// The project's own source files, read for the tests that hold them to the rules of
// CONTRIBUTING.md.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::project {

/// A file, with its path from the project's root.
struct SourceFile {
  std::string path;
  std::vector<std::string> lines;
};

/// An #include: what it names, and whether in quotes.
struct Include {
  std::string name;
  bool quoted = false;
};

inline SourceFile read_source(const std::filesystem::path& root,
                              const std::filesystem::path& path) {
  SourceFile file{path.lexically_relative(root).generic_string(), {}};
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
  return file;
}

/// All C and C++ files of the project, sorted by path.
inline std::vector<SourceFile> read_source_tree() {
  const std::filesystem::path root = FOVEA_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const char* folder : {"include", "src", "tests", "bench", "examples", "python"}) {
    if (!std::filesystem::exists(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".h" || extension == ".cc" || extension == ".c") {
        files.push_back(read_source(root, entry.path()));
      }
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

inline bool is_under(const SourceFile& file, std::string_view folder) {
  return file.path.starts_with(folder);
}

inline std::vector<Include> includes_of(const SourceFile& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s*(["<])([^">]+)[">].*)");
  std::vector<Include> includes;
  for (const std::string& line : file.lines) {
    std::smatch match;
    if (line.find("include") == std::string::npos) continue;
    if (std::regex_match(line, match, pattern)) includes.push_back({match[2], match[1] == "\""});
  }
  return includes;
}

}  // namespace fovea::project
