// A folder for one test, removed when it ends.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>

#include "fovea/formats/input_file.h"
#include "fovea/formats/output_file.h"

namespace fovea::formats {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "fovea-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::filesystem::filesystem_error("mkdtemp", name,
                                              std::error_code(errno, std::generic_category()));
    folder_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(folder_, ignored);
  }

  const std::filesystem::path& root() const { return folder_; }
  std::string path(const std::string& name) const { return folder_ / name; }
  /// Names of all that lies in it.
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      found.insert(entry.path().filename());
    }
    return found;
  }

 private:
  std::filesystem::path folder_;
};

inline std::string content_of(const std::string& path) {
  return read_text(InputFile(path));
}

inline void write_file(const std::string& path, std::string_view content) {
  OutputFile file(path);
  file.write(std::as_bytes(std::span(content)));
  file.commit();
}

}  // namespace fovea::formats
