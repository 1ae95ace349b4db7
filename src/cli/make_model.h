// How a model that nobody has to fetch comes into the store: drawn from a seed.
#pragma once

#include <cstdint>
#include <string>

#include "cli/model_store.h"

namespace fovea::cli {

/// Draws the parameters of gpt2-124m and puts it, with GPT-2's tokenizer where that is in the store,
/// into its folder there, which it returns. What was there is replaced. Progress goes to standard
/// error. Throws Error{io}, Error{out_of_memory}, Interrupted; the store is then as it was.
std::string make_model(const KnownModel& model, const std::string& store, std::uint64_t seed);

}  // namespace fovea::cli
