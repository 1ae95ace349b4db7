// decode against the rate at which its own K and V can be read, packed or not: in turn in one
// process, the best of each and the median share of a round.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "fovea/core/parallel.h"
#include "fovea/engine/attend.h"

namespace fovea {
namespace {

struct Case {
  DType type;
  bool packed;
  std::int64_t query_heads;
  std::int64_t key_heads;
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t size;
};

template <typename F>
double seconds(const F& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Numbers of unit size without a pattern, of any type, quickly.
Tensor numbers(DType type, const Shape& shape) {
  Tensor tensor = Tensor::uninitialized(type, shape);
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < tensor.element_count(); ++i) {
    state = state * 1664525 + 1013904223;
    const float number = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31F;
    std::byte* const at = tensor.bytes().data() + i * size_of(type);
    const std::uint16_t bits =
        type == DType::bf16 ? to_bfloat16(number).bits : to_float16(number).bits;
    if (type == DType::f32) {
      std::memcpy(at, &number, sizeof(number));
    } else {
      std::memcpy(at, &bits, sizeof(bits));
    }
  }
  return tensor;
}

using Words = std::uint64_t __attribute__((vector_size(16), aligned(1), may_alias));

// Reads a piece of memory, 512 bytes a round; prefetching `ahead` bytes.
std::uint64_t read_piece(const std::byte* from, std::int64_t bytes, std::int64_t ahead) {
  Words sums[8] = {};
  for (std::int64_t i = 0; i + 512 <= bytes; i += 512) {
    for (int line = 0; line < 8 && ahead > 0; ++line)
      __builtin_prefetch(from + i + line * 64 + ahead);
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
#pragma GCC unroll 8
      for (int word = 0; word < 8; ++word)
        sums[word] |= *reinterpret_cast<const Words*>(from + i + part * 128 + word * 16);
    }
  }
  for (int word = 1; word < 8; ++word) sums[0] |= sums[word];
  return sums[0][0];
}

void read_all(const Tensor& tensor, int threads, std::int64_t ahead) {
  constexpr std::int64_t kPiece = 1 << 20;
  const auto bytes = static_cast<std::int64_t>(tensor.bytes().size());
  static std::atomic<std::uint64_t> sink;
  parallel_for((bytes + kPiece - 1) / kPiece, threads, {}, [&](std::int64_t piece, int) noexcept {
    const std::int64_t first = piece * kPiece;
    sink |= read_piece(tensor.bytes().data() + first, std::min(kPiece, bytes - first), ahead);
  });
}

struct Rates {
  double read = 0;  // bytes a second, the best
  double decode = 0;
  double share = 0;  // of the rate of reading in the same round, the median
  double milliseconds = 0;
};

Rates measure(const Case& c, int threads, int rounds) {
  const Tensor query = numbers(DType::f32, {1, c.query_heads, c.queries, c.size});
  const std::int64_t blocks = (c.keys + kPackedKeys - 1) / kPackedKeys;
  const Tensor key = c.packed ? numbers(c.type, {1, c.key_heads, blocks, c.size, kPackedKeys})
                              : numbers(c.type, {1, c.key_heads, c.keys, c.size});
  const Tensor value = numbers(c.type, {1, c.key_heads, c.keys, c.size});
  Tensor output = Tensor::uninitialized(DType::f32, query.shape());
  Attention attention{.query = query, .key = {}, .value = value};
  (c.packed ? attention.packed_key : attention.key) = key.view();
  const AttendInto into{.output = output.mutable_view()};
  double least_read = 1e9;
  double least_decode = 1e9;
  std::vector<double> shares;
  for (int round = 0; round < rounds; ++round) {
    double read = 1e9;
    double decode = 1e9;
    for (const std::int64_t ahead : {0, 2048, 8192, 16384}) {
      read = std::min(read, seconds([&] {
                        read_all(key, threads, ahead);
                        read_all(value, threads, ahead);
                      }));
    }
    for (int i = 0; i < 4; ++i) {
      decode =
          std::min(decode, seconds([&] {
                     attend_into(attention, into, {.threads = threads, .implementation = "decode"});
                   }));
    }
    least_read = std::min(least_read, read);
    least_decode = std::min(least_decode, decode);
    shares.push_back(read / decode);
  }
  const auto middle = shares.begin() + rounds / 2;
  std::nth_element(shares.begin(), middle, shares.end());
  const auto bytes = static_cast<double>(key.bytes().size() + value.bytes().size());
  return {bytes / least_read, bytes / least_decode, *middle, least_decode * 1e3};
}

void print_case(const Case& c, int threads, int rounds) {
  const Rates rates = measure(c, threads, rounds);
  fmt::print(
      "{:>4}{} {}/{} heads {:>2} x {:>5} D {:>3} T{}: read {:5.1f}, decode {:5.1f} GB/s, {:3.0f} "
      "% (median {:3.0f} %), {:.3f} ms\n",
      name_of(c.type), c.packed ? " packed" : "       ", c.query_heads, c.key_heads, c.queries,
      c.keys, c.size, threads, rates.read / 1e9, rates.decode / 1e9,
      100 * rates.decode / rates.read, 100 * rates.share, rates.milliseconds);
  std::fflush(stdout);
}

// What is measured: every combination of these.
struct Options {
  std::vector<int> threads{1, 2};
  std::vector<DType> types{DType::f32, DType::bf16, DType::f16};
  std::vector<bool> packings{false, true};
  std::vector<std::int64_t> sizes{64, 128};
  std::vector<std::int64_t> keys{4096, 32768};
  std::int64_t queries = 1;
  std::int64_t query_heads = 32;
  std::int64_t key_heads = 8;
  int rounds = 20;
};

constexpr std::string_view kUsage =
    "decode_bench [--threads=N] [--rounds=N] [--type=f32|bf16|f16] [--size=D] [--keys=N]\n"
    "             [--queries=N] [--query-heads=N] [--key-heads=N] [--packed=0|1]";

// Returns whether `argument` is --name=value of an option.
bool take(std::string_view argument, Options& options) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = argument.substr(0, equals);
  const std::string value(argument.substr(equals + 1));
  if (name == "--type") {
    options.types = {value == "f32" ? DType::f32 : value == "bf16" ? DType::bf16 : DType::f16};
    return value == "f32" || value == "bf16" || value == "f16";
  }
  const std::int64_t number = std::atoll(value.c_str());
  if (name == "--packed") {
    options.packings = {number != 0};
    return true;
  }
  if (number < 1) return false;
  if (name == "--threads")
    options.threads = {static_cast<int>(number)};
  else if (name == "--rounds")
    options.rounds = static_cast<int>(number);
  else if (name == "--size")
    options.sizes = {number};
  else if (name == "--keys")
    options.keys = {number};
  else if (name == "--queries")
    options.queries = number;
  else if (name == "--query-heads")
    options.query_heads = number;
  else if (name == "--key-heads")
    options.key_heads = number;
  else
    return false;
  return true;
}

void run(const Options& o) {
  for (const int threads : o.threads)
    for (const DType type : o.types)
      for (const bool packed : o.packings)
        for (const std::int64_t size : o.sizes)
          for (const std::int64_t keys : o.keys)
            print_case({type, packed, o.query_heads, o.key_heads, o.queries, keys, size}, threads,
                       o.rounds);
}

}  // namespace
}  // namespace fovea

int main(int argc, char** argv) {
  fovea::Options options;
  for (int i = 1; i < argc; ++i) {
    if (fovea::take(argv[i], options)) continue;
    fmt::print(stderr, "{}\n", fovea::kUsage);
    return 2;
  }
  fovea::run(options);
  return 0;
}
