// mkdtemp for a name of its own, rename for appearing whole.
#include "cli/work_folder.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::cli {
namespace {

namespace files = std::filesystem;

void require_made(const std::string& path, int error) {
  if (error == 0) return;
  throw Error(ErrorKind::io,
              fmt::format("model: cannot make {}: {}", printable(path), std::strerror(error)));
}

}  // namespace

WorkFolder::WorkFolder(const std::string& store, const std::string& name,
                       std::initializer_list<const char*> folders) {
  std::error_code error;
  files::create_directories(store, error);
  require_made(store, error.value());
  std::string pattern = files::path(store) / ("." + name + "-XXXXXX");
  require_made(pattern, ::mkdtemp(pattern.data()) == nullptr ? errno : 0);
  root_ = pattern;
  for (const char* folder : folders) {
    files::create_directory(root_ / folder, error);
    require_made(root_ / folder, error.value());
  }
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  files::remove_all(root_, ignored);
}

std::string WorkFolder::publish(const KnownModel& model, const std::string& store) {
  const std::string target = folder_of(model, store);
  std::error_code error;
  files::rename(target, root_ / "replaced", error);  // where there is an older one
  files::rename(root_ / "model", target, error);
  // Another process may have been faster: its model is as good.
  if (!error || is_complete(model, target)) return target;
  std::error_code ignored;
  files::rename(root_ / "replaced", target, ignored);
  require_made(target, error.value());
  return target;
}

}  // namespace fovea::cli
