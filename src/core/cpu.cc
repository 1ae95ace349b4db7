// Cores at hand: affinity mask, hyperthread siblings, and CPU quotas of cgroup v2 and v1.
#include "fovea/core/cpu.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

namespace fovea {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// CPUs that share a core name the same first sibling ("0-1" or "0,64").
int physical_cores(std::span<const int> cpus, const std::string& root) {
  std::set<std::string> cores;
  for (const int cpu : cpus) {
    const std::string siblings = first_line(
        fmt::format("{}/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", root, cpu));
    cores.insert(siblings.empty() ? fmt::format("cpu{}", cpu)
                                  : siblings.substr(0, siblings.find_first_of(",-")));
  }
  return static_cast<int>(cores.size());
}

// Cores that `quota` microseconds in each `period` amount to; 0 = no limit.
int cores_of(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  return static_cast<int>(std::ceil(std::min(quota / period, 1e6)));
}

int quota_v2(const std::string& folder) {
  std::istringstream line(first_line(folder + "/cpu.max"));
  double quota = 0;
  double period = 0;
  return line >> quota >> period ? cores_of(quota, period)
                                 : 0;  // "max 100000" is no number: no limit
}

int quota_v1(const std::string& folder) {
  std::istringstream quota(first_line(folder + "/cpu.cfs_quota_us"));
  std::istringstream period(first_line(folder + "/cpu.cfs_period_us"));
  double quota_us = 0;
  double period_us = 0;
  return quota >> quota_us && period >> period_us ? cores_of(quota_us, period_us) : 0;
}

// The least quota of a cgroup and those above it, up to where the hierarchy is mounted; 0 = no
// limit. Inside a container the path in /proc/self/cgroup may be the host's and not exist here:
// then only the mount itself has a say.
int least_quota(const std::string& mount, std::string path, int (*quota)(const std::string&)) {
  int least = 0;
  for (;;) {
    const int cores = quota(mount + path);
    if (cores > 0) least = least == 0 ? cores : std::min(least, cores);
    if (path.empty() || path == "/") return least;
    path.resize(path.find_last_of('/'));
  }
}

int cgroup_cores(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  int least = 0;
  for (std::string line; std::getline(file, line);) {
    // hierarchy:controllers:path, with no controllers for v2
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || second + 1 >= line.size() || line[second + 1] != '/')
      continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    int cores = 0;
    if (controllers == ",,") {
      cores = least_quota(root + "/sys/fs/cgroup", path, quota_v2);
    } else if (controllers.find(",cpu,") != std::string::npos) {
      cores = least_quota(root + "/sys/fs/cgroup/cpu", path, quota_v1);
    }
    if (cores > 0) least = least == 0 ? cores : std::min(least, cores);
  }
  return least;
}

std::vector<int> cpus_of_this_process() {
  // Grown until the kernel's mask fits: machines may have more than the 1,024 CPUs of cpu_set_t.
  for (std::size_t count = 1024; count <= 1 << 16; count *= 2) {
    cpu_set_t* const set = CPU_ALLOC(count);
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(count);
    CPU_ZERO_S(size, set);
    std::vector<int> cpus;
    const bool known = sched_getaffinity(0, size, set) == 0;
    for (std::size_t cpu = 0; known && cpu < count; ++cpu)
      if (CPU_ISSET_S(cpu, size, set)) cpus.push_back(static_cast<int>(cpu));
    CPU_FREE(set);
    if (known) return cpus;
  }
  std::vector<int> cpus(std::max(1u, std::thread::hardware_concurrency()));
  for (std::size_t i = 0; i < cpus.size(); ++i) cpus[i] = static_cast<int>(i);
  return cpus;
}

}  // namespace

int usable_cores(std::span<const int> cpus, const std::string& root) {
  const int cores = std::max(1, physical_cores(cpus, root));
  const int quota = cgroup_cores(root);
  return quota > 0 ? std::min(cores, quota) : cores;
}

int usable_cores() {
  return usable_cores(cpus_of_this_process(), "");
}

}  // namespace fovea
