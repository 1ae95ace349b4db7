# The layers, lowest first, and what each may include: the one statement of the layer graph.
# fovea_layer(NAME [USES layer...] [LINKS library...]): the sources are src/NAME/*.cc. "USES" takes in all that the
# named layers use. tests/project/layers_test.cc reads this file and fails on an #include that it does not allow.
fovea_layer(core)
fovea_layer(attention USES core)
fovea_layer(reference USES attention)
fovea_layer(kernels   USES attention LINKS PkgConfig::HWY)
fovea_layer(engine    USES kernels reference)
fovea_layer(insight   USES engine)
fovea_layer(nn        USES engine LINKS PkgConfig::BLAS)
fovea_layer(lesson    USES nn reference)
fovea_layer(formats   USES core)
fovea_layer(tokenize  USES core LINKS PkgConfig::PCRE2 PkgConfig::UTF8PROC)
fovea_layer(models    USES nn insight formats tokenize)
fovea_layer(report    USES lesson models)
fovea_layer(c         USES engine)
