// Any bytes as a .npy file: an Error, or an array as large as they are.
#include "fovea/formats/npy.h"
#include "fuzz/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  fuzz::expect_success_or_error([&] {
    const Tensor array = formats::parse_npy(fuzz::bytes_of(data, size), "a.npy");
    fuzz::require(array.bytes().size() <= size);
  });
  return 0;
}
