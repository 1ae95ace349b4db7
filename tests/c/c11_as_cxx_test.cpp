// The C test, compiled as C++: the header serves both.
#include "c11_test.c"
