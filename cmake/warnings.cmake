# Warnings for our own code. They are errors where FOVEA_WERROR is on (the dev preset).
add_library(fovea_warnings INTERFACE)
target_compile_options(fovea_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-align -Woverloaded-virtual -Wdouble-promotion -Wformat=2)
# GCC 12 warns at -O3 about the insides of std::string: -Wrestrict wrongly (GCC bug 105651), -Wnull-dereference wherever
# an allocation could fail. The first is off with it, the second on only where there is less inlining, in dev.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(fovea_warnings INTERFACE -Wno-restrict)
endif()
if(FOVEA_WERROR)
  target_compile_options(fovea_warnings INTERFACE -Werror -Wnull-dereference)
endif()
