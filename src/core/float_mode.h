// The floating-point mode that results are promised in: round to nearest, subnormals kept, nothing
// trapped.
#pragma once

#if defined(__SSE__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace fovea {

/// Sets the default mode for its lifetime and gives the thread its own mode back: a caller that
/// flushes subnormals or rounds upwards gets the bits that everybody gets, and keeps its mode. One
/// of these stands around every task.
class DefaultFloatMode {
 public:
#if defined(__SSE__)
  DefaultFloatMode() noexcept : saved_(_mm_getcsr()) {
    if (changed()) _mm_setcsr(kDefault);
  }
  ~DefaultFloatMode() {
    if (changed()) _mm_setcsr(saved_);
  }
#else
  DefaultFloatMode() noexcept {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFloatMode() {
    std::fesetenv(&saved_);
  }
#endif
  DefaultFloatMode(const DefaultFloatMode&) = delete;
  DefaultFloatMode& operator=(const DefaultFloatMode&) = delete;

 private:
#if defined(__SSE__)
  static constexpr unsigned kDefault = 0x1F80;  // MXCSR at the start of every program
  static constexpr unsigned kFlags = 0x3F;      // what has happened so far: not part of the mode
  bool changed() const noexcept {
    return (saved_ & ~kFlags) != kDefault;
  }
  unsigned saved_;
#else
  std::fenv_t saved_;
#endif
};

}  // namespace fovea
