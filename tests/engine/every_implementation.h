// A test fixture that runs with each implementation on each target of this CPU.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fovea/engine/plan.h"
#include "kernels/target.h"

namespace fovea {

struct Running {
  std::string implementation;
  std::string target;
};

/// The reference has no targets: once is enough.
inline std::vector<Running> implementations_and_targets() {
  std::vector<Running> list;
  for (const ImplementationInfo& each : list_implementations()) {
    for (const std::string& target : kernels::targets_available()) {
      list.push_back({each.name, target});
      if (each.name == "reference") break;
    }
  }
  return list;
}

class WithImplementation : public ::testing::TestWithParam<Running> {
 protected:
  void SetUp() override { kernels::force_target(GetParam().target); }
  void TearDown() override { kernels::force_target(""); }
};

inline std::string test_name(const ::testing::TestParamInfo<Running>& info) {
  return info.param.implementation + "_" + info.param.target;
}

}  // namespace fovea
