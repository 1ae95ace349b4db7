// Any bytes as a tokenizer's file, whose name follows from its first byte; two files, parted by the
// first NUL, where a tokenizer has two.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fovea/models/tokenizer_file.h"
#include "fuzz/check_tokens.h"

namespace fovea {
namespace {

// A folder that goes when the program ends; in memory where there is such a place.
class Folder {
 public:
  Folder() {
    const bool in_memory = std::filesystem::is_directory("/dev/shm");
    std::string name = in_memory ? "/dev/shm/fovea-fuzz-XXXXXX" : "/tmp/fovea-fuzz-XXXXXX";
    fuzz::require(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string write(const std::string& name, std::string_view content) const {
    const std::filesystem::path path = path_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::filesystem::path path_;
};

// Writes the file or files, and returns what is to be loaded.
std::string write_files(const Folder& folder, std::string_view content) {
  const std::size_t end = std::min(content.find('\0'), content.size());
  const std::string_view second = content.substr(std::min(end + 1, content.size()));
  if (content.starts_with('{')) return folder.write("tokenizer.json", content);
  if (content.starts_with('G')) return folder.write("model.gguf", content);
  if (!content.starts_with('#')) return folder.write("vocab.txt", content);
  folder.write("encoder.json", second);
  return folder.write("vocab.bpe", content.substr(0, end));
}

}  // namespace
}  // namespace fovea

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  static const Folder folder;
  const std::string path = write_files(folder, fuzz::text_of(data, size));
  fuzz::expect_success_or_error([&] {
    const auto tokenizer = models::load_tokenizer(path);
    fuzz::require(tokenizer != nullptr);
    const auto tokens = fuzz::checked_tokens(*tokenizer, "Hello, W\xC3\xB6rld 123 \xFF\xE2\x82",
                                             {.are_recognised = true});
    fuzz::decoded(*tokenizer, tokens);
  });
  return 0;
}
