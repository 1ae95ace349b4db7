// How many cores this process may really use.
#pragma once

#include <span>
#include <string>

namespace fovea {

/// Returns the least of the physical cores that the process may run on (its cpuset) and its
/// cgroup's CPU quota, rounded up; at least 1. Read anew at each call: a container's limits can
/// change. Costs some file reads; never throws for a file that is missing or unreadable.
int usable_cores();

/// The same for the given logical CPUs, with the files of /proc and /sys looked up under `root` (""
/// = the system's). CPUs whose topology is not stated count as a core each.
int usable_cores(std::span<const int> cpus, const std::string& root);

}  // namespace fovea
