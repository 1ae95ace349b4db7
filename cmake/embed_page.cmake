# cmake -DINPUT=page.html -DOUTPUT=page.cc -P embed_page.cmake: the page's bytes as a C++ array.
file(READ "${INPUT}" BYTES HEX)
string(REGEX REPLACE "(..)" "0x\\1," BYTES "${BYTES}")
# 16 bytes a line: compilers and tools have limits.
string(REGEX REPLACE "(................................................................................)" "\\1\n" BYTES "${BYTES}")
file(WRITE "${OUTPUT}" "// Made of src/report/page_template.html by cmake/embed_page.cmake.
#include \"report/page_template.h\"

namespace fovea::report {
namespace {

constexpr unsigned char kPage[] = {
${BYTES}};

}  // namespace

std::string_view page_template() noexcept {
  return {static_cast<const char*>(static_cast<const void*>(kPage)), sizeof(kPage)};
}

}  // namespace fovea::report
")
