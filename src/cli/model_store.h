// The models that fovea knows by name, and the folder where they are kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::cli {

/// Where a known model comes from.
enum class ModelSource : std::uint8_t {
  pip,   ///< a wheel of PyPI
  npm,   ///< a package of npm
  made,  ///< `fovea model make` draws it
};

/// A file of a model. `bytes` and `sha256` say what it is; the sum of one that is made here is "", and
/// its `bytes` 0 where they depend on how it is written.
struct ModelFile {
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256 = {};  ///< 64 hexadecimal digits
};

/// A package of a registry: a version never changes there.
struct ModelPackage {
  ModelSource source = ModelSource::made;
  std::string name = {};
  std::string version = {};
  std::string archive = {};  ///< the file's name, as pip and npm store it
  std::int64_t bytes = 0;    ///< of the archive: what is downloaded
  std::string folder = {};   ///< in the archive, where the model's files lie
};

struct KnownModel {
  std::string name;
  std::string summary;  ///< one line of at most 48 columns
  std::string license;
  ModelPackage package;
  std::vector<ModelFile> files;
};

/// All of them, in the order in which people are shown them. A new one is an entry here.
const std::vector<KnownModel>& known_models();

/// nullptr when there is none of that name.
const KnownModel* find_known_model(std::string_view name);

/// Returns $XDG_DATA_HOME/fovea/models, ~/.local/share/fovea/models unless that is set to an
/// absolute path. It need not exist. Throws Error{io} when HOME is not set either.
std::string model_store();

/// Returns the folder of a known model in `store`.
std::string folder_of(const KnownModel& model, const std::string& store);

/// True when all files of the model lie in `folder`, each as long as it should be.
bool is_complete(const KnownModel& model, const std::string& folder);

/// The bytes of all files of a model; 0 for one that is made.
std::int64_t bytes_of(const KnownModel& model);

/// "98 MB", "459 kB": decimal, as shops and registries count.
std::string megabytes(std::int64_t bytes);

/// Returns the path that `--model` means: `name_or_path` itself when there is such a file or folder,
/// else a known model's folder in the store. Throws Error{io}: a model that is not here, with the
/// command that gets it; a name that is unknown, with the nearest; a path to nothing.
std::string find_model(const std::string& name_or_path);

}  // namespace fovea::cli
