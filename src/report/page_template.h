// The built page without data, embedded when the library is built (cmake/embed_page.cmake).
#pragma once

#include <string_view>

namespace fovea::report {

/// src/report/page_template.html, which script/web builds from web/.
std::string_view page_template() noexcept;

}  // namespace fovea::report
