// Names and block sizes. Source: github.com/ggml-org/ggml, ggml-common.h.
#include "fovea/formats/stored_type.h"

#include <array>
#include <utility>

namespace fovea::formats {
namespace {

struct Facts {
  StoredType type;
  std::string_view name;
  BlockSize block;
};

// In the order of StoredType.
constexpr std::array kFacts{
    Facts{StoredType::f32, "F32", {1, 4}},         Facts{StoredType::f64, "F64", {1, 8}},
    Facts{StoredType::f16, "F16", {1, 2}},         Facts{StoredType::bf16, "BF16", {1, 2}},
    Facts{StoredType::boolean, "BOOL", {1, 1}},    Facts{StoredType::i8, "I8", {1, 1}},
    Facts{StoredType::i16, "I16", {1, 2}},         Facts{StoredType::i32, "I32", {1, 4}},
    Facts{StoredType::i64, "I64", {1, 8}},         Facts{StoredType::u8, "U8", {1, 1}},
    Facts{StoredType::u16, "U16", {1, 2}},         Facts{StoredType::u32, "U32", {1, 4}},
    Facts{StoredType::u64, "U64", {1, 8}},         Facts{StoredType::f8_e4m3, "F8_E4M3", {1, 1}},
    Facts{StoredType::f8_e5m2, "F8_E5M2", {1, 1}}, Facts{StoredType::q4_0, "Q4_0", {32, 18}},
    Facts{StoredType::q4_1, "Q4_1", {32, 20}},     Facts{StoredType::q5_0, "Q5_0", {32, 22}},
    Facts{StoredType::q5_1, "Q5_1", {32, 24}},     Facts{StoredType::q8_0, "Q8_0", {32, 34}},
    Facts{StoredType::q2_k, "Q2_K", {256, 84}},    Facts{StoredType::q3_k, "Q3_K", {256, 110}},
    Facts{StoredType::q4_k, "Q4_K", {256, 144}},   Facts{StoredType::q5_k, "Q5_K", {256, 176}},
    Facts{StoredType::q6_k, "Q6_K", {256, 210}},   Facts{StoredType::q8_k, "Q8_K", {256, 292}},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kFacts.size(); ++i) {
    if (static_cast<std::size_t>(kFacts[i].type) != i) return false;
  }
  return true;
}
static_assert(is_in_order());

const Facts& facts_of(StoredType type) noexcept {
  return kFacts[static_cast<std::size_t>(type)];
}

}  // namespace

std::string_view name_of(StoredType type) noexcept {
  return facts_of(type).name;
}

BlockSize block_size(StoredType type) noexcept {
  return facts_of(type).block;
}

bool is_weight_type(StoredType type) noexcept {
  switch (type) {
    case StoredType::f32:
    case StoredType::f16:
    case StoredType::bf16:
    case StoredType::q8_0:
    case StoredType::q4_0:
    case StoredType::q4_1:
    case StoredType::q4_k:
    case StoredType::q6_k:
      return true;
    default:
      return false;
  }
}

}  // namespace fovea::formats
