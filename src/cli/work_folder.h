// A folder in which a model is put together before it appears in the store.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "cli/model_store.h"

namespace fovea::cli {

/// Lies in the store, hidden, so that the last step is a rename. Removed, with all that is in it,
/// when this dies: hold interrupts while it lives.
class WorkFolder {
 public:
  /// With these folders in it; `name` is a part of its own. Makes the store where there is none.
  /// Throws Error{io}.
  WorkFolder(const std::string& store, const std::string& name,
             std::initializer_list<const char*> folders);
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder();

  std::filesystem::path operator/(std::string_view name) const { return root_ / name; }

  /// Gives the folder "model" in it its place in the store, where it replaces an older one. Returns
  /// the place. Throws Error{io}; the store is then as it was.
  std::string publish(const KnownModel& model, const std::string& store);

 private:
  std::filesystem::path root_;
};

}  // namespace fovea::cli
