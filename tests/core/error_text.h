// What a call that must fail says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "fovea/core/error.h"

namespace fovea {

/// The text of the Error of `kind` that `call` throws; fails the test when it throws none or
/// another kind.
template <typename Call>
std::string error_text(ErrorKind kind, Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error thrown";
  return {};
}

template <typename Call>
std::string invalid_argument_text(Call call) {
  return error_text(ErrorKind::invalid_argument, call);
}

}  // namespace fovea
