// A folder with the arrays of a small attention, and `fovea attend` run in it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/run_program.h"
#include "formats/temporary_folder.h"
#include "fovea/core/random.h"
#include "fovea/formats/npy.h"

namespace fovea::cli {

/// q.npy [2, 4, 5, 8], k.npy and v.npy [2, 2, 7, 8]: two entries, four heads that share two key
/// heads.
class AttendFolder {
 public:
  AttendFolder() {
    Generator generator(1);
    query = write("q.npy", randn({2, 4, 5, 8}, generator));
    key = write("k.npy", randn({2, 2, 7, 8}, generator));
    value = write("v.npy", randn({2, 2, 7, 8}, generator));
  }

  Tensor write(const std::string& name, Tensor array) const {
    formats::write_npy(folder.path(name), array);
    return array;
  }

  Tensor read(const std::string& name) const { return formats::read_npy(folder.path(name)); }

  /// The command with the three arrays and `flags` after them.
  Launch launch(const std::vector<std::string>& flags) const {
    std::vector<std::string> words{"attend", "--query", "q.npy", "--key",
                                   "k.npy",  "--value", "v.npy"};
    words.insert(words.end(), flags.begin(), flags.end());
    return {.words = std::move(words), .folder = folder.root()};
  }

  Finished attend(const std::vector<std::string>& flags) const { return run(launch(flags)); }

  formats::TemporaryFolder folder;
  Tensor query;
  Tensor key;
  Tensor value;
};

}  // namespace fovea::cli
