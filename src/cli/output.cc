// Standard output as a file: written like all else that is printed, so that its errors are the same.
#include "cli/output.h"

#include <span>

#include "cli/standard_streams.h"

namespace fovea::cli {

formats::OutputFile open_output(const std::string& path) {
  if (path != kStandardOutput) return formats::OutputFile(path);
  return {path, [](std::span<const std::byte> bytes) {
            print({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
          }};
}

}  // namespace fovea::cli
