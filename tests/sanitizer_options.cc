// For every test program of a sanitizer's build. Its allocator ends the program when asked for too
// much, unless told that callers look at the result.
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
extern "C" const char* __tsan_default_options() {
  return "allocator_may_return_null=1";
}
