// The choice of the instruction set, through Highway's own dispatch table.
#include "kernels/target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwy/highway.h>
#include <strings.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "fovea/core/error.h"

namespace fovea::kernels {
namespace {

// Highway's bit of the target in use; 0 until it is chosen.
std::atomic<std::int64_t> chosen{0};

// Every kernel is compiled for these; a CPU has a subset.
std::int64_t usable_targets() {
  return hwy::SupportedTargets() & HWY_TARGETS;
}

// The bits ascend from the best target to the plainest.
std::int64_t best_of(std::int64_t targets) {
  return targets & -targets;
}

std::int64_t target_named(std::string_view name) {
  for (std::int64_t rest = usable_targets(); rest != 0; rest &= rest - 1) {
    const char* candidate = hwy::TargetName(best_of(rest));
    if (strcasecmp(candidate, std::string(name).c_str()) == 0) return best_of(rest);
  }
  throw Error(ErrorKind::invalid_argument,
              fmt::format("target \"{}\" is unknown or not on this CPU; it has {}", name,
                          fmt::join(targets_available(), ", ")));
}

std::int64_t choose() {
  const char* wanted = std::getenv("FOVEA_TARGET");
  if (wanted == nullptr || *wanted == '\0') return best_of(usable_targets());
  try {
    return target_named(wanted);
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("FOVEA_TARGET: {}", error.what()));
  }
}

void use(std::int64_t target) {
  hwy::GetChosenTarget().Update(target);
  chosen.store(target, std::memory_order_release);
}

}  // namespace

std::vector<std::string> targets_available() {
  std::vector<std::string> names;
  for (std::int64_t rest = usable_targets(); rest != 0; rest &= rest - 1) {
    names.emplace_back(hwy::TargetName(best_of(rest)));
  }
  return names;
}

std::string_view target_in_use() {
  std::int64_t target = chosen.load(std::memory_order_acquire);
  if (target == 0) {
    target = choose();
    use(target);
  }
  return hwy::TargetName(target);
}

void force_target(std::string_view name) {
  use(name.empty() ? choose() : target_named(name));
}

}  // namespace fovea::kernels
