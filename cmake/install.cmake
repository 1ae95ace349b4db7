# Installing: headers, both libraries, the program, the CMake package (fovea::fovea is the shared library,
# fovea::static the other) and the pkg-config file. The prefix may be moved afterwards.
include(CMakePackageConfigHelpers)

set_target_properties(fovea_shared PROPERTIES EXPORT_NAME fovea)
set_target_properties(fovea_static PROPERTIES EXPORT_NAME static)
set(FOVEA_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/fovea)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS fovea_shared EXPORT fovea-shared)
install(TARGETS fovea_static EXPORT fovea-static)
if(TARGET fovea)
  install(TARGETS fovea)
endif()

# Two export files: whoever links the shared library need not have what the static one is made of.
foreach(KIND shared static)
  install(EXPORT fovea-${KIND} NAMESPACE fovea:: DESTINATION ${FOVEA_PACKAGE_DIR})
endforeach()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/fovea-config.cmake.in
  ${PROJECT_BINARY_DIR}/fovea-config.cmake INSTALL_DESTINATION ${FOVEA_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fovea-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fovea-config.cmake ${PROJECT_BINARY_DIR}/fovea-config-version.cmake
  DESTINATION ${FOVEA_PACKAGE_DIR})

file(RELATIVE_PATH FOVEA_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/fovea.pc.in ${PROJECT_BINARY_DIR}/fovea.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fovea.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
