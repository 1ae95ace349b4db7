// DLPack 1.x as plain structs: how array libraries hand memory to each other.
// Source: https://dmlc.github.io/dlpack/latest/c_api.html
#pragma once

#include <cstdint>

namespace fovea::bind::dlpack {

inline constexpr std::uint32_t kMajorVersion = 1;
inline constexpr std::int32_t kCpu = 1;
inline constexpr std::uint64_t kReadOnly = 1;

struct Version {
  std::uint32_t major;
  std::uint32_t minor;
};

struct Device {
  std::int32_t type;
  std::int32_t id;
};

enum TypeCode : std::uint8_t { kInt = 0, kUnsigned = 1, kFloat = 2, kBfloat = 4, kBool = 6 };

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

/// Strides are in elements; none = row-major without gaps.
struct Tensor {
  void* data;
  Device device;
  std::int32_t rank;
  DataType type;
  std::int64_t* sizes;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};

struct ManagedTensor {
  Version version;
  void* context;
  void (*deleter)(ManagedTensor*);
  std::uint64_t flags;
  Tensor tensor;
};

/// Before version 1: what a plain "dltensor" capsule holds.
struct OldManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(OldManagedTensor*);
};

/// What a type's `__dlpack_c_exchange_api__` capsule holds: the same exchange without Python calls. Each returns 0, or -1
/// with a Python exception set.
struct ExchangeApi {
  Version version;
  ExchangeApi* previous;
  void* allocate;
  int (*managed_from_object)(void* object, ManagedTensor** out);
  int (*managed_to_object)(ManagedTensor* tensor, void** out);  ///< takes the tensor over
  int (*tensor_from_object)(void* object, Tensor* out);         ///< borrows; may be null
  void* current_stream;
};

}  // namespace fovea::bind::dlpack
