// Whether bytes are UTF-8: names in files have to be.
#pragma once

#include <string_view>

namespace fovea::formats {

/// True for valid UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates.
bool is_utf8(std::string_view text) noexcept;

}  // namespace fovea::formats
