// The folder becomes one that load_model reads: weights, config.json, vocabulary.
#include "cli/make_model.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/work_folder.h"
#include "fovea/core/error.h"
#include "fovea/models/make.h"

namespace fovea::cli {
namespace {

namespace files = std::filesystem;

void copy_tokenizer(const KnownModel& vocabulary, const std::string& store,
                    const files::path& target) {
  const files::path folder = folder_of(vocabulary, store);
  if (!is_complete(vocabulary, folder)) return;
  for (const ModelFile& file : vocabulary.files) {
    std::error_code error;
    files::copy_file(folder / file.name, target / file.name, error);
    if (!error) continue;
    throw Error(ErrorKind::io,
                fmt::format("model make: cannot copy {}: {}", file.name, error.message()));
  }
}

}  // namespace

std::string make_model(const KnownModel& model, const std::string& store, std::uint64_t seed) {
  const HeldInterrupts held;
  WorkFolder work(store, model.name, {"model"});
  ProgressLine progress(model.name);
  progress.step(fmt::format("drawing {} from seed {}", megabytes(bytes_of(model)), seed));
  models::make_gpt2_124m(seed, work / "model", [&](std::int64_t done, std::int64_t all) {
    held.check();
    const auto bytes = static_cast<std::int64_t>(sizeof(float));
    progress.update(fmt::format("{} of {}", megabytes(done * bytes), megabytes(all * bytes)));
  });
  copy_tokenizer(*find_known_model("gpt2-vocab"), store, work / "model");
  held.check();
  return work.publish(model, store);
}

}  // namespace fovea::cli
