// Any bytes as a safetensors file: an Error, or tensors within them.
#include "fuzz/read_content.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  fuzz::expect_success_or_error([&] {
    fuzz::read_content(formats::parse_safetensors(fuzz::bytes_of(data, size), "a.safetensors"));
  });
  return 0;
}
