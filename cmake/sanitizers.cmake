# FOVEA_SANITIZE: a list for -fsanitize=, as the asan, ubsan and tsan presets set it.
if(FOVEA_SANITIZE)
  add_compile_options(-fsanitize=${FOVEA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=${FOVEA_SANITIZE})
endif()
