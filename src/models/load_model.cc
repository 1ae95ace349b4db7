// From a path to a model: the files say which family they are of.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/models/model.h"
#include "models/families.h"

namespace fovea::models {

std::unique_ptr<Model> load_model(const std::string& path) {
  const ModelFiles files = open_model_files(path);
  const std::string architecture = files.architecture();
  std::string known;
  for (const Family& family : kFamilies) {
    if (family.name == architecture) return family.load(files);
    known += known.empty() ? "" : ", ";
    known += family.name;
  }
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: a {} model; fovea knows {}", files.weights->name(),
                          in_quotes(architecture), known));
}

std::vector<FamilyInfo> list_families() {
  std::vector<FamilyInfo> families;
  for (const Family& family : kFamilies) {
    families.push_back({std::string(family.name), std::string(family.summary)});
  }
  return families;
}

}  // namespace fovea::models
