// Cores at hand, from made-up /proc and /sys trees.
#include "fovea/core/cpu.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace fovea {
namespace {

// A folder that plays the file system's root.
class UsableCores : public testing::Test {
 protected:
  UsableCores() {
    std::string pattern = testing::TempDir() + "fovea_cpu_XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~UsableCores() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }
  void write_siblings(int cpu, const std::string& siblings) {
    write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
          siblings);
  }
  int cores(const std::vector<int>& cpus) { return usable_cores(cpus, root_); }

  std::string root_;
};

TEST_F(UsableCores, CountEachCpuWithoutAStatedTopology) {
  EXPECT_EQ(cores({0, 1, 5}), 3);
}

TEST_F(UsableCores, AreAtLeastOne) {
  EXPECT_EQ(cores({}), 1);
}

TEST_F(UsableCores, CountHyperthreadsOnce) {
  write_siblings(0, "0,2");
  write_siblings(2, "0,2");
  write_siblings(1, "1,3");
  EXPECT_EQ(cores({0, 1, 2}), 2);
  for (const int cpu : {4, 5}) write_siblings(cpu, "4-5");
  EXPECT_EQ(cores({4, 5}), 1);
}

TEST_F(UsableCores, HonourTheQuotaOfCgroup2RoundedUp) {
  write("/proc/self/cgroup", "0::/a/b");
  write("/sys/fs/cgroup/a/b/cpu.max", "max 100000");
  EXPECT_EQ(cores({0, 1, 2, 3}), 4);
  write("/sys/fs/cgroup/a/cpu.max", "250000 100000");
  EXPECT_EQ(cores({0, 1, 2, 3}), 3);
  write("/sys/fs/cgroup/a/b/cpu.max", "50000 100000");
  EXPECT_EQ(cores({0, 1, 2, 3}), 1);
}

TEST_F(UsableCores, HonourTheQuotaOfCgroup1) {
  write("/proc/self/cgroup", "3:cpuset:/\n1:cpu,cpuacct:/docker/x");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cores({0, 1, 2, 3}), 4);
  write("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "150000");
  write("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cores({0, 1, 2, 3}), 2);
}

TEST_F(UsableCores, IgnoreNonsense) {
  write("/proc/self/cgroup", "\n::\nx:y\n0:");
  EXPECT_EQ(cores({0, 1}), 2);
  write("/proc/self/cgroup", "0::/");
  write("/sys/fs/cgroup/cpu.max", "-5 0");
  EXPECT_EQ(cores({0, 1}), 2);
}

TEST(UsableCoresHere, AreAtLeastOne) {
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace
}  // namespace fovea
