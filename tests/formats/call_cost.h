// What a call takes from the machine.
#pragma once

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

namespace fovea::formats {

/// The largest resident size of a call in bytes above what was resident before it; measured by
/// Linux's VmHWM, which is reset first. -1 where that is not allowed and under AddressSanitizer, whose
/// own memory would count.
template <typename Call>
std::int64_t peak_memory_of(Call call) {
#ifdef __SANITIZE_ADDRESS__
  call();
  return -1;
#else
  ::malloc_trim(0);  // what is free and resident would hide what the call takes
  const auto line_of = [](const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      std::int64_t kib = 0;
      if (word == key && status >> kib) return kib * 1024;
    }
    return std::int64_t{-1};
  };
  {
    std::ofstream reset("/proc/self/clear_refs");
    if (!(reset << "5" << std::flush)) return -1;
  }
  const std::int64_t before = line_of("VmRSS:");
  call();
  return line_of("VmHWM:") - before;
#endif
}

/// How much longer calls may take where the build is not the one that users run.
#ifdef NDEBUG
inline constexpr double kSlowdown = 1;
#else
inline constexpr double kSlowdown = 10;  // sanitizers
#endif

/// Seconds of the processor that a call takes: other processes do not count.
template <typename Call>
double processor_seconds_of(Call call) {
  const std::clock_t before = std::clock();
  call();
  return static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
}

}  // namespace fovea::formats
